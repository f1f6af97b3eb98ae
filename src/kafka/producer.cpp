#include "kafka/producer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>

#include "kafka/client_conf.h"
#include "kafka/pending_record.h"
#include "kafka/record_accumulator.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kReportWait{100};  // how late the clerk sees that it shall end
constexpr milliseconds kRoomSlice{50};    // a caller before a full queue looks again at least this often
constexpr int kQuietMax = 20;             // two seconds: then a purged message that was never reported is given up
constexpr std::size_t kHandoverMax = 1000;
/// Of librdkafka, so that all of a batch is there when it makes a request of it.
constexpr milliseconds kHandoverTime{5};
/// More than a batch, below the broker's default message.max.bytes of 1 MiB: only a single large message is refused.
constexpr const char* kBatchBytes = "900000";

/// Where produce_and_wait() waits. Shared with the delivery report, for the caller may give up first.
struct Waiter {
  std::mutex mutex;
  std::condition_variable told;
  std::optional<Result<Producer::Written>> result;
};

/// A message that goes to librdkafka by itself, because it has headers or somebody waits for it. Owned by what
/// librdkafka carries for it, until it is reported on.
struct SingleMessage {
  PendingRecord* pending = nullptr;
  std::shared_ptr<Waiter> waiter;
  std::size_t bytes = 0;
};

/// What librdkafka carries for a message: one of a batch, or, with the lowest bit set, a single message.
void* opaque_of(ProducerBatch::Message* message) { return message; }
void* opaque_of(SingleMessage* single) { return reinterpret_cast<char*>(single) + 1; }
std::variant<ProducerBatch::Message*, std::unique_ptr<SingleMessage>> carried(void* opaque) {
  if ((reinterpret_cast<std::uintptr_t>(opaque) & 1) == 0) return static_cast<ProducerBatch::Message*>(opaque);
  return std::unique_ptr<SingleMessage>(reinterpret_cast<SingleMessage*>(static_cast<char*>(opaque) - 1));
}

struct TopicState {
  TopicState(std::string the_name, RecordAccumulator::Limits limits) : name(std::move(the_name)), accumulator(limits) {}
  const std::string name;
  std::atomic<std::int32_t> partitions{1};  // as librdkafka said last, from threads of its own
  std::atomic<std::uint32_t> turn{0};       // of messages without a key
  std::mutex mutex;
  RecordAccumulator accumulator;                        // by mutex
  std::vector<std::unique_ptr<ProducerBatch>> batches;  // out; the clerk's
  Topic handle;                                         // goes before the client does
};

/// As the Java clients do, so that a key lands where theirs does.
std::int32_t partition_of(const rd_kafka_topic_t* rkt, const void* key, std::size_t key_size, std::int32_t partitions,
                          void* topic, void* message) {
  static_cast<TopicState*>(topic)->partitions.store(partitions, std::memory_order_relaxed);
  return rd_kafka_msg_partitioner_murmur2_random(rkt, key, key_size, partitions, nullptr, message);
}

/// The partition is this modulo their number.
std::uint32_t hash_of(std::string_view key) {
  constexpr std::int32_t kNoFewer = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::uint32_t>(
      rd_kafka_msg_partitioner_murmur2_random(nullptr, key.data(), key.size(), kNoFewer, nullptr, nullptr));
}

}  // namespace

struct Producer::Impl {
  Impl(ProducerOptions the_options, std::function<void(Error)> the_on_fatal, ProducerMetrics& the_metrics)
      : options(std::move(the_options)), on_fatal(std::move(the_on_fatal)), metrics(the_metrics) {}
  ~Impl();
  Result<void> start();

  // For callers on any thread.
  TopicState* topic(const std::string& name);  // null: not a name Kafka can have
  /// Blocks while the queue is full, until `deadline` if there is one. False: no room, or the end has come.
  bool reserve(std::size_t bytes, std::optional<MonoTime> deadline, std::size_t messages = 1);
  void free(std::size_t messages, std::size_t bytes);
  /// REQUIRED: reserved. A refusal gives the message back to the caller.
  rd_kafka_resp_err_t send(const TopicState& topic, std::string_view key, std::string_view value,
                           const Headers& headers, std::unique_ptr<SingleMessage> single);
  void refused(const Error& error, const std::string& topic);
  void failed(rd_kafka_resp_err_t code, const char* words);

