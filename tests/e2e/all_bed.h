// `nightpost all` with a store, an app and the simulator as the phone.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "e2e/im_process.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {

using nlohmann::json;
using support::ImClient;

/// A store, an app with a key and a certificate, and the simulator that it is sent to.
struct AllBed {
  support::TempFolder folder{"all"};
  support::Nightpost nightpost{program(), "localhost:9092", folder};
  ImParty party{folder, nightpost};
  std::string config;
  support::SandboxProcess sandbox{program(), {"apns"}, folder};
  std::int64_t certificate = 0;

  explicit AllBed(const json& changes = json::object()) {
    json section = {{"im", party.im_section(json::object())}, {"worker", {{"http_listen", "127.0.0.1:0"}}}};
    section.merge_patch(changes);
    config = nightpost.config("all.json", {.group = "all", .offline = "o", .results = "r", .dead = "d"}, section);
    certificate = support::add_vendor_certificate(nightpost, config, "apns", sandbox, folder);
  }
  ImProcess server() { return ImProcess(config, folder.file("all.ready"), folder.file("all.log"), "all"); }
  static json send(ImClient& from, const std::string& to, const std::string& words, const std::string& client_id) {
    return from.done("send", ImParty::message(to, words, client_id));
  }
  struct Shown {
    std::string message, push_id, words;
    int status = 0;
  };
  /// What came to the phone with this token, in the order of arrival; refused ones too.
  std::vector<Shown> came(const std::string& token) const {
    std::vector<Shown> all;
    for (const json& request : sandbox.requests("apns")) {
      if (request.at("path") != "/3/device/" + token) continue;
      Shown one{.message = {}, .push_id = {}, .words = {}, .status = request.at("verdict").at("status")};
      for (const json& header : request.at("headers")) {
        if (header.at(0) == "apns-collapse-id") one.message = header.at(1);
        if (header.at(0) == "apns-id") one.push_id = header.at(1);
      }
      one.words = json::parse(request.at("body").get<std::string>()).at("aps").at("alert").value("body", "");
      all.push_back(std::move(one));
    }
    return all;
  }
  /// The messages that the phone shows.
  std::set<std::string> shown(const std::string& token) const {
    std::set<std::string> messages;
    for (const Shown& one : came(token))
      if (one.status == 200) messages.insert(one.message);
    return messages;
  }
};

}  // namespace nightpost::e2e
