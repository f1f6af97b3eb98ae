#include "kafka/producer.h"

#include <algorithm>
#include <limits>
#include <random>
#include <span>

#include "kafka/producer_impl.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kRoomSlice{50};  // a caller that waits looks again at least this often
/// Of librdkafka, so that all of a batch is there when it makes a request of it.
constexpr milliseconds kHandoverTime{5};
/// More than a batch, below the broker's default message.max.bytes of 1 MiB: only a single large message is refused.
constexpr const char* kBatchBytes = "900000";

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

Result<void> Producer::Impl::start() {
  if (options.watched.size() > ProducerOptions::kWatchedMax) return fail(Errc::Malformed, "kafka: too many topics");
  credits.emplace_back(ProduceCredit::Limits{options.queue_messages_max, options.queue_kbytes_max * 1024});
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
  std::vector<TopicState*> watched;
  std::vector<rd_kafka_topic_t*> handles;
  for (const std::string& name : options.watched) {
    watched.push_back(topic(name));
    if (watched.back() == nullptr) return fail(Errc::Malformed, "kafka: " + name + " is not a topic's name");
    handles.push_back(watched.back()->handle.get());
  }
  thread = std::thread([this] { run(); });
  if (!watched.empty())
    watch.emplace(client.get(), std::move(handles),
                  [this, watched](std::size_t index, const TopicWatch::Said& said) { on_said(*watched[index], said); });
  return {};
}

Producer::Impl::~Impl() {
  if (!client) return;
  watch.reset();
  // What is not acknowledged by now stays unsettled: its record comes again. The purge reports each message that
  // librdkafka has once, so nobody waits for it and no message leaks.
  stopping.store(true, std::memory_order_release);
  rd_kafka_purge(client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client.get(), static_cast<int>(kReportWait.count()));
  rd_kafka_queue_yield(reports.get());
  if (thread.joinable()) thread.join();
  for (auto& [name, topic] : topics) topic.handle.reset();
  reports.reset();
  client.reset();  // before the batches, whose bytes it may still look at
  if (drops_holds.load(std::memory_order_acquire))
    for (auto& [name, topic] : topics) drop_holds(topic);
}

