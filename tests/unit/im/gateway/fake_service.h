// A service that answers what the test says, when it says so; and a clock that it moves.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "im/service/service.h"

namespace nightpost::im::fake {

struct ManualClock final : Clock {
  MonoTime now{std::chrono::hours(1)};
  WallTime today = wall_from_ms(1'795'225'887'405);
  WallTime wall() const noexcept override { return today; }
  MonoTime mono() const noexcept override { return now; }
  void pass(milliseconds time) {
    now += time;
    today += time;
  }
};

struct ScriptedService : Service {
  /// Requests that wait for their answer, oldest first.
  std::deque<std::pair<LoginRequest, Reply<LoginReply>>> logins;
  std::deque<Reply<void>> logouts, plain;
  std::deque<std::pair<SendRequest, Reply<SendReply>>> sends;
  std::deque<Reply<Ver>> changes;
  std::deque<Reply<ReadReply>> reads;
  std::deque<std::pair<SyncRequest, Reply<SyncReply>>> syncs;
  std::deque<std::pair<PullRequest, Reply<PullReply>>> pulls;
  std::vector<std::string> calls;  // "op device epoch"
  std::vector<Ver> acks;
  /// Where set, answers a login at once.
  std::function<Answer<LoginReply>(const LoginRequest&)> at_once;

  void login(LoginRequest request, Reply<LoginReply> reply) override {
    if (at_once) return reply(at_once(request));
    logins.emplace_back(std::move(request), std::move(reply));
  }
  void logout(const Terminal& who, Reply<void> reply) override {
    called("logout", who), logouts.push_back(std::move(reply));
  }
  void send(const Terminal& who, SendRequest request, Reply<SendReply> reply) override {
    called("send", who);
    sends.emplace_back(std::move(request), std::move(reply));
  }
  void recall(const Terminal& who, MessageId, Reply<Ver> reply) override { change("recall", who, std::move(reply)); }
  void remove(const Terminal& who, std::vector<MessageId>, Reply<Ver> reply) override {
    change("remove", who, std::move(reply));
  }
  void read(const Terminal& who, ReadRequest, Reply<ReadReply> reply) override {
    called("read", who);
    reads.push_back(std::move(reply));
  }
  void change_chat(const Terminal& who, ChatChange, Reply<Ver> reply) override {
    change("chat", who, std::move(reply));
  }
  void sync(const Terminal& who, SyncRequest request, Reply<SyncReply> reply) override {
    called("sync", who);
    syncs.emplace_back(request, std::move(reply));
  }
  void pull(const Terminal& who, PullRequest request, Reply<PullReply> reply) override {
    called("pull", who);
    pulls.emplace_back(std::move(request), std::move(reply));
  }
  void report_token(const Terminal& who, TokenReport, Reply<void> reply) override {
    simple("token", who, std::move(reply));
  }
  void report_state(const Terminal& who, AppState, Reply<void> reply) override {
    simple("state", who, std::move(reply));
  }
  void set_push_settings(const Terminal& who, PushSettings, Reply<void> reply) override {
    simple("settings", who, std::move(reply));
  }
  void set_mute(const Terminal& who, Mute, bool, Reply<void> reply) override { simple("mute", who, std::move(reply)); }
  void set_profile(const Terminal& who, Profile, Reply<void> reply) override {
    simple("profile", who, std::move(reply));
  }
  void profiles(const Terminal& who, std::vector<std::string> users,
                Reply<std::vector<std::pair<std::string, Profile>>> reply) override {
    called("profiles", who);
    std::vector<std::pair<std::string, Profile>> found;
    for (std::string& user : users) found.emplace_back(std::move(user), Profile{.nick = "N"});
    reply(std::move(found));
  }
  void set_blacklisted(const Terminal& who, BlacklistChange, Reply<void> reply) override {
    simple("black", who, std::move(reply));
  }
  void blacklist(const Terminal& who, Reply<std::vector<std::string>> reply) override {
    called("blacks", who);
    reply(std::vector<std::string>{"mallory"});
  }
  void acknowledged(const Terminal&, Ver ver) override { acks.push_back(ver); }
  void intents(std::int64_t, std::size_t, Reply<std::vector<Intent>>) override {}
  void intent_published(std::int64_t, std::int32_t, std::vector<std::string>) override {}
  void intent_settled(std::int64_t) override {}
  void follow_ups(std::int64_t, std::size_t, Reply<std::vector<FollowUp>>) override {}
  void follow_up_settled(std::int64_t) override {}

  template <class T>
  static T pop(std::deque<T>& from) {
    T first = std::move(from.front());
    from.pop_front();
    return first;
  }

 private:
  void called(const char* op, const Terminal& who) {
    calls.push_back(std::string(op) + " " + who.device + " " + std::to_string(who.epoch.value));
  }
  void change(const char* op, const Terminal& who, Reply<Ver> reply) {
    called(op, who);
    changes.push_back(std::move(reply));
  }
  void simple(const char* op, const Terminal& who, Reply<void> reply) {
    called(op, who);
    plain.push_back(std::move(reply));
  }
};

inline LoginReply login_reply(std::string user, std::string device, std::int64_t epoch, std::int64_t ver) {
  LoginReply reply;
  reply.terminal = {{AppId{1}, std::move(user)}, std::move(device), Epoch{epoch}, Platform::Ios};
  reply.ver = Ver{ver};
  reply.signature_ends = wall_from_ms(1'795'830'687'000);
  return reply;
}

inline Delivery new_message(std::string to, std::int64_t ver, std::string elements = R"([{"type":"text","text":"hi"}])",
                            std::string except = "") {
  auto message = std::make_shared<Message>();
  message->id = {ConvId{7}, Seq{ver}};
  message->at = wall_from_ms(1'795'225'887'405);
  message->from = "peer";
  message->to = to;
  message->elements = std::move(elements);
  Delivery delivery;
  delivery.to = {AppId{1}, std::move(to)};
  delivery.ver = Ver{ver};
  delivery.except = std::move(except);
  delivery.item = NewMessage{.message = std::move(message), .unread = 1};
  delivery.unread_total = 1;
  return delivery;
}

}  // namespace nightpost::im::fake
