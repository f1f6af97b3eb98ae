// Everything around a Dispatcher, in memory and on manual time: what it asked for, sent and settled can be read back.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.h"
#include "support/fake_provider.h"
#include "support/outcome_contract.h"

namespace nightpost::testing {

inline constexpr std::int64_t kNowMs = 1'795'225'887'405;

class ManualClock final : public Clock {
 public:
  WallTime wall() const noexcept override {
    ++reads;
    return wall_from_ms(kNowMs) + since_;
  }
  MonoTime mono() const noexcept override {
    ++reads;
    return MonoTime(std::chrono::hours(1)) + since_;
  }
  void advance(milliseconds by) { since_ += by; }
  mutable int reads = 0;

 private:
  milliseconds since_{0};
};

class World final : public dispatch::Directory,
                    public dispatch::Credentials,
                    public dispatch::Transport,
                    public dispatch::Settler {
 public:
  struct Sent {
    HttpRequest http;
    MonoTime deadline;
    std::uint64_t tag = 0;
    dispatch::ReplyHandler* handler = nullptr;
    std::string header(std::string_view name) const {
      for (const Header& each : http.headers)
        if (each.name == name) return each.value;
      return "(none)";
    }
  };

  ManualClock clock;
  dispatch::Metrics metrics;

  // What the world is like.
  std::map<std::string, Receiver> users;  // by user id
  bool app_known = true;
  std::optional<Error> store_down;  // find() fails so
  bool store_slow = false;          // find() answers with answer_store()
  bool remove_slow = false;         // so does remove_token()
  std::map<std::int64_t, std::shared_ptr<dispatch::Route>> routes;
  std::optional<Error> route_error, grant_error, refresh_error, knows_error, remove_error;
  bool removes = true;
  bool grant_pending = false;  // a token endpoint is being asked
  std::size_t settler_room = std::numeric_limits<std::size_t>::max();
  std::string throws_in;  // the port that has a bug: "route", "find", "after find"; or "an int in route"

  // What happened.
  std::vector<Sent> sent;
  std::vector<nlohmann::json> outcomes;
  std::vector<dispatch::DeadLetter> letters;
  std::vector<dispatch::Deferral> deferrals;
  std::vector<dispatch::RecordId> released, handed_back;
  std::vector<std::string> removed;
  std::vector<std::uint64_t> left;
  std::vector<std::uint64_t> withdrawn;  // route ids
  int finds = 0, flushes = 0, signatures = 1, routes_asked = 0;
  std::shared_ptr<const Grant> current = std::make_shared<Grant>(Grant{.authorization = "grant 1"});

  World() { routes[1] = route(1, 7); }

  static std::shared_ptr<dispatch::Route> route(std::int64_t certificate, std::uint64_t id) {
    auto made = std::make_shared<dispatch::Route>();
    made->id = id;
    made->certificate.id = {certificate};
    made->certificate.vendor = Vendor::Apns;
    made->provider = std::make_shared<FakeProvider>();
    return made;
  }

  /// A user with one reachable iPhone.
  Receiver& add(const std::string& user) {
    Receiver& receiver = users[user];
    Device device;
    device.device_id = user + "-phone";
    device.certificate = {1};
    device.token = DeviceToken("token-of-" + user + "-phone");
    device.registered_at = wall_from_ms(kNowMs - 1'000'000);
    device.state = DeviceState::Offline;
    receiver.devices.push_back(device);
    return receiver;
  }

  /// The newest request is answered.
  void answer(int status, std::string body = "", std::size_t which = std::string::npos) {
    const Sent& to = which == std::string::npos ? sent.back() : sent[which];
    to.handler->on_reply(to.tag,
                         {.response = HttpResponse{.status = status, .body = std::move(body)}, .connection = 3});
  }
  /// After some of it went out.
  void lose(Errc code, bool maybe_sent) {
    const Sent& to = sent.back();
    to.handler->on_reply(to.tag,
                         {.response = fail(code, "the line went dead"), .maybe_sent = maybe_sent, .written = true});
  }
  /// Not a byte of it went out.
  void never_sent(std::size_t which, Errc code = Errc::ConnectionLost) {
    const Sent& to = sent[which];
    to.handler->on_reply(to.tag, {.response = fail(code, "connecting: refused")});
  }
  void answer_store() {
    for (auto& waiting : std::exchange(waiting_, {})) waiting();
  }

  // The ports.
  void find(std::span<const ReceiverKey> keys, Found found) override {
    ++finds;
    maybe_throw("find");
    auto result = store_down ? Result<std::vector<std::shared_ptr<const Receiver>>>(std::unexpected(*store_down))
                             : std::vector<std::shared_ptr<const Receiver>>();
    if (result)
      for (const ReceiverKey& key : keys) result->push_back(std::make_shared<const Receiver>(users[key.user_id]));
    if (!store_slow) {
      found(std::move(result));
      return maybe_throw("after find");
    }
    waiting_.push_back([found = std::move(found), result = std::move(result)]() mutable { found(std::move(result)); });
  }
  Result<bool> knows(AppId) override {
    maybe_throw("knows");
    return knows_error ? Result<bool>(std::unexpected(*knows_error)) : app_known;
  }
  void remove_token(AppId, std::string_view user_id, const Device& device, Removed told) override {
    maybe_throw("remove_token");
    Result<bool> result = removes;
    if (remove_error) result = std::unexpected(*remove_error);
    if (result) removed.push_back(std::string(user_id) + "/" + device.device_id);
    if (remove_slow)
      waiting_.push_back([told = std::move(told), result]() mutable { told(std::move(result)); });
    else
      told(std::move(result));
  }
  Result<std::shared_ptr<const dispatch::Route>> route(AppId, CertificateId certificate) override {
    ++routes_asked;
    maybe_throw("route");
    if (route_error) return std::unexpected(*route_error);
    const auto found = routes.find(certificate.value);
    if (found == routes.end()) return fail(Errc::NotFound, "no certificate " + std::to_string(certificate.value));
    return found->second;
  }
  Result<std::shared_ptr<const Grant>> grant(const dispatch::Route&, WallTime) override {
    maybe_throw("grant");
    if (grant_error) return std::unexpected(*grant_error);
    return grant_pending ? nullptr : current;
  }
  Result<std::shared_ptr<const Grant>> refresh(const dispatch::Route&, const Grant& refused, WallTime) override {
    maybe_throw("refresh");
    if (refresh_error) return std::unexpected(*refresh_error);
    if (grant_pending) return nullptr;
    if (refused.authorization == current->authorization)
      current = std::make_shared<Grant>(Grant{.authorization = "grant " + std::to_string(++signatures)});
    return current;
  }
  void send(const std::shared_ptr<const dispatch::Route>&, HttpRequest request, MonoTime deadline, std::uint64_t tag,
            dispatch::ReplyHandler& handler) override {
    maybe_throw("send");
    sent.push_back({std::move(request), deadline, tag, &handler});
  }
  void drain_connection(const dispatch::Route&, std::uint64_t connection) override {
    maybe_throw("drain_connection");
    left.push_back(connection);
  }
  void withdraw_queued(const dispatch::Route& route) override { withdrawn.push_back(route.id); }
  void flush() override { ++flushes; }
  void outcome(dispatch::RecordId, std::string_view, std::string_view json) override {
    outcomes.push_back(nlohmann::json::parse(json));
    require_outcome(outcomes.back());
  }
  void dead(dispatch::RecordId, dispatch::DeadLetter letter) override { letters.push_back(std::move(letter)); }
  void defer(dispatch::RecordId, dispatch::Deferral deferral) override { deferrals.push_back(std::move(deferral)); }
  void release(dispatch::RecordId record_id) override { released.push_back(record_id); }
  void hand_back(dispatch::RecordId record_id) override { handed_back.push_back(record_id); }
  std::size_t room() const noexcept override { return settler_room; }

 private:
  void maybe_throw(std::string_view port) const {
    if (throws_in == port) throw std::runtime_error("a bug in " + throws_in);
    if (throws_in == "an int in " + std::string(port)) throw 5;
  }
  std::vector<std::move_only_function<void()>> waiting_;
};

/// A valid event, to be changed by a test.
inline nlohmann::json event_for(std::initializer_list<std::string> users) {
  nlohmann::json to = nlohmann::json::array();
  for (const std::string& user : users) to.push_back({{"user_id", user}, {"unread", 3}});
  return {{"event_id", "01JDEVENT"},
          {"app_id", 1400000001},
          {"occurred_at", kNowMs - 100},
          {"expires_at", kNowMs + 86'400'000},
          {"kind", "c2c"},
          {"from", {{"user_id", "denny"}, {"nick", "Denny"}}},
          {"message", {{"id", "144115-1-7"}, {"elements", {{{"type", "text"}, {"text", "are you coming tonight?"}}}}}},
          {"to", to}};
}

}  // namespace nightpost::testing
