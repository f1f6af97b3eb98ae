#include "kafka/consumer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

#include "kafka/consumer_impl.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr std::size_t kPollMax = 1000;  // records a round, so that completions and commits have their turn
constexpr milliseconds kIdleWait{20};   // for the first record of a round; also how late a completion is noticed
constexpr milliseconds kHoldSlice{1};   // between two looks at completions while nothing is polled
constexpr milliseconds kMeasureInterval{500};
constexpr int kSilentHeartbeats = 3;  // one of them may be late

std::string_view view(const void* bytes, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

std::string_view traceparent_of(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, "traceparent", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  return view(value, size);
}

milliseconds heartbeat_of(const rd_kafka_conf_t* conf) {
  std::array<char, 16> text{};
  std::size_t size = text.size();
  int value = 0;
  if (rd_kafka_conf_get(conf, "heartbeat.interval.ms", text.data(), &size) == RD_KAFKA_CONF_OK)
    std::from_chars(text.data(), text.data() + text.size(), value);
  return milliseconds(value);
}

}  // namespace

Consumer::Impl::Impl(ConsumerOptions the_options, ConsumerHandlers the_handlers, ConsumerMetrics& the_metrics)
    : options(std::move(the_options)), handlers(std::move(the_handlers)), metrics(the_metrics) {
  outgoing.resize(std::max<std::size_t>(options.shards, 1));
}

Consumer::Impl::~Impl() { stop(); }

Result<void> Consumer::Impl::start() {
  link->owner = this;
  Result<Conf> conf = make_conf(options.kafka,
                                {{"group.id", options.group_id},
                                 {"partition.assignment.strategy", "cooperative-sticky"},
                                 {"enable.auto.commit", "false"},
                                 {"enable.auto.offset.store", "false"},
                                 {"auto.offset.reset", "earliest"},
                                 // librdkafka 2.0.2 stops fetching for a second once either is passed
                                 {"queued.min.messages", "1000000"},
                                 {"queued.max.messages.kbytes", std::to_string(options.fetch_queue_kbytes)},
                                 {"fetch.wait.max.ms", "20"}},
                                *link);
  if (!conf) return std::unexpected(std::move(conf.error()));
  if (!options.group_instance_id.empty() &&
      rd_kafka_conf_set(conf->get(), "group.instance.id", options.group_instance_id.c_str(), nullptr, 0) !=
          RD_KAFKA_CONF_OK)
    return fail(Errc::Malformed, "kafka: group.instance.id is not taken");
  silence = std::max(options.silence, kSilentHeartbeats * heartbeat_of(conf->get()));
  link->heard.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  rd_kafka_conf_set_rebalance_cb(conf->get(), &Impl::on_rebalance);
  rd_kafka_conf_set_error_cb(conf->get(), &Impl::on_error);
  rd_kafka_conf_interceptor_add_on_new(conf->get(), "nightpost", &Impl::on_new, link.get());

  Result<Client> made = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  client = std::move(*made);
  rd_kafka_poll_set_consumer(client.get());
  records.reset(rd_kafka_queue_get_consumer(client.get()));
  commit_news.reset(rd_kafka_queue_new(client.get()));

  const PartitionList topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options.topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(client.get(), topics.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(error_of(code, "kafka: subscribe"));
  thread = std::thread([this] { run(); });
  return {};
}

void Consumer::Impl::stop() {
  stopping.store(true, std::memory_order_release);
  if (records) rd_kafka_queue_yield(records.get());
  if (thread.joinable()) thread.join();
}

void Consumer::Impl::run() {
  while (!stopping.load(std::memory_order_acquire)) {
    const MonoTime now = std::chrono::steady_clock::now();
    settle_finished();
    rebalance(now);
    commit_when_due(now);
    steer(now);
    unpark(now);
    apply_pauses();
    measure(now);
    if (flow == Flow::Holding) {
      std::this_thread::sleep_for(kHoldSlice);
    } else {
      poll(flow == Flow::Polling ? kPollMax : 1, rebalances.empty() ? kIdleWait : kHoldSlice);
    }
  }
  close();
}

void Consumer::Impl::close() {
  // librdkafka 2.0.2 aborts the process when a client is destroyed between its first join and its first assignment. So
  // that assignment is awaited; a client that does not get it in time is closed and left to the end of the process.
  const auto is_between = [this] {
    return link->asked_to_join.load(std::memory_order_acquire) && !was_assigned && rebalances.empty();
  };
  const MonoTime deadline = std::chrono::steady_clock::now() + options.commit_wait;
  while (is_between() && std::chrono::steady_clock::now() < deadline) poll(1, kIdleWait);
  const bool leave = is_between();

  closing = true;
  settle_finished();
  commit_and_wait(assigned());
  for (const Rebalance& change : rebalances) answer_in_closing(change.code, change.partitions.get());
  rd_kafka_consumer_close(client.get());
  std::vector<std::int32_t> all;
  for (const Partition* partition : assigned()) all.push_back(partition->id);
  retire(all);
  measure(next_measure);
  if (!leave) return;
  link->log.store(nullptr, std::memory_order_release);
  std::ignore = link.release();
  std::ignore = client.release();
}

// One message a call and not rd_kafka_consume_batch_queue(): in librdkafka 2.0.2 a rebalance or pause that arrives
// while a batch is being filled throws messages out of the batch again, with the position already past them (known
// issue of 2.0.0, mended in 2.1.0). The ledger would take the hole for compacted offsets, and they would be lost.
std::size_t Consumer::Impl::poll(std::size_t room, milliseconds wait) {
  std::size_t taken = 0;
  const bool was_polling = flow == Flow::Polling;
  MonoTime now{};
  while (taken < room) {
    Message message(rd_kafka_consume_queue(records.get(), taken == 0 ? static_cast<int>(wait.count()) : 0));
    if (!message) break;
    if (taken++ == 0) now = std::chrono::steady_clock::now();
    on_message(std::move(message), now);
    if (was_polling && (in_flight_count >= options.in_flight_max || in_flight_bytes >= options.in_flight_bytes_max))
      break;
  }
  hand_out();
  return taken;
}

void Consumer::Impl::on_message(Message message, MonoTime now) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    failed(message->err, rd_kafka_message_errstr(message.get()));
    return;
  }
  Partition* const partition = find(message->partition);
  if (partition == nullptr || partition->leaving || draining.load(std::memory_order_relaxed)) return;
  if (partition->parked.empty() && admit(*partition, *message, now)) return;
  partition->parked.push_back(std::move(message));
  apply_pauses();
}

