#include "sim/fleet_member.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kafka/waiting_batch.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "sim/judge.h"

namespace nightpost::sim {
namespace {

constexpr milliseconds kCommitSlice{5};

app::LaneSettings in_memory(const Fleet& fleet) {
  app::LaneSettings settings;
  settings.apns = fleet.lanes;
  settings.ground = [&fleet](const dispatch::Route&) {
    return net::LaneGround{fleet.loop.port(), std::make_unique<support::MemoryConnector>(fleet.net)};
  };
  return settings;
}

/// Shows what goes to the lanes.
class SeenTransport final : public dispatch::Transport {
 public:
  SeenTransport(dispatch::Transport& real, const Fleet& fleet) : real_(real), fleet_(fleet) {}
  void send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
            std::uint64_t tag, dispatch::ReplyHandler& handler) override {
    fleet_.on_send(request);
    real_.send(route, std::move(request), deadline, tag, handler);
  }
  void drain_connection(const dispatch::Route& route, std::uint64_t connection) override {
    real_.drain_connection(route, connection);
  }
  void withdraw_queued(const dispatch::Route& route) override { real_.withdraw_queued(route); }
  void flush() override { real_.flush(); }

 private:
  dispatch::Transport& real_;
  const Fleet& fleet_;
};

}  // namespace

struct FleetMember::Shard {
  explicit Shard(FleetMember& member)
      : loop(member.fleet_.loop.port()),
        monitor(seconds(1), member.fleet_.clock, loop_metrics),
        credit(member.fleet_.credit,
               [this, &member] {
                 member.fleet_.met("planning waited for room with the producer");
                 member.later(member.fleet_.hop(), [this] { core.on_room(); });
               }),
        settler(member, credit, member.fleet_.topics),
        transport(member.no_loop_, in_memory(member.fleet_), lane_metrics, curl_metrics, member.fleet_.clock, monitor,
                  [this] { core.schedule_after_work(); }),
        seen(transport, member.fleet_),
        core(*loop, member.fleet_.dispatch, member.fleet_.directory, member.fleet_.credentials, seen, settler,
             member.fleet_.clock, dispatch_metrics, monitor) {}

  std::unique_ptr<EventLoop> loop;
  dispatch::Metrics dispatch_metrics;
  net::LaneMetrics lane_metrics;
  net::CurlMetrics curl_metrics;
  app::LoopMetrics loop_metrics;
  app::LoopMonitor monitor;
  kafka::ProduceCredit credit;
  app::KafkaSettler settler;
  app::LaneTransport transport;
  SeenTransport seen;
  app::ShardCore core;
  MonoTime heard_by{};  // what the consumer's thread has told it arrives by then, and in that order
};

FleetMember::FleetMember(Fleet& fleet, std::uint64_t number)
    : fleet_(fleet),
      number_(number),
      results_(written_.emplace_back(fleet.topics.results, fleet.accumulator)),
      letters_(written_.emplace_back(fleet.topics.dead, fleet.accumulator)) {
  for (const std::string& tier : fleet.topics.retry) written_.emplace_back(tier, fleet.accumulator);
  book_.emplace(fleet.book, consumer_metrics_);
  for (std::size_t i = 0; i < fleet.book.shards; ++i) shards_.push_back(std::make_unique<Shard>(*this));
  later(fleet_.hop(), [this] { round(); });
}

FleetMember::~FleetMember() {
  life_.reset();
  book_.reset();
  for (const auto& shard : shards_) shard->settler.flush();  // into accumulators that go as well
  shards_.clear();
  for (Topic& topic : written_) {
    for (const auto& batch : topic.out) {
      // A request that has left may have been taken.
      if (batch->messages.front().fate == kafka::ProducerBatch::Fate::Sent && fleet_.chance(50)) write(topic, *batch);
      for (const kafka::ProducerBatch::Message& message : batch->messages) message.pending->drop();
    }
    topic.accumulator.for_each([](const kafka::ProducerBatch::Message& message) { message.pending->drop(); });
  }
}

