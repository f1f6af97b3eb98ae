// A session with its world: a scripted service, a clock that the test moves, a client that decodes what it is sent.
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fake_service.h"
#include "frame_word.h"
#include "im/gateway/session.h"

namespace nightpost::im::fake {

inline const std::string kHello =
    R"({"type":"hello","versions":[1],"app":1,"user":"denny","sig":"s","device":"phone","platform":"ios"})";

struct SessionRig : SessionHost {
  explicit SessionRig(GatewayOptions options_in = {}) : options(std::move(options_in)) {}

  // SessionHost
  void output_ready(Session&) override {}
  void joining(Session&) override { news.push_back("joining"); }
  void online(Session&, std::span<const ConvId> groups) override {
    news.push_back(groups.empty() ? "online" : "online in " + std::to_string(groups.size()));
  }
  void acknowledged(Session&, std::span<const MessageId> messages) override {
    std::string line = "has";
    for (const MessageId id : messages) line += " " + text_of(id);
    news.push_back(line);
  }
  void caught_up(Session&, std::span<const MessageId> but) override {
    if (!tells_caught_up) return;
    std::string line = "caught up";
    for (const MessageId id : but) line += " but " + text_of(id);
    news.push_back(line);
  }
  void left(Session&, bool was_foreground) override { news.push_back(was_foreground ? "left foreground" : "left"); }
  void foreground_changed(Session& who) override { news.push_back(who.foreground() ? "foreground" : "away"); }
  void acknowledged(Session&, Ver ver) override { news.push_back("acknowledged " + std::to_string(ver.value)); }
  std::shared_ptr<const void> login_slot() override { return slots ? slot : nullptr; }
  milliseconds login_retry() override { return milliseconds(1234); }
  milliseconds login_failed(Session&, const Refusal&) override { return failed_wait; }

  // The client
  void say(const std::string& text) {
    std::string bytes;
    append_ws_frame(bytes, WsOpcode::Text, text, std::array<std::uint8_t, 4>{1, 2, 3, 4});
    bytes_in(bytes);
  }
  void bytes_in(const std::string& bytes) {
    unread += bytes;
    feed();
  }
  void feed() {
    std::string_view view = unread;
    session->feed(view);
    unread = std::string(view);
  }
  void ask(std::int64_t id, const std::string& op, const std::string& body = "{}") {
    say(R"({"type":"req","id":)" + std::to_string(id) + R"(,"op":")" + op + R"(","body":)" + body + "}");
  }
  void ack(std::int64_t pos) { say(R"({"type":"ack","pos":)" + std::to_string(pos) + "}"); }
  void ack_ver(std::int64_t ver) { say(R"({"type":"ack","ver":)" + std::to_string(ver) + "}"); }
  /// What waits for the client, as short words.
  std::vector<std::string> heard() {
    std::string bytes;
    session->pull_output(bytes, std::string::npos);
    feed();
    std::string_view view = bytes;
    std::vector<std::string> all;
    while (const auto event = decoder.next(view)) {
      switch (event->kind) {
        case WsEvent::Kind::Text:
          last = nlohmann::json::parse(event->data);
          all.push_back(word_of(last));
          break;
        case WsEvent::Kind::Close:
          all.push_back("close " + std::to_string(event->code));
          break;
        case WsEvent::Kind::Pong:
          all.push_back("ws pong " + std::string(event->data));
          break;
        default:
          all.push_back("?");
      }
    }
    return all;
  }
  void deliver(const Delivery& delivery) {
    const auto& item = std::get<NewMessage>(delivery.item);
    session->deliver(delivery, std::make_shared<const std::string>(message_json(*item.message)));
  }
  void deliver(std::int64_t ver) { deliver(new_message("denny", ver)); }
  /// Logged in, told so, at that ver, which it has acknowledged.
  void log_in(std::int64_t ver, std::int64_t epoch = 1) {
    say(kHello);
    service.pop(service.logins).second(login_reply("denny", "phone", epoch, ver));
    CHECK(heard() == std::vector<std::string>{"welcome " + std::to_string(ver)});
    if (ver > 0) ack_ver(ver);
    news.clear();
    service.acks.clear();
  }
  void pass(milliseconds time) {
    clock.pass(time);
    if (session->due() <= clock.now) session->tick();
  }
  std::vector<std::string> told() { return std::exchange(news, {}); }

  GatewayOptions options;
  ManualClock clock;
  ScriptedService service;
  FrameParser parser;
  GatewayMetrics metrics;
  bool slots = true;
  bool tells_caught_up = false;
  std::shared_ptr<const void> slot = std::make_shared<int>(0);
  milliseconds failed_wait{0};
  std::vector<std::string> news;
  SessionWorld world{options, clock, service, service, service, *this, parser, metrics};
  std::shared_ptr<Session> session = std::make_shared<Session>(world);
  WsDecoder decoder{WsRole::Client, {.message_bytes_max = kServerFrameBytesMax, .skipped_bytes_max = 0}};
  std::string unread;
  nlohmann::json last;
};
using Words = std::vector<std::string>;

}  // namespace nightpost::im::fake