/// False: the ledger has no room for it.
bool Consumer::Impl::admit(Partition& partition, const rd_kafka_message_t& message, MonoTime now) {
  if (partition.fresh) {
    partition.ledger = OffsetLedger(message.offset);
    partition.fresh = false;
  }
  const std::int64_t gap = partition.ledger.gap_before(message.offset);
  switch (partition.ledger.begin(message.offset)) {
    case OffsetLedger::Begin::Taken:
      break;
    case OffsetLedger::Begin::Done:
      add(metrics.skipped_done);
      return true;
    case OffsetLedger::Begin::NoRoom:
      return false;
    case OffsetLedger::Begin::Rewound: {
      add(metrics.rewinds);
      const std::int32_t id = partition.id;
      const std::int64_t committed = partition.ledger.next_commit();
      const bool paused = partition.paused;
      if (observe::Log* const log = options.kafka.log)
        log->warn("kafka.rewound", {observe::kv("partition", id), observe::kv("to", message.offset),
                                    observe::kv("committed", committed)});
      retire(std::span(&id, 1));
      auto anew = std::make_unique<Partition>();
      anew->id = id;
      anew->epoch = ++last_epoch;
      anew->paused = paused;
      partitions[static_cast<std::size_t>(id)] = std::move(anew);
      return admit(*partitions[static_cast<std::size_t>(id)], message, now);
    }
  }
  if (gap > 0) add(metrics.gap_offsets, static_cast<std::uint64_t>(gap));

  const std::string_view key = view(message.key, message.key_len);
  const std::string_view value = view(message.payload, message.len);
  const std::string_view traceparent = traceparent_of(message);
  const std::size_t bytes = key.size() + value.size() + traceparent.size();
  partition.ages.came(message.offset, now);
  ++partition.in_flight;
  partition.in_flight_bytes += bytes;
  ++in_flight_count;
  in_flight_bytes += bytes;

  std::unique_ptr<RecordBatch>& batch = outgoing[static_cast<std::size_t>(partition.id) % outgoing.size()];
  if (!batch) batch = std::make_unique<RecordBatch>();
  batch->add(pending_records->acquire(partition.id, message.offset, partition.epoch, static_cast<std::uint32_t>(bytes)),
             message.offset, partition.id, key, value, traceparent);
  add(metrics.records);
  add(metrics.bytes, bytes);
  return true;
}

void Consumer::Impl::hand_out() {
  in_flight_seen.store(in_flight_count, std::memory_order_relaxed);
  for (std::size_t shard = 0; shard < outgoing.size(); ++shard) {
    if (!outgoing[shard]) continue;
    add(metrics.batches);
    handlers.on_batch(shard, std::move(outgoing[shard]));
  }
}

void Consumer::Impl::settle_finished() {
  pending_records->drain([this](const PendingRecord& pending) {
    Partition* const partition = find(pending.partition());
    if (partition == nullptr || partition->epoch != pending.epoch()) {
      add(metrics.stale_completions);
      return;
    }
    partition->ledger.complete(pending.offset());
    partition->dirty = true;
    --partition->in_flight;
    partition->in_flight_bytes -= pending.bytes();
    --in_flight_count;
    in_flight_bytes -= pending.bytes();
  });
  in_flight_seen.store(in_flight_count, std::memory_order_relaxed);
}

