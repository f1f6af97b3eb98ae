#include "sim/fleet_world.h"

#include <algorithm>
#include <array>

#include "core/uuid.h"
#include "sim/judge.h"
#include "support/fake_authorizer.h"
#include "support/fake_provider.h"

namespace nightpost::sim {
namespace {

constexpr std::int64_t kCertificates = 3;
constexpr std::size_t kUsers = 8;

const app::Topics kTopics = {.offline = "offline",
                             .results = "results",
                             .dead = "dead",
                             .retry = {"late_10s", "late_1m", "late_10m", "late_1h"}};

}  // namespace

void FleetTally::add(const FleetTally& other) {
  events += other.events;
  pushes += other.pushes;
  acts += other.acts;
  repeats += other.repeats;
  members += other.members;
  for (const auto& [fault, count] : other.faults) faults[fault] += count;
}

FleetWorld::FleetWorld(std::uint64_t seed) : random_(seed) {
  make_users();
  std::vector<FleetLog::Topic> topics = {{kTopics.offline, 1 + net_.dice(5)}};
  for (const std::string& tier : kTopics.retry) topics.push_back({tier, 1 + net_.dice(2)});
  log_ = std::make_unique<FleetLog>(std::move(topics), devices_);
  log_->on_outcome = [this](const FleetEvent& event, std::string_view json) { check_outcome(event, json); };
  fleet_ = std::make_unique<Fleet>(Fleet{.loop = loop_,
                                         .random = random_,
                                         .log = *log_,
                                         .net = net_,
                                         .clock = *this,
                                         .directory = *this,
                                         .credentials = *this,
                                         .met = [this](const char* fault) { met(fault); },
                                         .on_send = [this](const HttpRequest& request) { check_sent(request); }});
  choose_limits();
  vendor_.on_act = [this](const support::PeerRequest& asked) { act_on(asked); };
  vendor_.answer = [this](const support::PeerRequest& asked) { return answer(asked); };
  vendor_.met = [this](const char* fault) { met(fault); };
  vendor_.credential_goodbye = "credential";
}

void FleetWorld::choose_limits() {
  const auto dice = [this](std::uint64_t sides) { return net_.dice(sides); };
  dispatch::Options& dispatch = fleet_->dispatch;
  dispatch.jitter_seed = static_cast<std::uint32_t>(1 + dice(1'000'000));
  dispatch.events_open_max = 1 + dice(12);
  dispatch.receivers_unplanned_max = 1 + dice(20);
  dispatch.pushes_in_flight_max = 1 + dice(20);
  dispatch.credential_in_flight_first = 1 + dice(4);
  dispatch.pushes_queued_max = 1 + dice(20);
  dispatch.quick_for = milliseconds(500 + dice(4'000));
  dispatch.retry_for = milliseconds(3'000 + dice(60'000));
  dispatch.defer_first = milliseconds(1'000 + dice(8'000));
  dispatch.defer_max = milliseconds(15'000);
  dispatch.backoff_first = milliseconds(10 + dice(500));
  dispatch.backoff_max = milliseconds(2'000);
  dispatch.push_deadline = milliseconds(500 + dice(8'000));
  dispatch.attempts_max = 1 + static_cast<int>(dice(5));
  dispatch.breaker_first = milliseconds(500);
  dispatch.breaker_max = milliseconds(4'000);
  dispatch.event_bytes_max = 9'000;
  fleet_->book = {.shards = 1 + dice(3),
                  .in_flight_max = 12 + dice(60),  // four of each shard at least: one is for delay topics
                  .in_flight_bytes_max = 20'000 + dice(100'000),
                  .hold_before_pause = milliseconds(50 + dice(500)),
                  .delay_rate_min = 5 + dice(500),
                  .commit_interval = milliseconds(50 + dice(300))};
  for (std::size_t tier = 0; tier < dispatch::kTiers; ++tier)
    fleet_->book.delays.push_back(delay_of(dispatch::Tier(tier)));
  fleet_->credit = {.messages = 1 + dice(20), .bytes = 10'000 + dice(30'000)};
  fleet_->accumulator = {.messages = 1 + dice(12),
                         .bytes = 5'000 + dice(20'000),
                         .linger = milliseconds(dice(40)),
                         .backoff_first = milliseconds(100),
                         .backoff_max = milliseconds(2'000),
                         .jitter_seed = static_cast<std::uint32_t>(1 + dice(1'000))};
  fleet_->topics = kTopics;
  net::LaneOptions& lanes = fleet_->lanes;
  lanes.jitter_seed = 1 + dice(1'000'000);
  lanes.response_bytes_max = 200;
  lanes.connections_max = 1 + dice(2);
  lanes.streams_max = static_cast<std::uint32_t>(1 + dice(10));
  lanes.connect_timeout = milliseconds(1'000);
  lanes.response_timeout = milliseconds(200 + dice(2'000));
  lanes.ping_interval = milliseconds(5'000);
  lanes.ping_timeout = milliseconds(500);
  lanes.goaway_linger = milliseconds(dice(1'000));
  lanes.reconnect_first = milliseconds(50);
  lanes.reconnect_max = milliseconds(1'000);
  lanes.grow_after = milliseconds(100);
  fleet_->revoke_grace = milliseconds(dice(3'000));
  fleet_->commit_wait = milliseconds(100 + dice(1'000));
  fleet_->hop_max = milliseconds(1 + dice(40));
  if (net_.chance(30)) fleet_->commits_lost = static_cast<unsigned>(dice(40));
  if (net_.chance(30)) fleet_->letter_bytes_max = 5'000;
  fleet_->results_missing = net_.chance(15);
  net_.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(1 + dice(20))}};
  net_.delay_max = milliseconds(dice(60));
  if (net_.chance(30)) net_.refused = static_cast<unsigned>(dice(50));
  if (net_.chance(40)) net_.stalls = static_cast<unsigned>(dice(40));
  if (net_.chance(20)) net_.slice_max = 20 + dice(200);
  if (net_.chance(80)) vendor_.trouble = static_cast<unsigned>(dice(50));
  if (net_.chance(50)) rejects_ = static_cast<unsigned>(dice(60));
  if (net_.chance(20)) store_down_ = static_cast<unsigned>(dice(50));
  to_append_ = 5 + dice(60);
  late_ = net_.chance(50) ? static_cast<unsigned>(dice(60)) : 0;
  members_wanted_ = 1 + dice(3);
}

void FleetWorld::make_users() {
  grant_ = std::make_shared<Grant>(Grant{.authorization = "always"});
  for (std::int64_t id = 1; id <= kCertificates; ++id) {
    auto route = std::make_shared<dispatch::Route>();
    route->id = static_cast<std::uint64_t>(100 + id);
    route->certificate.id = {id};
    route->certificate.vendor = Vendor::Apns;
    route->provider = std::make_shared<testing::FakeProvider>();
    route->authorizer = std::make_shared<testing::FakeAuthorizer>();
    routes_.push_back(std::move(route));
  }
  for (std::size_t i = 0; i < kUsers; ++i) {
    const std::string user = "u" + std::to_string(i);
    auto receiver = std::make_shared<Receiver>();
    for (std::uint64_t d = net_.dice(4); d > 0; --d) {
      Device device;
      device.device_id = "d" + std::to_string(d);
      device.certificate = {1 + static_cast<std::int64_t>(net_.dice(kCertificates))};
      device.token = DeviceToken("t-" + std::to_string(i) + "-" + std::to_string(d));
      device.registered_at = wall() - seconds(1'000);
      devices_[user].push_back(device.device_id);
      receiver->devices.push_back(std::move(device));
    }
    receivers_[user] = std::move(receiver);
  }
}

// ---- what comes in

FleetEvent FleetWorld::write_event() {
  const std::string id = "e" + std::to_string(tally_.events++);
  FleetEvent event{.id = id, .value = {}, .users = {}, .outcomes = {}};
  std::string to;
  for (std::uint64_t n = 1 + net_.dice(net_.chance(20) ? kEventReceiversMax : 2); n > 0; --n) {
    const std::string user = "u" + std::to_string(net_.dice(kUsers));
    if (std::ranges::find(event.users, user) != event.users.end()) continue;
    event.users.push_back(user);
    to += std::string(to.empty() ? "" : ",") + R"({"user_id":")" + user + R"(","unread":1})";
  }
  const std::string now = std::to_string(to_ms(wall()));
  event.value =
      R"({"event_id":")" + id + R"(","app_id":7,"occurred_at":)" + now + R"(,"expires_at":)" +
      std::to_string(to_ms(wall() + std::chrono::hours(24))) +
      R"(,"kind":"c2c","from":{"user_id":"sender"},"message":{"id":"m","elements":[{"type":"face"}]},"push":{"ext":")" +
      std::string(net_.dice(200), 'x') + R"("},"to":[)" + to + "]}";
  if (net_.chance(8)) {
    event.malformed = true;
    event.value.resize(event.value.size() - 1 - net_.dice(event.value.size()));
    if (net_.chance(30)) event.value.assign(9'001, ' ');
  }
  return event;
}

void FleetWorld::append_some() {
  for (std::size_t n = std::min<std::size_t>(to_append_, 1 + net_.dice(12)); n > 0; --n, --to_append_) {
    FleetEvent written = write_event();
    const FleetEvent& event =
        net_.chance(late_) ? append_late(std::move(written)) : log_->append_event(any_partition(0), std::move(written));
    if (event.malformed) continue;
    for (const std::string& user : event.users)
      for (const std::string& device : devices_[user])
        pushes_[uuid_of({event.id, user, device})] = {&event, user, device, 0};
  }
  if (to_append_ > 0) loop_.after(milliseconds(net_.dice(1'000)), [this] { append_some(); });
}

FleetLog::At FleetWorld::any_partition(std::uint32_t topic) {
  return {topic, static_cast<std::int32_t>(net_.dice(log_->partitions(topic)))};
}

/// As if it had been put off before: in a delay topic, for everybody.
FleetEvent& FleetWorld::append_late(FleetEvent event) {
  const auto topic = static_cast<std::uint32_t>(1 + net_.dice(dispatch::kTiers));
  if (net_.chance(10)) {
    met("an absurd due_at");
    return log_->append_event(any_partition(topic), std::move(event), net_.chance(50) ? "soon" : "99999999999999");
  }
  const WallTime due = wall() + milliseconds(net_.dice(12'000));
  return log_->append_event(any_partition(topic), std::move(event), std::to_string(to_ms(due)), due);
}

// ---- the store and the vendor

void FleetWorld::find(std::span<const ReceiverKey> keys, Found found) {
  if (net_.chance(store_down_)) return found(fail(Errc::Io, "disk"));
  std::vector<std::shared_ptr<const Receiver>> all;
  for (const ReceiverKey& key : keys) all.push_back(receivers_.at(key.user_id));
  found(std::move(all));
}

Result<std::shared_ptr<const dispatch::Route>> FleetWorld::route(AppId, CertificateId certificate) {
  if (net_.chance(store_down_)) return fail(Errc::Io, "disk");
  return routes_.at(static_cast<std::size_t>(certificate.value - 1));
}

Result<std::shared_ptr<const Grant>> FleetWorld::grant(const dispatch::Route&, WallTime) { return grant_; }
Result<std::shared_ptr<const Grant>> FleetWorld::refresh(const dispatch::Route&, const Grant&, WallTime) {
  return grant_;
}

void FleetWorld::act_on(const support::PeerRequest& asked) {
  ++tally_.acts;
  const auto push = pushes_.find(asked.header("push-id"));
  must(push != pushes_.end(), "a push of no event");
}

/// A member that was shut out may not know yet.
void FleetWorld::check_sent(const HttpRequest& request) {
  const auto id = std::ranges::find(request.headers, "push-id", &Header::name);
  const Push& push = pushes_.at(id->value);
  if (violated_.empty() && FleetLog::is_over(*push.event, push.user, push.device))
    violated_ = "sends " + push.event->id + ", which is committed";
}

FaultyVendor::Answer FleetWorld::answer(const support::PeerRequest& asked) {
  using Answer = FaultyVendor::Answer;
  static const std::array<Answer, 8> kRefusals = {{{400, "BadDeviceToken"},
                                                   {410, "Gone"},
                                                   {429, "Token"},
                                                   {429, "Credential 1"},
                                                   {429, "Connection"},
                                                   {403, "Bad"},
                                                   {500, "Failed"},
                                                   {503, "Busy"}}};
  if (net_.chance(rejects_)) return kRefusals[net_.dice(kRefusals.size())];
  Push& push = pushes_.find(asked.header("push-id"))->second;
  must(++push.accepted <= 2 * FleetLog::taken(*push.event, push.user, push.device),
       "pushed " + push.event->id + " once too often");
  if (push.accepted > 1) ++tally_.repeats;
  return {200, "id"};
}

void FleetWorld::check_outcome(const FleetEvent& event, std::string_view json) const {
  if (member_of(json, "rule") != "accepted") return;
  const auto push = pushes_.find(uuid_of({event.id, member_of(json, "user_id"), member_of(json, "device_id")}));
  must(push != pushes_.end() && push->second.accepted > 0, "called accepted, and the vendor never took it");
}

// ---- the fleet

void FleetWorld::start_member() {
  ++tally_.members;
  members_.push_back(std::make_unique<FleetMember>(*fleet_, ++last_member_));
}

/// One partition at a time goes from a member that has more than its part, or from nobody, to the one that has least.
void FleetWorld::balance() {
  loop_.after(milliseconds(100 + net_.dice(400)), [this] { balance(); });
  if (healed_ && members_.empty()) start_member();
  std::vector<std::pair<std::size_t, FleetMember*>> load;
  for (const auto& member : members_) {
    if (!member->at_rest()) continue;
    const auto owned =
        std::ranges::count(log_->all(), member->number(), [this](FleetLog::At at) { return log_->owner(at); });
    load.emplace_back(static_cast<std::size_t>(owned), member.get());
  }
  if (load.empty()) return;
  const auto [least, most] = std::ranges::minmax_element(load);
  for (const FleetLog::At at : log_->all()) {
    if (log_->owner(at) == 0) {
      log_->give(at, least->second->number());
      least->second->assign(at);
      if (net_.chance(50)) continue;
      return;
    }
    if (log_->owner(at) != most->second->number() || most->first < least->first + 2) continue;
    met("a partition that moved");
    return most->second->revoke({at}, [this, at] { log_->give(at, 0); });
  }
}

void FleetWorld::kill(std::size_t index) {
  const std::uint64_t number = members_[index]->number();
  members_.erase(members_.begin() + std::ptrdiff_t(index));
  loop_.after(milliseconds(500 + net_.dice(3'000)), [this, number] { log_->take_all(number); });  // its session is over
}

void FleetWorld::trouble_members() {
  if (healed_) return;
  loop_.after(milliseconds(200 + net_.dice(2'500)), [this] { trouble_members(); });
  if (members_.size() < members_wanted_) return start_member();
  const std::size_t index = net_.dice(members_.size());
  FleetMember& member = *members_[index];
  switch (net_.dice(5)) {
    case 0:
      met("a worker that was killed");
      return kill(index);
    case 1: {
      if (!member.at_rest()) return;
      met("a worker that was drained");
      const std::uint64_t number = member.number();
      return member.drain(milliseconds(net_.dice(4'000)), [this, number] {
        loop_.after(milliseconds(0), [this, number] {
          log_->take_all(number);
          std::erase_if(members_, [&](const auto& each) { return each->number() == number; });
        });
      });
    }
    case 2: {
      if (!member.at_rest()) return;
      met("a worker that its group shut out");
      member.shut_out();
      loop_.after(milliseconds(net_.dice(2'000)), [this, lost = log_->take_all(member.number()),
                                                   number = member.number()] {  // it hears of it late
        for (const auto& each : members_)
          if (each->number() == number) each->lose(lost);
      });
      return;
    }
    case 3:
      fleet_->results_missing = !fleet_->results_missing && net_.chance(30);
      return;
    default:
      vendor_.trouble = static_cast<unsigned>(net_.dice(80));
      return;
  }
}

void FleetWorld::heal() {
  healed_ = true;
  vendor_.trouble = rejects_ = store_down_ = net_.refused = fleet_->commits_lost = 0;
  fleet_->results_missing = false;
}

FleetTally FleetWorld::run() {
  start_member();
  append_some();
  balance();
  loop_.after(milliseconds(net_.dice(3'000)), [this] { trouble_members(); });
  loop_.after(milliseconds(3'000 + net_.dice(20'000)), [this] { heal(); });
  const MonoTime end = loop_.now() + std::chrono::minutes(10);
  const auto step = [&] {
    if (!loop_.step(end)) return false;
    must(violated_.empty(), violated_);
    for (const auto& member : members_) member->check();
    return true;
  };
  while (!healed_ || to_append_ > 0 || !log_->all_committed())
    if (!step()) {
      std::string all = "never done:" + log_->open_records();
      for (const auto& member : members_) all += "\n" + member->describe();
      throw Violation(all);
    }
  const MonoTime rest = loop_.now() + seconds(15);
  while (loop_.now() < rest && step()) {
  }
  for (const auto& member : members_) member->check_idle();
  tally_.pushes = pushes_.size();
  members_.clear();
  must(net_.open == 0, "a connection outlives its lane");
  return tally_;
}

}  // namespace nightpost::sim
