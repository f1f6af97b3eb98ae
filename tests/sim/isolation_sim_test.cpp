// One vendor in trouble beside several healthy ones, on manual time: the others must not notice, one request at a time
// tries it, and it is not trampled when it is back.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "dispatch/dispatcher.h"
#include "sim/judge.h"
#include "sim/seeds.h"
#include "support/dispatch_world.h"

using namespace nightpost;
using namespace nightpost::sim;
using namespace nightpost::dispatch;

namespace {

enum class Trouble : std::uint8_t { Hangs, Fails, Throttles, Loses, Crawls };
constexpr std::array kTroubles = {Trouble::Hangs, Trouble::Fails, Trouble::Throttles, Trouble::Loses, Trouble::Crawls};

/// Certificate 1 is in trouble for a while; each vendor has a user, and all get pushes at one steady rate.
class Isolation final : public Directory, public Credentials, public Transport, public Settler, public Clock {
 public:
  Isolation(std::uint64_t seed, Trouble trouble) : rng_(seed), trouble_(trouble) {
    options_.jitter_seed = static_cast<std::uint32_t>(seed) + 1;
    vendors_ = 2 + static_cast<std::int64_t>(dice(5));
    every_ = milliseconds(20 + dice(20));
    // A few seconds of one vendor's pushes, as in a real shard.
    options_.events_open_max = 3'000 / static_cast<std::size_t>(every_.count()) * static_cast<std::size_t>(vendors_);
    // Four times what the healthy ones need.
    options_.pushes_in_flight_max = 10 + dice(40) + 4 * static_cast<std::size_t>(vendors_ * (130 / every_.count() + 1));
    options_.pushes_queued_max = 2 * options_.events_open_max;
    options_.push_deadline = milliseconds(8'000 + dice(20'000));
    options_.retry_for = std::chrono::hours(24);
    for (std::int64_t id = 1; id <= vendors_; ++id) {
      latency_[id] = milliseconds(1 + dice(120));
      routes_[id] = testing::World::route(id, static_cast<std::uint64_t>(id));
      Device device;
      device.device_id = "phone";
      device.certificate = {id};
      device.token = DeviceToken("t" + std::to_string(id));
      auto receiver = std::make_shared<Receiver>();
      receiver->devices.push_back(device);
      users_["u" + std::to_string(id)] = receiver;
    }
    dispatcher_ = std::make_unique<Dispatcher>(options_, *this, *this, *this, *this, *this, metrics_);
  }

  void run() {
    trouble_from_ = seconds(3);
    trouble_to_ = trouble_from_ + seconds(12 + dice(10));
    const milliseconds end = trouble_to_ + seconds(25);
    later(milliseconds(0), [this, end] { offer(end); });
    while (true) {
      std::optional<milliseconds> next;
      if (!agenda_.empty()) next = agenda_.top().at;
      if (const auto wake = dispatcher_->next_wakeup()) {
        const milliseconds at = std::chrono::ceil<milliseconds>(*wake - mono()) + since_;
        next = next ? std::min(*next, at) : at;
      }
      if (!next || since_ > end + std::chrono::minutes(5)) break;
      since_ = std::max(since_, *next);
      while (!agenda_.empty() && agenda_.top().at <= since_) {
        const auto what = agenda_.top().what;
        agenda_.pop();
        (*what)();
      }
      if (const auto wake = dispatcher_->next_wakeup(); wake && *wake <= mono()) dispatcher_->wake();
    }
    must(dispatcher_->events_open() == 0, "an event nobody will ever finish");
    must(sent_since_back_ > 0, "nothing of it is sent though it is back");
    must(accepted_since_back_ > sent_since_back_ / 2, "it is back, and its pushes still fail");
  }
  std::size_t put_off = 0, tried = 0;
  milliseconds worst{0};