  // The clerk's thread: hands batches over and hears what became of every message.
  void run();
  milliseconds hand_over_due();
  void hand_over(TopicState& topic, std::unique_ptr<ProducerBatch> batch);
  void reported(const rd_kafka_message_t& message);
  void tell_reported();
  void reported(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code);
  void let_go(ProducerBatch& batch, TopicState& topic);
  void not_written(rd_kafka_resp_err_t code, const TopicState& topic);

  const ProducerOptions options;
  const std::function<void(Error)> on_fatal;
  ProducerMetrics& metrics;
  Opaque opaque;
  Client client;
  Queue reports;
  std::shared_mutex topics_mutex;
  std::map<std::string, TopicState> topics;
  std::atomic<TopicState*> last_topic{nullptr};         // most messages go where the last one went
  std::atomic<std::size_t> queued{0}, queued_bytes{0};  // taken and not reported on
  std::mutex room_mutex;
  std::condition_variable room;  // a report has freed some
  std::atomic<int> waiting{0};   // for room, or for none being left
  std::atomic<int> flushing{0};
  std::atomic<bool> was_fatal{false};
  std::atomic<bool> stopping{false};
  // The clerk's.
  std::vector<rd_kafka_message_t> slice;
  struct {
    std::size_t messages = 0, bytes = 0, delivered = 0;
  } reported_on;  // not yet told to the callers: they and the clerk would fight for the counters' cache line
  std::thread thread;
};