void Consumer::Impl::steer(MonoTime now) {
  const auto at_most = [this](std::size_t eighths) {
    return in_flight_count <= options.in_flight_max * eighths / 8 &&
           in_flight_bytes <= options.in_flight_bytes_max / 8 * eighths;
  };
  switch (flow) {
    case Flow::Polling:
      if (in_flight_count >= options.in_flight_max || in_flight_bytes >= options.in_flight_bytes_max) {
        flow = Flow::Holding;
        held_since = now;
      }
      break;
    case Flow::Holding:
      if (at_most(7))
        flow = Flow::Polling;
      else if (now - held_since >= options.hold_before_pause)
        flow = Flow::Paused;
      break;
    case Flow::Paused:
      if (at_most(4)) flow = Flow::Polling;
      break;
  }
}

void Consumer::Impl::unpark(MonoTime now) {
  if (flow != Flow::Polling || draining.load(std::memory_order_relaxed)) return;
  for (Partition* partition : assigned()) {
    if (partition->parked.empty() || partition->leaving || !partition->ledger.below_half()) continue;
    const std::int32_t id = partition->id;
    std::deque<Message> waiting = std::move(partition->parked);
    partition->parked.clear();
    while (!waiting.empty() && admit(*find(id), *waiting.front(), now)) waiting.pop_front();
    find(id)->parked = std::move(waiting);
  }
  hand_out();
}

void Consumer::Impl::apply_pauses() {
  const PartitionList pause(rd_kafka_topic_partition_list_new(1));
  const PartitionList resume(rd_kafka_topic_partition_list_new(1));
  const bool all = flow == Flow::Paused || draining.load(std::memory_order_relaxed);
  for (Partition* partition : assigned()) {
    const bool wanted = all || !partition->parked.empty();
    if (wanted == partition->paused) continue;
    partition->paused = wanted;
    rd_kafka_topic_partition_list_add((wanted ? pause : resume).get(), options.topic.c_str(), partition->id);
  }
  if (pause->cnt > 0) rd_kafka_pause_partitions(client.get(), pause.get());
  if (resume->cnt > 0) rd_kafka_resume_partitions(client.get(), resume.get());
}

void Consumer::Impl::measure(MonoTime now) {
  set(metrics.in_flight, in_flight_count);
  set(metrics.in_flight_bytes, in_flight_bytes);
  if (now < next_measure) return;
  next_measure = now + kMeasureInterval;
  std::uint64_t ours = 0, paused = 0, lag = 0;
  MonoTime oldest = now;
  for (Partition* partition : assigned()) {
    ++ours;
    if (partition->paused) ++paused;
    std::int64_t low = 0, high = 0;
    if (partition->committed >= 0 &&
        rd_kafka_get_watermark_offsets(client.get(), options.topic.c_str(), partition->id, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high > partition->committed)
      lag += static_cast<std::uint64_t>(high - std::max(partition->committed, low));
    if (partition->in_flight == 0)
      partition->ages.clear();
    else if (const auto since = partition->ages.since(partition->ledger.next_commit()))
      oldest = std::min(oldest, *since);
  }
  set(metrics.brokers_down, now - link->heard.load(std::memory_order_relaxed) > silence ? 1 : 0);
  set(metrics.assigned_partitions, ours);
  set(metrics.paused_partitions, paused);
  set(metrics.lag, lag);
  set(metrics.oldest_unsettled_ms,
      static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - oldest).count()));
}

Partition* Consumer::Impl::find(std::int32_t id) noexcept {
  const auto at = static_cast<std::size_t>(id);
  return at < partitions.size() ? partitions[at].get() : nullptr;
}

void Consumer::Impl::failed(rd_kafka_resp_err_t code, const char* words) {
  add(metrics.errors);
  if (observe::Log* const log = options.kafka.log)
    log->warn("kafka.consumer",
              {observe::kv("code", rd_kafka_err2name(code)), observe::kv("text", words == nullptr ? "" : words)});
  if (rd_kafka_fatal_error(client.get(), nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR || was_fatal) return;
  was_fatal = true;
  if (handlers.on_fatal) handlers.on_fatal(fatal_error_of(client.get()));
}

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() = default;

Result<std::unique_ptr<Consumer>> Consumer::start(ConsumerOptions options, ConsumerHandlers handlers,
                                                  ConsumerMetrics& metrics) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handlers), metrics);
  if (Result<void> started = impl->start(); !started) return std::unexpected(std::move(started.error()));
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

void Consumer::release(PendingRecord* pending) { pending->drop(); }
void Consumer::stop_fetching() { impl_->draining.store(true, std::memory_order_relaxed); }
std::size_t Consumer::in_flight() const noexcept { return impl_->in_flight_seen.load(std::memory_order_relaxed); }
void Consumer::stop() { impl_->stop(); }

}  // namespace nightpost::kafka
