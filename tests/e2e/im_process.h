// `nightpost im`, or `all`, as a child, and the ground that its tests stand on.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "e2e/spine_bed.h"
#include "support/im_client.h"

namespace nightpost::e2e {

class ImProcess {
 public:
  ImProcess(const std::string& config, const std::string& ready_file, const std::string& log_file,
            const std::string& role = "im")
      : process_({program(), role, "--config", config, "--ready-file", ready_file},
                 {.environment = {}, .folder = {}, .log_file = log_file}) {
    const bool up = support::eventually(support::milliseconds(20'000),
                                        [&] { return std::filesystem::exists(ready_file) || !process_.running(); });
    if (!up || !std::filesystem::exists(ready_file))
      throw std::runtime_error("nightpost " + role + " did not come up:\n" + support::read_file(log_file));
    const nlohmann::json ready = nlohmann::json::parse(support::read_file(ready_file));
    std::filesystem::remove(ready_file);
    const std::string url = ready.at("ws");
    const std::size_t colon = url.rfind(':');
    port_ = static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1)));
    http_ = ready.at("http");
    rest_ = ready.value("rest", "");
  }
  std::uint16_t port() const noexcept { return port_; }
  const std::string& rest() const noexcept { return rest_; }  // of the server API; empty: there is none
  support::Process& process() noexcept { return process_; }
  double metric(const std::string& series) const {
    const std::string page =
        support::run_command({"curl", "--silent", http_ + "/metrics"}, support::milliseconds(10'000)).out;
    const std::size_t at = page.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
  }

 private:
  support::Process process_;
  std::uint16_t port_ = 0;
  std::string http_, rest_;
};

/// An app with a key, and users who come into being when they log in.
struct ImParty {
  const support::TempFolder& party_folder;
  const support::Nightpost& party_nightpost;
  const std::string key_file =
      party_folder.write("app.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  std::map<std::string, std::string> signatures;

  ImParty(const support::TempFolder& folder, const support::Nightpost& nightpost)
      : party_folder(folder), party_nightpost(nightpost) {}
  /// The section of a config; `changes` are merged over it.
  nlohmann::json im_section(const nlohmann::json& changes) const {
    nlohmann::json section = {{"listen", "127.0.0.1:0"},
                              {"http_listen", "127.0.0.1:0"},
                              {"key_files", {{std::to_string(support::kFleetApp), key_file}}},
                              {"ack_timeout_ms", 1'500},
                              {"app_rules_poll_ms", 100},
                              {"return_wait_ms", 1'500}};
    section.merge_patch(changes);
    return section;
  }
  std::string signature(const std::string& user) {
    std::string& known = signatures[user];
    if (known.empty()) {
      const support::Ran ran = party_nightpost.run({"account", "sig", "--app", std::to_string(support::kFleetApp),
                                                    "--user", user, "--key-file", key_file, "--expire", "86400"});
      if (ran.exit_code != 0) throw std::runtime_error("account sig: " + ran.out);
      known = ran.out.substr(0, ran.out.find('\n'));
    }
    return known;
  }
  /// A hello's members.
  nlohmann::json hello(const std::string& user, const std::string& device, const std::string& platform = "ios") {
    return {{"app", support::kFleetApp},
            {"user", user},
            {"device", device},
            {"platform", platform},
            {"sig", signature(user)}};
  }
  /// Connects, says hello and acknowledges what there was.
  support::ImClient join(const ImProcess& server, const std::string& user, const std::string& device) {
    support::ImClient client(server.port());
    const nlohmann::json welcome = client.hello(hello(user, device));
    if (welcome.at("code") != 0) throw std::runtime_error(welcome.dump());
    const nlohmann::json synced = client.done("sync", {{"ver", 0}});
    client.say({{"type", "ack"}, {"ver", synced.at("ver")}});
    return client;
  }
  /// The body of a `send`.
  static nlohmann::json message(const std::string& to, const std::string& words, const std::string& client_id) {
    return {{"to", to},
            {"client_id", client_id},
            {"elements", nlohmann::json::array({{{"type", "text"}, {"text", words}}})}};
  }
};

/// A broker and a store.
struct ImBed : Bed, ImParty {
  std::string config;

  /// `im` is merged over the section of the config. `store_url`: of a server; empty: a file.
  explicit ImBed(const nlohmann::json& im = nlohmann::json::object(), const std::string& store_url = "")
      : ImParty(Bed::folder, Bed::nightpost) {
    nlohmann::json sections = {{"im", im_section(im)}};
    if (!store_url.empty()) sections["store"] = {{"url", store_url}};
    config = nightpost.config("im.json", names, sections);
  }
  ImProcess server() { return ImProcess(config, folder.file("im.ready"), folder.file("im.log")); }
};

}  // namespace nightpost::e2e