void FleetMember::later(milliseconds delay, std::move_only_function<void()> what) {
  fleet_.loop.after(delay, [life = std::weak_ptr(life_), what = std::move(what)]() mutable {
    if (!life.expired()) what();
  });
}

// ---- the consumer's thread

void FleetMember::round() {
  later(milliseconds(5 + fleet_.dice(90)), [this] { round(); });
  if (blocked_) return;
  const MonoTime now = fleet_.loop.now();
  book_->settle();
  step_revocation();
  if (blocked_) return;
  step_drain();
  if (blocked_) return;
  for (const kafka::Group group : kafka::kGroups) send_commits(group, book_->due_commits(group, now));
  book_->steer(now);
  book_->unpark(now, fleet_.clock.wall());
  hand_out();
  apply_pauses();
  poll();
  book_->measure_in_flight();
}

void FleetMember::apply_pauses() {
  const kafka::PartitionBook::Pauses changed = book_->take_pauses();
  for (const FleetLog::At at : changed.pause) paused_[at] = true;
  for (const FleetLog::At at : changed.resume) paused_[at] = false;
}

void FleetMember::poll() {
  const MonoTime now = fleet_.loop.now();
  for (auto& [at, next] : positions_) {
    for (std::uint64_t room = 1 + fleet_.dice(8); room > 0 && next < fleet_.log.end(at); --room) {
      if (paused_[at]) break;
      if (!book_->is_open(book_->intake_of(at))) {
        fleet_.met("a full consumer");
        break;
      }
      const FleetRecord& record = fleet_.log.at(at, next);
      const auto offered = book_->offer({.at = at,
                                         .offset = next,
                                         .key = record.event->id,
                                         .value = record.event->value,
                                         .remainder = record.remainder,
                                         .due_at = record.due_at},
                                        now, fleet_.clock.wall());
      ++next;
      if (offered == kafka::PartitionBook::Offer::Done) fleet_.met("a record that the commit's metadata knew");
      if (offered != kafka::PartitionBook::Offer::Parked) continue;
      fleet_.met("a record that waited");
      apply_pauses();
    }
  }
  hand_out();
}

void FleetMember::hand_out() {
  tell_ended();
  book_->hand_out([this](std::size_t index, std::unique_ptr<kafka::Batch> batch) {
    for (const kafka::SourceRecord& record : batch->records())
      fleet_.log.taken(record.stay.at, record.offset, fleet_.clock.wall());
    Shard& shard = *shards_.at(index);
    shard.heard_by = std::max(shard.heard_by, fleet_.loop.now() + fleet_.hop());
    later(std::chrono::duration_cast<milliseconds>(shard.heard_by - fleet_.loop.now()),
          [&shard, waiting = kafka::WaitingBatch(std::move(batch))]() mutable {
            shard.core.enqueue(std::move(waiting));
          });
  });
}

void FleetMember::tell_ended() {
  const std::vector<kafka::Stay> ended = book_->take_ended();
  if (ended.empty()) return;
  fleet_.met("a partition that left with records in flight");
  for (const auto& shard : shards_) {
    shard->heard_by = std::max(shard->heard_by, fleet_.loop.now() + fleet_.hop());
    later(std::chrono::duration_cast<milliseconds>(shard->heard_by - fleet_.loop.now()), [&core = shard->core, ended] {
      core.hand_back([&](kafka::Stay stay) { return std::ranges::find(ended, stay) != ended.end(); });
    });
  }
}

