#include "world.h"

#include <algorithm>

#include "core/uuid.h"

namespace nightpost::sim {
namespace {

using dispatch::RecordId;

constexpr const char* kTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr milliseconds kRemovalMax{3'000};  // of a dead token, where the store is slow

}  // namespace

void Tally::add(const Tally& other) {
  events += other.events;
  sent += other.sent;
  repeats += other.repeats;
  refreshes += other.refreshes;
  handed_back += other.handed_back;
  letters += other.letters;
  deferrals += other.deferrals;
  trace = trace * 1'099'511'628'211u + other.trace;
  for (const auto& [rule, count] : other.rules) rules[rule] += count;
  for (const auto& [fault, count] : other.faults) faults[fault] += count;
}

World::World(std::uint64_t seed) : rng_(seed) {
  options_.jitter_seed = static_cast<std::uint32_t>(seed) + 1;
  options_.events_open_max = 4 + dice(20);
  options_.receivers_unplanned_max = 1 + dice(30);
  options_.pushes_in_flight_max = 1 + dice(40);
  options_.pushes_queued_max = 1 + dice(30);
  options_.bulk_receivers_min = chance(50) ? 2 + dice(10) : 100;
  options_.retry_for = milliseconds(5'000 + 1'000 * static_cast<std::int64_t>(dice(chance(50) ? 120 : 10'000)));
  options_.quick_for = chance(20) ? options_.retry_for : milliseconds(dice(20) * 1'000);
  options_.defer_max = milliseconds(30'000 + 1'000 * static_cast<std::int64_t>(dice(1'000)));
  options_.unheard_max = 1 + static_cast<int>(dice(6));
  options_.credential_in_flight_first = 1 + dice(8);
  options_.credential_in_flight_max = chance(50) ? 1 + dice(8) : 1024;
  options_.mixed_linger = milliseconds(dice(3) * 400);
  options_.titles = {{"en", "news"}, {"zh", "xinwen"}};
  options_.push_deadline = milliseconds(1'000 + 1'000 * static_cast<std::int64_t>(dice(60)));
  options_.attempts_max = 1 + static_cast<int>(dice(6));
  options_.mass_removal_window = 2 + dice(chance(50) ? 4 : 24);
  options_.mass_removal_live_share = chance(50) ? 0.1 : 1;
  options_.suspects_apart = milliseconds(chance(50) ? 0 : dice(60'000));
  options_.silence = milliseconds(200 + dice(chance(50) ? 2'000 : 20'000));
  options_.failures_max = 1 + static_cast<int>(dice(chance(50) ? 6 : 40));
  options_.probe_first = milliseconds(1 + dice(2'000));
  options_.probe_max = options_.probe_first + milliseconds(dice(20'000));
  options_.signer_wait_max = milliseconds(dice(6'000));
  if (chance(20)) options_.slots_alpha = 1e9;
  options_.event_bytes_max = 20'000;
  trouble_ = chance(20) ? 0 : static_cast<unsigned>(dice(90));
  store_down_ = chance(60) ? 0 : static_cast<unsigned>(dice(70));
  store_slow_ = chance(30);
  buggy_ = chance(80) ? 0 : 1 + static_cast<unsigned>(dice(10));
  if (chance(30)) age_min_ = milliseconds(0);  // a vendor without the rule: only dispatch itself stops at one refresh
  if (chance(30)) start_ += day_begins() - milliseconds(40'000);  // quotas begin anew during the run
  make_routes();
  for (int i = 0; i < 12; ++i) {
    Receiver receiver;
    receiver.settings.enabled = !chance(5);
    receiver.settings.language = chance(30) ? "en" : "";
    if (chance(20)) receiver.settings.sound_c2c = receiver.settings.sound_group = "none";
    if (chance(5)) receiver.mutes.push_back({});
    const auto devices = dice(4);
    for (std::uint64_t d = 0; d < devices; ++d) {
      Device device;
      device.device_id = "d" + std::to_string(d);
      device.certificate = {chance(4) ? 9 : chance(4) ? 8 : 1 + static_cast<std::int64_t>(dice(kCertificates))};
      const bool batches = device.certificate.value > kSingle;
      device.token = DeviceToken((chance(3) && !batches ? "bad-" : "t-") + std::to_string(i) + "-" + std::to_string(d));
      device.registered_at = wall() - milliseconds(1'000'000);
      device.state = chance(8) ? DeviceState::Foreground : DeviceState::Offline;
      device.platform = chance(5) != batches ? Platform::Android : Platform::Ios;
      receiver.devices.push_back(std::move(device));
    }
    users_["u" + std::to_string(i)] = std::move(receiver);
  }
  batches_left_ = 1 + dice(4);
  dispatcher_ = std::make_unique<dispatch::Dispatcher>(options_, *this, *this, *this, *this, *this, metrics_, this);
}

void World::later(milliseconds delay, std::function<void()> what) {
  agenda_.push({since_ + delay, order_++, std::make_shared<std::function<void()>>(std::move(what))});
}

void World::hear(std::string_view what, std::string_view text, std::uint64_t number) {
  const auto mix = [this](std::uint64_t part) { tally_.trace = (tally_.trace ^ part) * 1'099'511'628'211u; };  // FNV-1a
  for (const char each : what) mix(static_cast<unsigned char>(each));
  for (const char each : text) mix(static_cast<unsigned char>(each));
  mix(number);
  mix(static_cast<std::uint64_t>(since_.count()));
}

std::string World::write_event(std::size_t index, Event& event) {
  const milliseconds lasts = chance(70) ? milliseconds(86'400'000) : upto(30'000);
  event.expires_at = since_ + lasts;
  const bool group = chance(15);
  const auto receivers = group ? 4 + dice(12) : 1 + dice(3);
  std::string to;
  for (std::uint64_t i = 0; i < receivers; ++i) {
    const std::string user = chance(5) ? "nobody" : "u" + std::to_string(dice(12));
    if (std::ranges::find(event.users, user) != event.users.end()) continue;
    const int unread = chance(80) ? 2 : 3;
    event.users.push_back(user);
    event.unread[user] = unread;
    to +=
        std::string(to.empty() ? "" : ",") + R"({"user_id":")" + user + R"(","unread":)" + std::to_string(unread) + "}";
  }
  const std::string id = "e" + std::to_string(index);
  event.too_old = chance(3);
  const milliseconds age =
      event.too_old ? options_.age_max + milliseconds(1) + upto(86'400'000) : upto(options_.age_max.count());
  event.too_old_after = since_ + options_.age_max - age;
  std::string text = R"({"event_id":")" + id + R"(","app_id":)" + (chance(2) ? "404" : "7") + R"(,"occurred_at":)" +
                     std::to_string(to_ms(wall() - age)) + R"(,"expires_at":)" + std::to_string(to_ms(wall() + lasts)) +
                     R"(,"kind":)" + (group ? R"("group","group":{"group_id":"g"})" : R"("c2c")") +
                     R"(,"from":{"user_id":"sender"},"message":{"id":"m)" + std::to_string(index) +
                     R"(","elements":[{"type":")" + (chance(5) ? "custom" : "face") + R"("}]},"push":{"disabled":)" +
                     (chance(4) ? "true" : "false") + R"(,"ext":")" + (chance(3) ? "too big" : "x") + R"("},"to":[)" +
                     to + "]}";
  if (chance(5)) {
    event.malformed = true;
    text.resize(dice(text.size()));
    if (chance(20)) text.assign(options_.event_bytes_max + 1, ' ');
  }
  return text;
}

void World::accept_batch() {
  if (!dispatcher_->has_capacity()) return later(milliseconds(50), [this] { accept_batch(); });
  if (batches_left_-- == 0) return;
  const auto size = 1 + dice(6);
  const std::size_t first = events_.size();
  for (std::uint64_t i = 0; i < size; ++i) {
    Event event;
    event.accepted_at = since_;
    event.value = write_event(events_.size(), event);
    if (!event.malformed)
      for (const std::string& user : event.users)
        for (const Device& device : users_[user].devices) {
          Push& push = pushes_[uuid_of({"e" + std::to_string(events_.size()), user, device.device_id})];
          push.event = events_.size();
          push.shown = what_is_shown(event, user, device);
          by_token_["e" + std::to_string(events_.size()) + "/" + device.token.text()] = &push;
        }
    events_.push_back(std::move(event));
  }
  std::vector<dispatch::Record> batch;
  for (std::size_t i = first; i < events_.size(); ++i) {
    Record& record = records_.emplace_back();
    record.event = i;
    if (!events_[i].malformed)
      for (const std::string& user : events_[i].users) record.left[user];
    begin(records_.size() - 1);
    batch.push_back({RecordId{records_.size() - 1}, "key", events_[i].value, kTraceparent, {}});
  }
  tally_.events += size;
  dispatcher_->accept(batch);
  if (batches_left_ > 0) later(upto(4'000), [this] { accept_batch(); });
}

/// Its devices are this record's from here on.
void World::begin(std::size_t id) {
  Record& record = records_[id];
  record.accepted_at = since_;
  for (const auto& [user, devices] : record.left)
    for (const Device& device : users_[user].devices) {
      if (!devices.empty() && !devices.contains(device.device_id)) continue;
      Push& push = pushes_.at(uuid_of({"e" + std::to_string(record.event), user, device.device_id}));
      must(id == push.record || records_[push.record].event != record.event || records_[push.record].released,
           "a device in two records at once");
      push.record = id;
      push.tries = push.stale = 0;
      push.refused_grant.clear();
    }
}

/// It was due; now and then a while ago.
void World::take_from_topic(std::size_t id) {
  if (stopped_) return;
  if (!dispatcher_->has_capacity()) return later(milliseconds(500), [this, id] { take_from_topic(id); });
  begin(id);
  const dispatch::Record record{RecordId{id}, "key", events_[records_[id].event].value, kTraceparent,
                                records_[id].remainder};
  dispatcher_->accept(std::span(&record, 1));
}

void World::move_partition_away() {
  const std::uint64_t partition = dice(2);
  dispatcher_->hand_back([&](RecordId record_id) {
    Record& record = records_[static_cast<std::size_t>(record_id)];
    if (record.event % 2 != partition) return false;
    record.leaving = true;
    return true;
  });
}

void World::find(std::span<const ReceiverKey> keys, Found found) {
  auto result = chance(store_down_) ? Result<std::vector<std::shared_ptr<const Receiver>>>(fail(Errc::Io, "disk"))
                                    : std::vector<std::shared_ptr<const Receiver>>();
  if (result)
    for (const ReceiverKey& key : keys) result->push_back(std::make_shared<const Receiver>(users_[key.user_id]));
  if (!store_slow_) return found(std::move(result));
  auto shared = std::make_shared<std::pair<Found, decltype(result)>>(std::move(found), std::move(result));
  // Now and then long after everybody has stopped waiting.
  later(chance(5) ? options_.retry_for + seconds(5) : upto(3'000),
        [shared] { shared->first(std::move(shared->second)); });
}

Result<bool> World::knows(AppId app) {
  if (chance(store_down_ / 2)) return fail(Errc::Io, "disk");
  return app.value == 7;
}

void World::remove_token(AppId, std::string_view, const Device&, Removed removed) {
  Result<bool> result = !chance(20);
  if (chance(store_down_)) result = fail(Errc::Io, "disk");
  if (!store_slow_) return removed(std::move(result));
  auto shared = std::make_shared<std::pair<Removed, Result<bool>>>(std::move(removed), std::move(result));
  ++removals_waiting_;
  later(upto(kRemovalMax.count()), [this, shared] {
    --removals_waiting_;
    shared->first(std::move(shared->second));
  });
}

void World::outcome(RecordId record_id, std::string_view event_id, std::string_view json) {
  hear("outcome", json);
  Record& record = records_.at(static_cast<std::size_t>(record_id));
  Event& event = events_[record.event];
  must(!record.released && !record.handed_back, "an outcome after release() or hand_back()");
  must(event_id == "e" + std::to_string(record.event), "an outcome of another event");
  const std::string user = member_of(json, "user_id"), device = member_of(json, "device_id");
  const std::string who = user + (device.empty() ? "" : "/" + device);
  const std::string rule = member_of(json, "rule");
  const auto left = record.left.find(user);
  must(left != record.left.end() && (left->second.empty() || left->second.contains(device)),
       "an outcome of whom the record does not name: " + who);
  must(json.find("t-") == std::string::npos, "a token in an outcome");
  ++tally_.rules[rule];
  if (member_of(json, "outcome") == "retrying") {
    ++tally_.rules["retrying:" + rule];
    const milliseconds not_before = wall_from_ms(std::stoll(member_of(json, "not_before"))) - start_;
    must(not_before > since_ && not_before < std::min(event.accepted_at + options_.retry_for, event.expires_at),
         "put off until it is too late");
    must(!record.ended.contains(who) && record.put_off.insert(who).second, "put off though it had ended: " + who);
    for (const Device& each : users_[user].devices)
      if (device.empty() || each.device_id == device) {
        Push& push = pushes_.at(uuid_of({event_id, user, each.device_id}));
        push.not_before = not_before;
        push.put_off += device.empty() ? 0 : 1;
      }
  } else {
    must(event.outcomes.insert(who).second, "a second outcome for " + who);
    must(!record.put_off.contains(who) && record.ended.insert(who).second, "ended though it was put off: " + who);
    if (member_of(json, "outcome") == "dead") record.dead.insert(who);
  }
  must(rule != "too_old" || since_ > event.too_old_after, "called too old, and it is not");
  if (device.empty()) return;
  const auto push = pushes_.find(uuid_of({event_id, user, device}));
  must(push != pushes_.end(), "an outcome of a device that is none");
  must(!push->second.in_flight, "an outcome while the push is in the air");
  must(member_of(json, "attempt") == std::to_string(push->second.attempts), "an outcome with a wrong attempt");
  if (rule == "internal_error")
    must(buggy_ > 0, "an internal error, though nothing threw");
  else
    must((rule == "accepted") == push->second.accepted, "accepted is not what the vendor said");
  must(rule != "delivery_unknown" || push->second.unheard == options_.unheard_max, "given up though it may be asked");
  if (push->second.attempts > 0) must(member_of(json, "push_id") == push->first, "an outcome with another push id");
  must(push->second.attempts > 0 || json.find("push_id") == std::string::npos, "a push id of what never left");
}

void World::dead(RecordId record_id, dispatch::DeadLetter letter) {
  hear("dead", letter.detail, static_cast<std::uint64_t>(record_id));
  Record& record = records_.at(static_cast<std::size_t>(record_id));
  const Event& event = events_[record.event];
  must(!record.released && !record.handed_back && !record.letter, "a dead letter too many");
  must(letter.value == event.value && letter.key == "key" && letter.traceparent == kTraceparent, "a letter not whole");
  must(!letter.reason.empty() && !letter.stage.empty() && !letter.detail.empty(), "a letter that explains nothing");
  record.letter = true;
  must(++tally_.letters == letters_told_, "a dead letter that ops did not hear of");
  ++tally_.rules["letter:" + std::string(letter.reason)];
  if (event.malformed) return must(letter.remainder.empty(), "a letter that names whom nobody could read");
  const auto remainder = dispatch::read_remainder(letter.remainder);
  must(remainder.has_value(), "a letter that does not name who is left");
  const std::set<std::string> named = named_in(*remainder, record);
  must(std::ranges::includes(named, record.dead), "dead, and not named in the letter");
  must(std::ranges::includes(record.ended, named), "named in the letter, and not ended");
  must(remainder->first_at == WallTime{} && remainder->hops == 0, "a letter whose replay would not begin anew");
}

void World::defer(RecordId record_id, dispatch::Deferral deferral) {
  hear("defer", deferral.remainder, static_cast<std::uint64_t>(record_id));
  ++tally_.deferrals;
  met(("a wait of " + std::string(name_of(deferral.tier))).c_str());
  const std::size_t id = records_.size();
  Record next;
  {
    Record& record = records_.at(static_cast<std::size_t>(record_id));
    const Event& event = events_[record.event];
    must(!record.released && !record.handed_back && !record.leaving, "put off after its end");
    must(deferral.value == event.value && deferral.key == "key" && deferral.traceparent == kTraceparent,
         "a remainder without its whole event");
    must(record.tiers.insert(deferral.tier).second, "two remainders of one record in one tier");
    must(deferral.due_at == wall() + delay_of(deferral.tier), "a tier that is not first in, first out");
    const auto remainder = dispatch::read_remainder(deferral.remainder);
    must(remainder.has_value(), "a remainder that cannot be read");
    must(remainder->first_at == start_ + event.accepted_at, "the total time counts from another moment");
    must(remainder->hops == record.hops + 1, "miscounted hops");
    must(remainder->hops < 1'000, "it goes round and round");
    for (const std::string& who : named_in(*remainder, record)) {
      must(!record.ended.contains(who), "ended, and put off as well");
      if (!record.put_off.contains(who)) {
        must(record.hops > 0, "put off without a word");
        met("a remainder that came too early");
      }
      must(record.passed_on.insert(who).second, "in two remainders at once: " + who);
    }
    next.event = record.event;
    next.hops = remainder->hops;
    next.remainder = deferral.remainder;
    for (const dispatch::ReceiverLeft& user : remainder->left) {
      auto& devices = next.left[user.user_id];
      for (const dispatch::DeviceLeft& device : user.devices) devices.insert(device.device_id);
    }
  }
  records_.push_back(std::move(next));
  later(delay_of(deferral.tier) + (chance(70) ? milliseconds(0) : upto(5'000)), [this, id] { take_from_topic(id); });
}

std::set<std::string> World::named_in(const dispatch::Remainder& remainder, const Record& record) const {
  std::set<std::string> named;
  for (const dispatch::ReceiverLeft& user : remainder.left) {
    must(record.left.contains(user.user_id), "a remainder that names another's user");
    const auto& devices = record.left.find(user.user_id)->second;
    if (user.devices.empty())
      must(named.insert(user.user_id).second && devices.empty(), "a remainder of more than was left");
    for (const dispatch::DeviceLeft& device : user.devices) {
      must(devices.empty() || devices.contains(device.device_id), "a remainder that names another's device");
      must(named.insert(user.user_id + "/" + device.device_id).second, "a device named twice");
    }
  }
  return named;
}

void World::release(RecordId record_id) {
  hear("release", "", static_cast<std::uint64_t>(record_id));
  Record& record = records_.at(static_cast<std::size_t>(record_id));
  must(!record.released && !record.handed_back, "released, and it had ended already");
  record.released = true;
  const milliseconds removal = store_slow_ ? kRemovalMax : milliseconds(0);
  const milliseconds end = events_[record.event].accepted_at + options_.retry_for + removal;
  must(since_ <= std::max(end, record.accepted_at), "outlived its deadline");
  check_complete(record);
}

void World::hand_back(RecordId record_id) {
  if (!violated_.empty()) return;  // the dispatcher goes with what is open
  Record& record = records_.at(static_cast<std::size_t>(record_id));
  must(record.leaving, "handed back, and nobody asked for it");
  must(!record.released && !record.handed_back, "handed back, and it had ended already");
  must(record.passed_on.empty(), "handed back, and a part of it put off");
  record.handed_back = events_[record.event].handed_back = true;
}

/// Whoever the record names has ended or is in a delay topic.
void World::check_complete(const Record& record) const {
  const Event& event = events_[record.event];
  must(!event.malformed || (record.letter && event.outcomes.empty()), "a malformed event without its letter");
  must(record.dead.empty() || record.letter, "dead, and no letter");
  must(std::ranges::includes(record.passed_on, record.put_off), "put off, and in no delay topic");
  if (event.malformed) return;
  std::set<std::string> done = record.ended;
  done.insert(record.passed_on.begin(), record.passed_on.end());
  std::size_t expected = 0;
  for (const auto& [user, left] : record.left) {
    if (done.contains(user)) {
      ++expected;
      continue;
    }
    std::set<std::string> devices = left;
    if (left.empty())
      for (const Device& device : users_.find(user)->second.devices) devices.insert(device.device_id);
    must(!devices.empty(), "a receiver without devices and without an outcome");
    for (const std::string& device : devices)
      must(done.contains(user + "/" + device), "a device without an outcome: " + user + "/" + device);
    expected += devices.size();
  }
  must(expected == done.size(), "outcomes for a receiver and for its devices");
}

/// Over all hops: each device once, or its receiver.
void World::check_all_ended() const {
  for (const Event& event : events_) {
    if (event.malformed || event.handed_back || stopped_) continue;
    std::size_t expected = 0;
    for (const std::string& user : event.users) {
      const auto& devices = users_.find(user)->second.devices;
      const bool whole = event.outcomes.contains(user);
      for (const Device& device : devices)
        must(event.outcomes.contains(user + "/" + device.device_id) != whole, "lost: " + user + "/" + device.device_id);
      must(whole || !devices.empty(), "lost: " + user);
      expected += whole ? 1 : devices.size();
    }
    must(expected == event.outcomes.size(), "outcomes of nobody");
  }
}

void World::go_to(milliseconds time) {
  since_ = std::max(since_, time);
  while (!agenda_.empty() && agenda_.top().at <= since_) {
    const auto what = agenda_.top().what;
    agenda_.pop();
    (*what)();
    turn();
  }
  // A back-off of 0 ms asks for another call at once, but only so often.
  for (int calls = 0;; ++calls) {
    const auto next = dispatcher_->next_wakeup();
    if (!next || *next > mono()) break;
    must(calls < 2000, "wake() wants to be called again and again");
    dispatcher_->wake();
    turn();
  }
}

/// After every call: nothing is left lying, the counters agree.
void World::turn() {
  must(violated_.empty(), violated_);
  must(unflushed_ == 0, "sent and not flushed");
  must(dispatcher_->requests_in_flight() == in_flight_, "in flight: two opinions");
  must(dispatcher_->events_open() <= options_.events_open_max + 6, "more open than the limit and one batch");
  must(metrics_.pushes_waiting.read() <= options_.pushes_queued_max + most_in_flight_,
       "more waiting than the limit and what was in the air");
}

Tally World::run() {
  later(milliseconds(0), [this] { accept_batch(); });
  if (chance(40)) later(upto(20'000), [this] { move_partition_away(); });
  if (chance(40)) later(upto(60'000), [this] { trouble_ = static_cast<unsigned>(dice(100)); });
  if (chance(30)) later(upto(10'000), [this] { store_down_ = 0; });
  if (chance(20)) {  // a grant that is old enough to be called stale
    for (std::int64_t certificate = 1; certificate <= kSingle; ++certificate)
      signers_[certificate].grant =
          std::make_shared<Grant>(Grant{.authorization = "0", .issued_at = wall() - age_min_});
  }
  const bool stop_early = chance(20);
  const milliseconds stop = upto(30'000);
  for (int turns = 0; turns < 1'000'000; ++turns) {
    std::optional<milliseconds> next;
    if (!agenda_.empty()) next = agenda_.top().at;
    if (const auto wake = dispatcher_->next_wakeup()) {
      const milliseconds at = std::chrono::ceil<milliseconds>(*wake - mono()) + since_;
      next = next ? std::min(*next, at) : at;
    }
    if (stop_early && !stopped_ && (!next || *next >= stop)) {  // drain's limit is over
      since_ = std::max(since_, stop);
      stopped_ = true;
      batches_left_ = 0;
      for (Record& record : records_) record.leaving = true;
      dispatcher_->hand_back([](RecordId) { return true; });
      const auto in_the_air = std::ranges::count_if(pushes_, [](const auto& each) { return each.second.in_flight; });
      must(dispatcher_->events_open() <= std::size_t(in_the_air) + removals_waiting_, "handed back and still held");
      continue;
    }
    if (!next) {
      must(dispatcher_->events_open() == 0, "an event nobody will ever finish");
      must(dispatcher_->requests_in_flight() == 0, "a push nobody answers");
      must(batches_left_ == 0 || stopped_ || !dispatcher_->has_capacity(), "stopped taking");
      for (const Record& record : records_) {
        const bool waits = stopped_ && record.accepted_at == milliseconds(0) && record.hops > 0;  // in its topic
        must(waits || record.released != record.handed_back, "neither released nor handed back");
        tally_.handed_back += record.handed_back ? 1 : 0;
      }
      check_all_ended();
      return tally_;
    }
    go_to(*next);
  }
  violated_ = "it never ends";
  throw Violation(violated_);
}

}  // namespace nightpost::sim