  WallTime wall() const noexcept override { return wall_from_ms(testing::kNowMs) + since_; }
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1)) + since_; }
  void find(std::span<const ReceiverKey> keys, Found found) override {
    std::vector<std::shared_ptr<const Receiver>> all;
    for (const ReceiverKey& key : keys) all.push_back(users_.at(key.user_id));
    found(std::move(all));
  }
  Result<bool> knows(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(true); }
  Result<std::shared_ptr<const Route>> route(AppId, CertificateId id) override { return routes_.at(id.value); }
  Result<std::shared_ptr<const Grant>> grant(const Route&, WallTime) override { return grant_; }
  Result<std::shared_ptr<const Grant>> refresh(const Route&, const Grant&, WallTime) override { return grant_; }
  void drain_connection(const Route&, std::uint64_t) override {}
  void withdraw_queued(const Route&) override {}
  void flush() override {}
  void dead(RecordId, DeadLetter) override { must(false, "a dead letter"); }
  void defer(RecordId, Deferral) override { ++put_off; }
  void release(RecordId) override {}
  void hand_back(RecordId) override {}

  void send(const std::shared_ptr<const Route>& route, HttpRequest, MonoTime deadline, std::uint64_t tag,
            ReplyHandler& handler) override {
    const std::int64_t id = route->certificate.id.value;
    const milliseconds limit = std::chrono::duration_cast<milliseconds>(deadline - mono());
    const bool bad = id == 1 && since_ >= trouble_from_ && since_ < trouble_to_;
    if (id == 1) note_sent();
    ++in_air_[id];
    milliseconds takes = latency_[id] + milliseconds(dice(5));
    if (bad && trouble_ == Trouble::Hangs) takes = limit;
    if (bad && trouble_ == Trouble::Crawls) takes = std::min(limit, milliseconds(4'000));
    later(std::min(takes, limit), [this, id, tag, &handler, bad, late = takes >= limit] {
      --in_air_[id];
      Reply reply{.response = HttpResponse{.status = 200, .body = "id"}, .connection = 1};
      if (late) reply = {.response = fail(Errc::Timeout, "no answer"), .maybe_sent = true, .written = true};
      if (bad && !late && trouble_ == Trouble::Fails) reply.response = HttpResponse{.status = 503, .body = "Busy"};
      if (bad && !late && trouble_ == Trouble::Throttles)
        reply.response = HttpResponse{.status = 429, .body = "Credential 2"};
      if (bad && !late && trouble_ == Trouble::Loses)
        reply = {.response = fail(Errc::ConnectionLost, "reset"), .written = true};
      if (id == 1 && !bad && reply.response && since_ >= trouble_to_) is_back_ = true;
      handler.on_reply(tag, std::move(reply));
    });
  }
  void outcome(RecordId record, std::string_view, std::string_view json) override {
    const auto at = asked_.find(static_cast<std::uint64_t>(record));
    const std::int64_t id = at->second.first;
    const bool accepted = member_of(json, "outcome") == "accepted";
    if (id == 1) {
      if (is_back_ && at->second.second > trouble_to_ + seconds(20)) {
        ++sent_since_back_;
        accepted_since_back_ += accepted ? 1 : 0;
      }
    } else {
      must(accepted, "another vendor's push that was not accepted: " + std::string(json));
      const milliseconds extra = since_ - at->second.second - latency_[id] - milliseconds(5);
      worst = std::max(worst, extra);
      // The first few answers open the way for the rest; after that nothing waits.
      if (at->second.second > seconds(2))
        must(extra <= milliseconds(50), "another vendor's push that waited for " + std::to_string(extra.count()));
    }
    asked_.erase(at);
  }

 private:
  struct Happening {
    milliseconds at;
    std::uint64_t order;
    std::shared_ptr<std::function<void()>> what;
    bool operator>(const Happening& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };
  std::uint64_t dice(std::uint64_t sides) { return rng_() % sides; }
  void later(milliseconds delay, std::function<void()> what) {
    agenda_.push({since_ + delay, order_++, std::make_shared<std::function<void()>>(std::move(what))});
  }
  void offer(milliseconds end) {
    if (since_ >= end) return;
    for (std::int64_t id = 1; id <= vendors_; ++id) {
      must(dispatcher_->has_capacity(), "the shard takes nothing any more");
      const std::uint64_t record = ++records_;
      asked_[record] = {id, since_};
      nlohmann::json event = testing::event_for({"u" + std::to_string(id)});
      event["occurred_at"] = to_ms(wall());
      const std::string text = event.dump();
      const Record one{.record_id = RecordId{record}, .key = "k", .value = text};
      dispatcher_->accept(std::span(&one, 1));
    }
    later(every_, [this, end] { offer(end); });
  }
  /// Those that try the vendor come one by one.
  void note_sent() {
    const auto probes = metrics_.signer_probes.read();
    if (probes == tried) return;
    must(probes == tried + 1, "two requests that try a vendor at once");
    must(tried == 0 || since_ >= probe_at_ + options_.probe_first, "a vendor tried without a pause");
    tried = probes;
    probe_at_ = since_;
  }

  std::mt19937_64 rng_;
  const Trouble trouble_;
  Options options_;
  Metrics metrics_;
  std::int64_t vendors_ = 0;
  milliseconds every_{0}, since_{0}, trouble_from_{0}, trouble_to_{0}, probe_at_{0};
  std::map<std::int64_t, milliseconds> latency_;
  std::map<std::int64_t, std::shared_ptr<Route>> routes_;
  std::map<std::string, std::shared_ptr<const Receiver>> users_;
  std::map<std::uint64_t, std::pair<std::int64_t, milliseconds>> asked_;
  std::map<std::int64_t, std::size_t> in_air_;
  std::shared_ptr<const Grant> grant_ = std::make_shared<Grant>(Grant{.authorization = "1"});
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> agenda_;
  std::uint64_t order_ = 0, records_ = 0;
  bool is_back_ = false;
  std::size_t sent_since_back_ = 0, accepted_since_back_ = 0;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace

TEST_CASE("sim: a vendor in trouble moves its own pushes only", "[sim][dispatcher][isolation]") {
  const Seeds seeds = seeds_from_environment();
  std::array<std::size_t, kTroubles.size()> put_off{}, tried{};
  for (std::uint64_t seed = seeds.first; seed < seeds.first + std::max<std::uint64_t>(seeds.count / 1'000, 1); ++seed)
    for (std::size_t i = 0; i < kTroubles.size(); ++i) {
      try {
        Isolation world(seed, kTroubles[i]);
        world.run();
        put_off[i] += world.put_off;
        tried[i] += world.tried;
      } catch (const Violation& violation) {
        FAIL("SIM_SEED=" << seed << ", trouble " << i << ": " << violation.what());
      }
    }
  for (const Trouble each : {Trouble::Hangs, Trouble::Fails, Trouble::Loses}) {
    CHECK(put_off[static_cast<std::size_t>(each)] > 0);
    CHECK(tried[static_cast<std::size_t>(each)] > 0);
  }
}