void FleetMember::send_commits(kafka::Group group, std::vector<kafka::PartitionBook::Commit> commits) {
  if (commits.empty()) return;
  std::vector<std::uint64_t> generations;
  for (const auto& commit : commits) generations.push_back(fleet_.log.generation(commit.at));
  // It reaches the broker also if we die meanwhile.
  fleet_.loop.after(fleet_.hop(), [this, group, &fleet = fleet_, number = number_, life = std::weak_ptr(life_),
                                   commits = std::move(commits), generations = std::move(generations)]() mutable {
    std::vector<kafka::PartitionBook::CommitAnswer> answers;
    for (std::size_t i = 0; i < commits.size(); ++i) {
      const auto& [at, next, metadata] = commits[i];
      answers.push_back({at, next, fleet.log.commit(number, generations[i], at, next, metadata)});
    }
    if (life.expired()) return;
    if (fleet.chance(fleet.commits_lost)) {
      fleet.met("a commit whose answer was lost");
      answers.clear();
    }
    later(fleet.hop(), [this, group, answers = std::move(answers)] { book_->commit_answered(group, answers); });
  });
}

// ---- the group

void FleetMember::assign(FleetLog::At at) {
  const auto& committed = fleet_.log.committed(at);
  const auto restored = book_->assign(at, committed ? std::optional(committed->next) : std::nullopt,
                                      committed ? committed->metadata : "");
  must(restored.has_value(), "metadata of ours that is ignored");
  positions_[at] = committed ? committed->next : 0;
  paused_[at] = false;
}

void FleetMember::revoke(std::vector<FleetLog::At> partitions, std::function<void()> done) {
  must(!revocation_, "two revocations at once");
  book_->leave(partitions);
  revocation_ = Revocation{std::move(partitions), fleet_.loop.now() + fleet_.revoke_grace, std::move(done)};
}

void FleetMember::step_revocation() {
  if (!revocation_) return;
  if (book_->has_in_flight(revocation_->partitions) && fleet_.loop.now() < revocation_->give_up) return;
  blocked_ = true;
  commit_and_wait(revocation_->partitions, fleet_.loop.now() + fleet_.commit_wait, false, [this] {
    const Revocation over = std::move(*revocation_);
    revocation_.reset();
    end_stays(over.partitions);
    blocked_ = false;
    over.done();
  });
}

bool FleetMember::commit_on_way() const {
  return std::ranges::any_of(kafka::kGroups, [this](kafka::Group group) { return book_->commit_on_way(group); });
}

/// What is not committed in time is repeated, not lost.
void FleetMember::commit_and_wait(std::vector<FleetLog::At> partitions, MonoTime deadline, bool sent,
                                  std::function<void()> then) {
  const bool waits = commit_on_way() && fleet_.loop.now() < deadline;
  if (!waits && (sent || commit_on_way())) return then();
  if (!waits) {
    for (const kafka::Group group : kafka::kGroups) send_commits(group, book_->commits_of(group, partitions));
    sent = true;
  }
  later(kCommitSlice, [this, partitions = std::move(partitions), deadline, sent, then = std::move(then)]() mutable {
    commit_and_wait(std::move(partitions), deadline, sent, std::move(then));
  });
}

void FleetMember::lose(const std::vector<FleetLog::At>& partitions) {
  shut_out_ = false;
  end_stays(partitions);
}

void FleetMember::end_stays(const std::vector<FleetLog::At>& partitions) {
  book_->retire(partitions);
  for (const FleetLog::At at : partitions) {
    const auto position = positions_.find(at);
    if (position == positions_.end()) continue;
    const std::int64_t last = position->second - 1;
    if (paused_[at] && last >= 0 && fleet_.log.at(at, last).due > fleet_.clock.wall())
      fleet_.met("a partition that left while a record waited");
    positions_.erase(position);
  }
  tell_ended();
}

void FleetMember::drain(milliseconds limit, std::function<void()> done) {
  book_->stop_taking();
  drain_by_ = fleet_.loop.now() + limit;
  drained_ = std::move(done);
}