Result<void> Producer::Impl::start() {
  const milliseconds handover = std::min(options.linger, kHandoverTime);
  Result<Conf> conf = make_conf(options.kafka,
                                {{"enable.idempotence", "true"},
                                 {"acks", "all"},
                                 {"message.timeout.ms", "0"},
                                 {"linger.ms", std::to_string(handover.count())},
                                 {"compression.codec", options.compression},
                                 {"batch.num.messages", "10000"},
                                 {"batch.size", kBatchBytes},
                                 {"message.max.bytes", std::to_string(options.message_bytes_max)},
                                 // what waits is counted by us
                                 {"queue.buffering.max.messages", "0"},
                                 {"queue.buffering.max.kbytes", "2147483647"}},
                                opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  Result<Client> made = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  client = std::move(*made);
  reports.reset(rd_kafka_queue_get_main(client.get()));
  thread = std::thread([this] { run(); });
  return {};
}

Producer::Impl::~Impl() {
  if (!client) return;
  // What is not acknowledged by now stays unsettled: its record comes again. The purge reports each message that
  // librdkafka has once, so nobody waits for it and no message leaks.
  stopping.store(true, std::memory_order_release);
  rd_kafka_purge(client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client.get(), static_cast<int>(kReportWait.count()));
  rd_kafka_queue_yield(reports.get());
  thread.join();
  for (auto& [name, topic] : topics) topic.handle.reset();
  reports.reset();
  client.reset();  // before the batches, whose bytes it may still look at
}

TopicState* Producer::Impl::topic(const std::string& name) {
  if (TopicState* const last = last_topic.load(std::memory_order_acquire); last != nullptr && last->name == name)
    return last;
  {
    const std::shared_lock lock(topics_mutex);
    if (const auto known = topics.find(name); known != topics.end()) {
      last_topic.store(&known->second, std::memory_order_release);
      return &known->second;
    }
  }
  const std::unique_lock lock(topics_mutex);
  const RecordAccumulator::Limits limits = {.linger = options.linger - std::min(options.linger, kHandoverTime)};
  const auto [slot, added] = topics.try_emplace(name, name, limits);
  if (!added) return &slot->second;
  rd_kafka_topic_conf_t* const conf = rd_kafka_default_topic_conf_dup(client.get());
  rd_kafka_topic_conf_set_opaque(conf, &slot->second);
  rd_kafka_topic_conf_set_partitioner_cb(conf, &partition_of);
  slot->second.handle.reset(rd_kafka_topic_new(client.get(), name.c_str(), conf));
  if (slot->second.handle) return &slot->second;
  topics.erase(slot);
  return nullptr;
}

bool Producer::Impl::reserve(std::size_t bytes, std::optional<MonoTime> deadline, std::size_t messages) {
  const std::size_t bytes_max = options.queue_kbytes_max * 1024;
  for (bool waited = false;; waited = true) {
    const std::size_t messages_before = queued.fetch_add(messages, std::memory_order_relaxed);
    const std::size_t bytes_before = queued_bytes.fetch_add(bytes, std::memory_order_relaxed);
    // What is larger than the queue goes alone.
    if (messages_before == 0 ||
        (messages_before + messages <= options.queue_messages_max && bytes_before + bytes <= bytes_max)) {
      add(metrics.messages, messages);
      add(metrics.bytes, bytes);
      return true;
    }
    free(messages, bytes);
    if (!waited) add(metrics.queue_full);
    if (stopping.load(std::memory_order_acquire) || (deadline && std::chrono::steady_clock::now() >= *deadline))
      return false;
    std::unique_lock lock(room_mutex);
    waiting.fetch_add(1, std::memory_order_relaxed);
    room.wait_for(lock, kRoomSlice);
    waiting.fetch_sub(1, std::memory_order_relaxed);
  }
}

void Producer::Impl::free(std::size_t messages, std::size_t bytes) {
  queued.fetch_sub(messages, std::memory_order_relaxed);
  queued_bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

rd_kafka_resp_err_t Producer::Impl::send(const TopicState& topic, std::string_view key, std::string_view value,
                                         const Headers& headers, std::unique_ptr<SingleMessage> single) {
  std::array<rd_kafka_vu_t, 6> parts{};
  std::size_t count = 5;
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = topic.handle.get();
  parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[1].u.i = RD_KAFKA_MSG_F_COPY;
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {const_cast<char*>(value.data()), value.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_KEY;  // null, not empty, where there is none: any partition will do
  parts[3].u.mem = {key.empty() ? nullptr : const_cast<char*>(key.data()), key.size()};
  parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[4].u.ptr = opaque_of(single.get());
  Handle<rd_kafka_headers_t, rd_kafka_headers_destroy> extra;
  if (!headers.empty()) {
    extra.reset(rd_kafka_headers_new(headers.size()));
    for (const auto& [name, text] : headers)
      rd_kafka_header_add(extra.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                          static_cast<ssize_t>(text.size()));
    parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[count++].u.headers = extra.get();
  }
  const ClientError not_taken(rd_kafka_produceva(client.get(), parts.data(), count));
  if (not_taken) {
    free(1, single->bytes);
    return rd_kafka_error_code(not_taken.get());
  }
  std::ignore = extra.release();   // the message has them now
  std::ignore = single.release();  // until it is reported on
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::Impl::run() {
  int quiet = 0;  // rounds without news since the end began
  while (!stopping.load(std::memory_order_acquire) || (rd_kafka_outq_len(client.get()) > 0 && quiet < kQuietMax)) {
    const milliseconds wait = stopping.load(std::memory_order_acquire) ? kReportWait : hand_over_due();
    if (stopping.load(std::memory_order_acquire)) ++quiet;
    const Event event(rd_kafka_queue_poll(reports.get(), static_cast<int>(wait.count())));
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR: {
        quiet = 0;
        while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) reported(*message);
        break;
      }
      case RD_KAFKA_EVENT_ERROR:
        failed(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
        break;
      default:
        break;
    }
    tell_reported();
  }
  set(metrics.queued, 0);
}

void Producer::Impl::tell_reported() {
  const auto [messages, bytes, delivered] = std::exchange(reported_on, {});
  if (messages > 0) {
    add(metrics.delivered, delivered);
    free(messages, bytes);
    if (waiting.load(std::memory_order_relaxed) > 0) room.notify_all();
  }
  set(metrics.queued, queued.load(std::memory_order_relaxed));
}

/// Returns for how long there is nothing to hand over, if nothing comes.
milliseconds Producer::Impl::hand_over_due() {
  const MonoTime now = std::chrono::steady_clock::now();
  const bool hurry = flushing.load(std::memory_order_relaxed) > 0;
  milliseconds wait = kReportWait;
  const std::shared_lock lock(topics_mutex);
  for (auto& [name, topic] : topics) {
    for (;;) {
      std::unique_lock of_topic(topic.mutex);
      const auto partitions = static_cast<std::size_t>(topic.partitions.load(std::memory_order_relaxed));
      if (topic.accumulator.queues() != partitions) topic.accumulator.spread(partitions);
      std::unique_ptr<ProducerBatch> batch = topic.accumulator.next(now, hurry);
      if (!batch) {
        if (const auto due = topic.accumulator.due())
          wait = std::clamp(std::chrono::ceil<milliseconds>(*due - now), milliseconds(0), wait);
        break;
      }
      of_topic.unlock();
      hand_over(topic, std::move(batch));
    }
  }
  return wait;
}

void Producer::Impl::hand_over(TopicState& topic, std::unique_ptr<ProducerBatch> batch) {
  batch->open = batch->messages.size() + 1;  // our own look at it
  ProducerBatch& all = *topic.batches.emplace_back(std::move(batch));
  for (std::size_t done = 0; done < all.messages.size(); done += slice.size()) {
    slice.clear();
    for (ProducerBatch::Message& message :
         std::span(all.messages).subspan(done).first(std::min(kHandoverMax, all.messages.size() - done))) {
      const std::string_view key = all.key(message), value = all.value(message);
      slice.push_back({.err = RD_KAFKA_RESP_ERR_NO_ERROR,
                       .rkt = nullptr,
                       .partition = RD_KAFKA_PARTITION_UA,
                       .payload = const_cast<char*>(value.data()),
                       .len = value.size(),
                       .key = key.empty() ? nullptr : const_cast<char*>(key.data()),
                       .key_len = key.size(),
                       .offset = 0,
                       ._private = opaque_of(&message)});
    }
    rd_kafka_produce_batch(topic.handle.get(), RD_KAFKA_PARTITION_UA, 0, slice.data(), static_cast<int>(slice.size()));
    for (const rd_kafka_message_t& message : slice)
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
        reported(*static_cast<ProducerBatch::Message*>(message._private), topic, message.err);
  }
  let_go(all, topic);
}

void Producer::Impl::reported(const rd_kafka_message_t& message) {
  TopicState& topic = *static_cast<TopicState*>(rd_kafka_topic_opaque(message.rkt));
  auto what = carried(message._private);
  if (auto* const* const one = std::get_if<ProducerBatch::Message*>(&what)) {
    reported(**one, topic, message.err);
    return;
  }
  const SingleMessage& single = *std::get<std::unique_ptr<SingleMessage>>(what);
  const bool written = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (written) {
    ++reported_on.delivered;
    if (single.pending != nullptr) single.pending->drop();
  }
  if (single.waiter) {
    const std::scoped_lock lock(single.waiter->mutex);
    if (written)
      single.waiter->result = Written{rd_kafka_topic_name(message.rkt), message.partition, message.offset};
    else
      single.waiter->result = std::unexpected(error_of(message.err, "kafka: not written"));
    single.waiter->told.notify_one();
  } else if (!written) {
    not_written(message.err, topic);
  }
  ++reported_on.messages;
  reported_on.bytes += single.bytes;
}

void Producer::Impl::reported(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code) {
  ++reported_on.messages;
  reported_on.bytes += one.key_size + one.value_size;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++reported_on.delivered;
    if (one.pending != nullptr) one.pending->drop();
  } else {
    not_written(code, topic);
  }
  let_go(*one.in, topic);
}

void Producer::Impl::let_go(ProducerBatch& batch, TopicState& topic) {
  if (--batch.open > 0) return;
  const auto at = std::ranges::find(topic.batches, &batch, &std::unique_ptr<ProducerBatch>::get);
  {
    const std::scoped_lock lock(topic.mutex);
    topic.accumulator.done(std::move(*at));
  }
  topic.batches.erase(at);
}

void Producer::Impl::not_written(rd_kafka_resp_err_t code, const TopicState& topic) {
  // A message of a client that ended (fatal, purged) is nobody's news: the process leaves and its record comes again.
  if (code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) return;
  if (code == RD_KAFKA_RESP_ERR__FATAL)
    failed(code, "a message was not taken");
  else
    refused(error_of(code, "kafka: not written"), rd_kafka_topic_name(topic.handle.get()));
}

void Producer::Impl::refused(const Error& error, const std::string& topic_name) {
  add(metrics.refused);
  if (observe::Log* const log = options.kafka.log)
    log->error("kafka.refused", {observe::kv("topic", topic_name), observe::kv("why", error.detail)});
  if (options.on_refused) options.on_refused(error, topic_name);
}

void Producer::Impl::failed(rd_kafka_resp_err_t code, const char* words) {
  add(metrics.errors);
  if (observe::Log* const log = options.kafka.log)
    log->warn("kafka.producer",
              {observe::kv("code", rd_kafka_err2name(code)), observe::kv("text", words == nullptr ? "" : words)});
  if (rd_kafka_fatal_error(client.get(), nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR || was_fatal.exchange(true)) return;
  if (on_fatal) on_fatal(fatal_error_of(client.get()));
}

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::start(ProducerOptions options, std::function<void(Error)> on_fatal,
                                                  ProducerMetrics& metrics) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(on_fatal), metrics);
  if (Result<void> started = impl->start(); !started) return std::unexpected(std::move(started.error()));
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

void Producer::produce(PendingRecord* pending, const std::string& topic_name, std::string_view key,
                       std::string_view value, const Headers& headers) {
  if (pending != nullptr) pending->hold();
  TopicState* const topic = impl_->topic(topic_name);
  if (topic == nullptr) {
    impl_->refused({Errc::Malformed, "kafka: not a topic's name"}, topic_name);
    return;
  }
  const std::size_t bytes = key.size() + value.size();
  if (!impl_->reserve(bytes, std::nullopt)) return;  // the end: its record comes again
  if (!headers.empty()) {
    auto single = std::make_unique<SingleMessage>(SingleMessage{.pending = pending, .waiter = nullptr, .bytes = bytes});
    if (const auto code = impl_->send(*topic, key, value, headers, std::move(single));
        code != RD_KAFKA_RESP_ERR_NO_ERROR)
      impl_->not_written(code, *topic);
    return;
  }
  const std::uint32_t hash = key.empty() ? topic->turn.fetch_add(1, std::memory_order_relaxed) : hash_of(key);
  std::unique_lock lock(topic->mutex);
  const bool look = topic->accumulator.add(hash, pending, key, value, std::chrono::steady_clock::now());
  lock.unlock();
  if (look) rd_kafka_queue_yield(impl_->reports.get());
}

void Producer::produce_batch(const std::string& topic_name, std::span<const Message> messages) {
  if (messages.empty()) return;
  TopicState* const topic = impl_->topic(topic_name);
  if (topic == nullptr) {
    for (std::size_t i = 0; i < messages.size(); ++i)
      impl_->refused({Errc::Malformed, "kafka: not a topic's name"}, topic_name);
    return;
  }
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += message.key.size() + message.value.size();
  if (!impl_->reserve(bytes, std::nullopt, messages.size())) return;  // the end: their records come again
  const MonoTime now = std::chrono::steady_clock::now();
  bool look = false;
  {
    const std::scoped_lock lock(topic->mutex);
    for (const auto& [pending, key, value] : messages) {
      const std::uint32_t hash = key.empty() ? topic->turn.fetch_add(1, std::memory_order_relaxed) : hash_of(key);
      look |= topic->accumulator.add(hash, pending, key, value, now);
    }
  }
  if (look) rd_kafka_queue_yield(impl_->reports.get());
}

Result<Producer::Written> Producer::produce_and_wait(const std::string& topic_name, std::string_view key,
                                                     std::string_view value, const Headers& headers,
                                                     milliseconds wait) {
  const MonoTime deadline = std::chrono::steady_clock::now() + wait;
  TopicState* const topic = impl_->topic(topic_name);
  if (topic == nullptr) return fail(Errc::Malformed, "kafka: not a topic's name");
  const std::size_t bytes = key.size() + value.size();
  if (!impl_->reserve(bytes, deadline)) return fail(Errc::Overloaded, "kafka: the producer's queue stayed full");
  const auto waiter = std::make_shared<Waiter>();
  auto single = std::make_unique<SingleMessage>(SingleMessage{.pending = nullptr, .waiter = waiter, .bytes = bytes});
  if (const auto code = impl_->send(*topic, key, value, headers, std::move(single)); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(error_of(code, "kafka: not taken"));

  std::unique_lock lock(waiter->mutex);
  if (!waiter->told.wait_until(lock, deadline, [&] { return waiter->result.has_value(); }))
    return fail(Errc::Timeout, "kafka: no acknowledgement in time; it may still be written");
  return std::move(*waiter->result);
}

bool Producer::flush(milliseconds wait) {
  const MonoTime deadline = std::chrono::steady_clock::now() + wait;
  const auto is_empty = [this] { return impl_->queued.load(std::memory_order_relaxed) == 0; };
  impl_->flushing.fetch_add(1, std::memory_order_relaxed);
  impl_->waiting.fetch_add(1, std::memory_order_relaxed);
  rd_kafka_queue_yield(impl_->reports.get());
  {
    std::unique_lock lock(impl_->room_mutex);
    while (!is_empty() && std::chrono::steady_clock::now() < deadline)
      impl_->room.wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kRoomSlice));
  }
  impl_->waiting.fetch_sub(1, std::memory_order_relaxed);
  impl_->flushing.fetch_sub(1, std::memory_order_relaxed);
  return is_empty();
}

}  // namespace nightpost::kafka
