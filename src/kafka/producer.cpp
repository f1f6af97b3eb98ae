#include "kafka/producer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <thread>
#include <tuple>

#include "kafka/client_conf.h"
#include "kafka/ticket.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kReportWait{100};  // how late the reports' thread sees that it shall end
constexpr milliseconds kRoomSlice{50};    // a caller before a full queue looks again at least this often
constexpr int kQuietMax = 20;             // two seconds: then a purged message that was never reported is given up
constexpr std::size_t kReportsMax = 1024;
/// Below the broker's default message.max.bytes of 1 MiB, so that only a single large message can be refused as such.
constexpr const char* kBatchBytes = "900000";

/// Where produce_and_wait() waits. Shared with the delivery report, for the caller may give up first.
struct Waiter {
  std::mutex mutex;
  std::condition_variable told;
  std::optional<Result<Producer::Written>> result;
};

/// What a message carries through librdkafka: a ticket, or, with the lowest bit set, an owned pointer to a waiter.
void* opaque_of(Ticket* ticket) { return ticket; }
void* opaque_of(std::shared_ptr<Waiter>* waiter) { return reinterpret_cast<char*>(waiter) + 1; }
Ticket* ticket_of(void* opaque) {
  return (reinterpret_cast<std::uintptr_t>(opaque) & 1) != 0 ? nullptr : static_cast<Ticket*>(opaque);
}
std::unique_ptr<std::shared_ptr<Waiter>> waiter_of(void* opaque) {
  if (opaque == nullptr || ticket_of(opaque) != nullptr) return nullptr;
  return std::unique_ptr<std::shared_ptr<Waiter>>(
      reinterpret_cast<std::shared_ptr<Waiter>*>(static_cast<char*>(opaque) - 1));
}

}  // namespace

struct Producer::Impl {
  Impl(ProducerOptions the_options, std::function<void(Error)> the_on_fatal, ProducerMetrics& the_metrics)
      : options(std::move(the_options)), on_fatal(std::move(the_on_fatal)), metrics(the_metrics) {}
  ~Impl();
  Result<void> start();

  /// Blocks while the queue is full, until `deadline` if there is one. Then the message is librdkafka's, or not taken.
  rd_kafka_resp_err_t send(const std::string& topic, std::string_view key, std::string_view value,
                           const Headers& headers, void* message_opaque, std::optional<MonoTime> deadline);
  rd_kafka_topic_t* topic(const std::string& name);
  void report();
  void delivered(const rd_kafka_message_t& message);
  void refused(const Error& error, const std::string& topic);
  void failed(rd_kafka_resp_err_t code, const char* words);

  const ProducerOptions options;
  const std::function<void(Error)> on_fatal;
  ProducerMetrics& metrics;
  Opaque opaque;
  Client client;
  Queue reports;
  std::shared_mutex topics_mutex;
  std::map<std::string, Topic> topics;  // after client: handles go before it does
  std::mutex room_mutex;
  std::condition_variable room;  // a report has freed some
  std::atomic<int> waiting{0};   // for room
  std::atomic<bool> was_fatal{false};
  std::atomic<bool> stopping{false};
  std::thread thread;
};