void FleetMember::step_drain() {
  if (!drained_ || revocation_) return;
  if (book_->in_flight() > 0 && fleet_.loop.now() < drain_by_) return;
  if (book_->in_flight() > 0) fleet_.met("a drain that handed back");
  blocked_ = true;
  for (const auto& shard : shards_)
    later(milliseconds(0), [&core = shard->core] { core.hand_back([](kafka::Stay) { return true; }); });
  later(fleet_.hop() + milliseconds(1), [this] {
    hurried_ = true;
    for (Topic& topic : written_) pump(topic);
    later(fleet_.hop() * 3, [this] {
      book_->settle();
      commit_and_wait(book_->partitions(), fleet_.loop.now() + fleet_.commit_wait, false, [this] {
        end_stays(book_->partitions());
        const std::function<void()> done = std::move(drained_);
        done();
      });
    });
  });
}

// ---- the producer

void FleetMember::produce_batch(kafka::ProduceCredit& credit, const std::string& topic,
                                std::span<const Message> messages) {
  must(topic == fleet_.topics.results, "an outcome for another topic");
  const std::size_t bytes =
      std::accumulate(messages.begin(), messages.end(), std::size_t{0},
                      [](std::size_t sum, const Message& one) { return sum + one.key.size() + one.value.size(); });
  credit.charge(messages.size(), bytes);
  for (const auto& [pending, key, value] : messages)
    results_.accumulator.add(static_cast<std::uint32_t>(std::hash<std::string_view>()(key)), pending, key, value,
                             fleet_.loop.now(), &credit);
  later(fleet_.hop(), [this] { pump(results_); });
}

void FleetMember::produce_letter(kafka::ProduceCredit& credit, kafka::PendingRecord* pending, const std::string& topic,
                                 std::string_view key, std::string_view value, kafka::Headers headers) {
  must(topic == fleet_.topics.dead, "a letter for another topic");
  add_one(letters_, credit, pending, key, value, std::move(headers), true);
}

void FleetMember::produce_whole(kafka::ProduceCredit& credit, kafka::PendingRecord* pending, const std::string& topic,
                                std::string_view key, std::string_view value, kafka::Headers headers) {
  fleet_.met("a device that was put off");
  add_one(*std::ranges::find(written_, topic, &Topic::name), credit, pending, key, value, std::move(headers), false);
}

void FleetMember::add_one(Topic& topic, kafka::ProduceCredit& credit, kafka::PendingRecord* pending,
                          std::string_view key, std::string_view value, kafka::Headers headers, bool may_shorten) {
  pending->hold();
  auto extras = std::make_unique<kafka::MessageExtras>(
      kafka::MessageExtras{.headers = std::move(headers), .may_shorten = may_shorten, .waiter = nullptr});
  credit.charge(1, kafka::RecordAccumulator::bytes_of(key, value, extras.get()));
  topic.accumulator.add(0, pending, key, value, fleet_.loop.now(), &credit, std::move(extras));
  later(fleet_.hop(), [this, &topic] { pump(topic); });
}

void FleetMember::pump(Topic& topic) {
  const MonoTime now = fleet_.loop.now();
  while (auto next = topic.accumulator.next(now, hurried_)) {
    kafka::ProducerBatch* const batch = topic.out.emplace_back(std::move(next)).get();
    for (kafka::ProducerBatch::Message& message : batch->messages) message.fate = kafka::ProducerBatch::Fate::Sent;
    later(fleet_.hop(), [this, &topic, batch] {
      write(topic, *batch);
      later(fleet_.hop(), [this, &topic, batch] { report(topic, batch); });
    });
  }
  if (const auto due = topic.accumulator.due(); due && *due > now)
    later(std::chrono::ceil<milliseconds>(*due - now), [this, &topic] { pump(topic); });
}