void Producer::Impl::drop_holds(TopicState& topic) {
  const auto drop = [](const ProducerBatch::Message& message) {
    if (message.pending != nullptr && message.fate != ProducerBatch::Fate::Written &&
        message.fate != ProducerBatch::Fate::Dropped)
      message.pending->drop();
  };
  for (const std::unique_ptr<ProducerBatch>& batch : topic.batches)
    for (const ProducerBatch::Message& message : batch->messages) drop(message);
  topic.accumulator.for_each(drop);
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
  const RecordAccumulator::Limits limits = {.linger = options.linger - std::min(options.linger, kHandoverTime),
                                            .backoff_first = options.refused_backoff_first,
                                            .backoff_max = options.refused_backoff_max,
                                            .jitter_seed = std::random_device()()};
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

void Producer::Impl::count_taken(ProduceCredit& credit, std::size_t messages, std::size_t bytes) {
  credit.charge(messages, bytes);
  queued.fetch_add(messages, std::memory_order_relaxed);
  add(metrics.messages, messages);
  add(metrics.bytes, bytes);
}

bool Producer::Impl::add_to(TopicState& topic, ProduceCredit& credit, PendingRecord* pending, std::string_view key,
                            std::string_view value, MonoTime now, std::unique_ptr<MessageExtras> extras) {
  const std::uint32_t hash = key.empty() ? topic.turn.fetch_add(1, std::memory_order_relaxed) : hash_of(key);
  return topic.accumulator.add(hash, pending, key, value, now, &credit, std::move(extras));
}

void Producer::Impl::add_one(ProduceCredit& credit, PendingRecord* pending, const std::string& topic_name,
                             std::string_view key, std::string_view value, std::unique_ptr<MessageExtras> extras) {
  if (pending != nullptr) pending->hold();
  TopicState* const at = topic(topic_name);
  if (at == nullptr) return not_a_topic(topic_name);
  count_taken(credit, 1, RecordAccumulator::bytes_of(key, value, extras.get()));
  std::unique_lock lock(at->mutex);
  const bool look = add_to(*at, credit, pending, key, value, std::chrono::steady_clock::now(), std::move(extras));
  lock.unlock();
  if (look) rd_kafka_queue_yield(reports.get());
}

void Producer::Impl::not_a_topic(const std::string& name) {
  const Error error{Errc::Malformed, "kafka: not a topic's name"};
  add(metrics.refused);
  if (observe::Log* const log = options.kafka.log)
    log->error("kafka.refused", {observe::kv("topic", name), observe::kv("why", error.detail)});
  if (options.on_refused) options.on_refused(error, name);
}

void Producer::Impl::failed(rd_kafka_resp_err_t code, const char* words) {
  add(metrics.errors);
  note_failure(opaque, code, words);
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

ProduceCredit& Producer::open_credit(std::size_t shares, std::function<void()> on_room) {
  const std::scoped_lock lock(impl_->credits_mutex);
  return impl_->credits.emplace_back(
      ProduceCredit::Limits{std::max<std::size_t>(impl_->options.queue_messages_max / shares, 1),
                            std::max<std::size_t>(impl_->options.queue_kbytes_max * 1024 / shares, 1)},
      std::move(on_room));
}

ProduceCredit& Producer::own_credit() noexcept { return impl_->credits.front(); }

void Producer::produce(PendingRecord* pending, const std::string& topic, std::string_view key, std::string_view value,
                       Headers headers) {
  std::unique_ptr<MessageExtras> extras;
  if (!headers.empty()) extras = std::make_unique<MessageExtras>(MessageExtras{.headers = std::move(headers)});
  impl_->add_one(own_credit(), pending, topic, key, value, std::move(extras));
}

void Producer::produce_whole(ProduceCredit& credit, PendingRecord* pending, const std::string& topic,
                             std::string_view key, std::string_view value, Headers headers) {
  impl_->add_one(credit, pending, topic, key, value,
                 std::make_unique<MessageExtras>(MessageExtras{.headers = std::move(headers)}));
}

void Producer::produce_letter(ProduceCredit& credit, PendingRecord* pending, const std::string& topic,
                              std::string_view key, std::string_view value, Headers headers) {
  impl_->add_one(credit, pending, topic, key, value,
                 std::make_unique<MessageExtras>(MessageExtras{.headers = std::move(headers), .may_shorten = true}));
}

void Producer::produce_batch(ProduceCredit& credit, const std::string& topic_name, std::span<const Message> messages) {
  if (messages.empty()) return;
  TopicState* const topic = impl_->topic(topic_name);
  if (topic == nullptr) {
    for (std::size_t i = 0; i < messages.size(); ++i) impl_->not_a_topic(topic_name);
    return;
  }
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += message.key.size() + message.value.size();
  impl_->count_taken(credit, messages.size(), bytes);
  const MonoTime now = std::chrono::steady_clock::now();
  bool look = false;
  {
    const std::scoped_lock lock(topic->mutex);
    for (const auto& [pending, key, value] : messages) look |= Impl::add_to(*topic, credit, pending, key, value, now);
  }
  if (look) rd_kafka_queue_yield(impl_->reports.get());
}

Result<Producer::Written> Producer::produce_and_wait(const std::string& topic_name, std::string_view key,
                                                     std::string_view value, Headers headers, milliseconds wait) {
  const MonoTime deadline = std::chrono::steady_clock::now() + wait;
  if (impl_->topic(topic_name) == nullptr) return fail(Errc::Malformed, "kafka: not a topic's name");
  if (own_credit().room() == 0) add(impl_->metrics.queue_full);
  while (own_credit().room() == 0) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::Overloaded, "kafka: the producer's queue stayed full");
    std::unique_lock lock(impl_->room_mutex);
    impl_->waiting.fetch_add(1, std::memory_order_relaxed);
    impl_->room.wait_for(lock, kRoomSlice);
    impl_->waiting.fetch_sub(1, std::memory_order_relaxed);
  }
  const auto waiter = std::make_shared<DeliveryWaiter>();
  impl_->add_one(own_credit(), nullptr, topic_name, key, value,
                 std::make_unique<MessageExtras>(MessageExtras{.headers = std::move(headers), .waiter = waiter}));

  std::unique_lock lock(waiter->mutex);
  if (!waiter->told.wait_until(lock, deadline, [&] { return waiter->result.has_value(); })) {
    std::string why = "kafka: no acknowledgement in time; it may still be written";
    for (const ConnectionTrouble& one : connection_troubles())
      why += "; broker " + one.broker + ": " + one.words + "; " + one.todo;
    return fail(Errc::Timeout, std::move(why));
  }
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

std::vector<TopicTrouble> Producer::troubles() const {
  std::vector<TopicTrouble> all;
  const std::shared_lock lock(impl_->topics_mutex);
  for (auto& [name, topic] : impl_->topics) {
    const std::scoped_lock of_topic(topic.mutex);
    const std::optional<Trouble>& trouble = topic.watched ? topic.watched : topic.refused;
    if (trouble) all.push_back({name, trouble->why, trouble->words});
  }
  return all;
}

std::vector<ConnectionTrouble> Producer::connection_troubles() const {
  return impl_->opaque.troubles.current(std::chrono::steady_clock::now());
}

void Producer::drop_holds_at_end() noexcept { impl_->drops_holds.store(true, std::memory_order_release); }

}  // namespace nightpost::kafka