Result<void> Producer::Impl::start() {
  Result<Conf> conf = make_conf(options.kafka,
                                {{"enable.idempotence", "true"},
                                 {"acks", "all"},
                                 {"message.timeout.ms", "0"},
                                 {"linger.ms", std::to_string(options.linger.count())},
                                 {"compression.codec", options.compression},
                                 {"batch.num.messages", "10000"},
                                 {"batch.size", kBatchBytes},
                                 {"message.max.bytes", std::to_string(options.message_bytes_max)},
                                 {"queue.buffering.max.messages", std::to_string(options.queue_messages_max)},
                                 {"queue.buffering.max.kbytes", std::to_string(options.queue_kbytes_max)},
                                 // as the Java clients do, so that a key lands where theirs does
                                 {"partitioner", "murmur2_random"}},
                                opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  Result<Client> made = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  client = std::move(*made);
  reports.reset(rd_kafka_queue_get_main(client.get()));
  thread = std::thread([this] { report(); });
  return {};
}

Producer::Impl::~Impl() {
  if (!client) return;
  // What is not acknowledged by now stays unsettled: its record comes again. The purge reports each such message once,
  // so nobody waits for it and no waiter leaks.
  stopping.store(true, std::memory_order_release);
  rd_kafka_purge(client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client.get(), static_cast<int>(kReportWait.count()));
  rd_kafka_queue_yield(reports.get());
  thread.join();
  topics.clear();
  reports.reset();
}

rd_kafka_topic_t* Producer::Impl::topic(const std::string& name) {
  {
    const std::shared_lock lock(topics_mutex);
    if (const auto known = topics.find(name); known != topics.end()) return known->second.get();
  }
  const std::unique_lock lock(topics_mutex);
  Topic& slot = topics[name];
  if (!slot) slot.reset(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  return slot.get();
}

rd_kafka_resp_err_t Producer::Impl::send(const std::string& topic_name, std::string_view key, std::string_view value,
                                         const Headers& headers, void* message_opaque,
                                         std::optional<MonoTime> deadline) {
  rd_kafka_topic_t* const handle = topic(topic_name);
  if (handle == nullptr) return RD_KAFKA_RESP_ERR__INVALID_ARG;  // not a name Kafka can have

  std::array<rd_kafka_vu_t, 6> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = handle;
  parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[1].u.i = RD_KAFKA_MSG_F_COPY;
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {const_cast<char*>(value.data()), value.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_KEY;  // null, not empty, where there is none: any partition will do
  parts[3].u.mem = {key.empty() ? nullptr : const_cast<char*>(key.data()), key.size()};
  parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[4].u.ptr = message_opaque;

  for (bool waited = false;; waited = true) {
    std::size_t count = 5;
    Handle<rd_kafka_headers_t, rd_kafka_headers_destroy> extra;
    if (!headers.empty()) {
      extra.reset(rd_kafka_headers_new(headers.size()));
      for (const auto& [name, text] : headers)
        rd_kafka_header_add(extra.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                            static_cast<ssize_t>(text.size()));
      parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
      parts[count++].u.headers = extra.get();
    }
    const ClientError refused_now(rd_kafka_produceva(client.get(), parts.data(), count));
    if (!refused_now) {
      std::ignore = extra.release();  // the message has them now
      add(metrics.messages);
      add(metrics.bytes, key.size() + value.size());
      return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refused_now.get());
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return code;
    if (!waited) add(metrics.queue_full);
    if (stopping.load(std::memory_order_acquire) || (deadline && std::chrono::steady_clock::now() >= *deadline))
      return code;
    std::unique_lock lock(room_mutex);
    waiting.fetch_add(1, std::memory_order_relaxed);
    room.wait_for(lock, kRoomSlice);
    waiting.fetch_sub(1, std::memory_order_relaxed);
  }
}

void Producer::Impl::report() {
  std::array<const rd_kafka_message_t*, kReportsMax> messages{};
  int quiet = 0;  // rounds without news since the end began
  while (!stopping.load(std::memory_order_acquire) || (rd_kafka_outq_len(client.get()) > 0 && quiet < kQuietMax)) {
    if (stopping.load(std::memory_order_acquire)) ++quiet;
    const Event event(rd_kafka_queue_poll(reports.get(), static_cast<int>(kReportWait.count())));
    set(metrics.queued, static_cast<std::uint64_t>(rd_kafka_outq_len(client.get())));
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        quiet = 0;
        while (const std::size_t count = rd_kafka_event_message_array(event.get(), messages.data(), messages.size()))
          for (const rd_kafka_message_t* message : std::span(messages).first(count)) delivered(*message);
        if (waiting.load(std::memory_order_relaxed) > 0) room.notify_all();
        break;
      case RD_KAFKA_EVENT_ERROR:
        failed(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
        break;
      default:
        break;
    }
  }
  set(metrics.queued, 0);
}

void Producer::Impl::delivered(const rd_kafka_message_t& message) {
  const bool written = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (written) add(metrics.delivered);
  const auto waiter = waiter_of(message._private);
  if (waiter) {
    const std::scoped_lock lock((*waiter)->mutex);
    if (written)
      (*waiter)->result = Written{rd_kafka_topic_name(message.rkt), message.partition, message.offset};
    else
      (*waiter)->result = std::unexpected(error_of(message.err, "kafka: not written"));
    (*waiter)->told.notify_one();
  } else if (Ticket* const ticket = ticket_of(message._private); ticket != nullptr && written) {
    ticket->drop();
  }
  // A message of a client that ended (fatal, purged) is nobody's news: the process leaves and its record comes again.
  const bool ended = message.err == RD_KAFKA_RESP_ERR__FATAL || message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                     message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (!written && !waiter && !ended)
    refused(error_of(message.err, "kafka: not written"), rd_kafka_topic_name(message.rkt));
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

void Producer::produce(Ticket* ticket, const std::string& topic, std::string_view key, std::string_view value,
                       const Headers& headers) {
  if (ticket != nullptr) ticket->hold();
  const rd_kafka_resp_err_t code = impl_->send(topic, key, value, headers, opaque_of(ticket), std::nullopt);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return;
  if (code == RD_KAFKA_RESP_ERR__FATAL)
    impl_->failed(code, "a message was not taken");
  else
    impl_->refused(error_of(code, "kafka: not taken"), topic);
}

Result<Producer::Written> Producer::produce_and_wait(const std::string& topic, std::string_view key,
                                                     std::string_view value, const Headers& headers,
                                                     milliseconds wait) {
  const MonoTime deadline = std::chrono::steady_clock::now() + wait;
  const auto waiter = std::make_shared<Waiter>();
  auto shared = std::make_unique<std::shared_ptr<Waiter>>(waiter);
  const rd_kafka_resp_err_t code = impl_->send(topic, key, value, headers, opaque_of(shared.get()), deadline);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return fail(Errc::Overloaded, "kafka: the producer's queue stayed full");
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(error_of(code, "kafka: not taken"));
  std::ignore = shared.release();  // the delivery report's

  std::unique_lock lock(waiter->mutex);
  if (!waiter->told.wait_until(lock, deadline, [&] { return waiter->result.has_value(); }))
    return fail(Errc::Timeout, "kafka: no acknowledgement in time; it may still be written");
  return std::move(*waiter->result);
}

bool Producer::flush(milliseconds wait) {
  return rd_kafka_flush(impl_->client.get(), static_cast<int>(wait.count())) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace nightpost::kafka