/// At the broker.
void FleetMember::write(const Topic& topic, kafka::ProducerBatch& batch) {
  using kafka::RecordAccumulator;
  const bool too_large = &topic == &letters_ && batch.bytes.size() > fleet_.letter_bytes_max;
  for (kafka::ProducerBatch::Message& message : batch.messages) {
    if (&topic == &results_ && fleet_.results_missing) {
      fleet_.met("a topic that was missing");
      RecordAccumulator::refused(message, kafka::Refusal::TopicMissing);
    } else if (too_large) {
      fleet_.met("a dead letter that was too large");
      RecordAccumulator::refused(message, kafka::Refusal::TooLarge);
    } else {
      RecordAccumulator::written(message);
      if (&topic == &results_)
        fleet_.log.write_outcome(batch.key(message), batch.value(message));
      else if (&topic == &letters_)
        fleet_.log.write_letter(message.extras->headers);
      else
        fleet_.log.write_deferral(topic.name, batch.key(message), batch.value(message), message.extras->headers);
    }
  }
}

void FleetMember::report(Topic& topic, const kafka::ProducerBatch* batch) {
  const auto at = std::ranges::find(topic.out, batch, &std::unique_ptr<kafka::ProducerBatch>::get);
  for (const kafka::ProducerBatch::Message& message : batch->messages) {
    if (message.fate != kafka::ProducerBatch::Fate::Written) continue;
    message.pending->drop();
    message.credit->refund(1, message.charged);
  }
  if (topic.accumulator.done(std::move(*at), fleet_.loop.now())) fleet_.met("a dead letter that was shortened");
  topic.out.erase(at);
  pump(topic);
}

// ---- what must hold

void FleetMember::check() const {
  must(book_->in_flight() <= fleet_.book.in_flight_max, "more records in flight than the limit");
  const std::size_t beyond = 2 * fleet_.dispatch.receivers_unplanned_max + fleet_.dispatch.events_open_max +
                             kEventsTakenMax * (kEventReceiversMax + 1);
  for (const auto& shard : shards_)
    must(shard->credit.queued() <= fleet_.credit.messages + beyond, "the producer's queue has no bound");
}

std::string FleetMember::describe() const {
  std::string all = "worker " + std::to_string(number_) + ": " + std::to_string(book_->in_flight()) + " in flight" +
                    (blocked_ ? ", blocked" : "") + (shut_out_ ? ", shut out" : "") +
                    (revocation_ ? ", revoking" : "") + (drained_ ? ", draining" : "");
  for (const auto& [at, next] : positions_)
    all += ", topic " + std::to_string(at.topic) + " partition " + std::to_string(at.partition) + " at " +
           std::to_string(next) + (paused_.at(at) ? " paused" : "");
  for (const auto& shard : shards_)
    all += "; shard: " + std::to_string(shard->core.dispatcher().events_open()) + " open, " +
           std::to_string(shard->core.dispatcher().requests_in_flight()) + " requests, " +
           std::to_string(shard->core.batches_waiting()) + " batches, " + std::to_string(shard->credit.queued()) +
           " messages queued, lanes: " + std::to_string(shard->lane_metrics.connections.read()) + " connections, " +
           std::to_string(shard->lane_metrics.open.read()) + " streams, " +
           std::to_string(shard->lane_metrics.queued.read()) + " queued" +
           (shard->core.dispatcher().wants_room() ? ", wants room" : "") +
           (shard->core.dispatcher().has_capacity() ? "" : ", no capacity");
  return all;
}

void FleetMember::check_idle() const {
  must(book_->in_flight() == 0, "records in flight, and all is committed");
  must(consumer_metrics_.pending_records.load() == 0, "pending records that were never released");
  for (const auto& shard : shards_) {
    must(shard->core.dispatcher().events_open() == 0, "events open, and all is committed");
    must(shard->core.batches_waiting() == 0, "batches waiting, and all is committed");
    must(shard->credit.queued() == 0 && shard->credit.bytes() == 0, "credit that was never given back");
    must(shard->lane_metrics.stray_answers.read() == 0, "an answer for a request that is not open");
  }
}

}  // namespace nightpost::sim
