#include <algorithm>
#include <array>
#include <span>
#include <tuple>

#include "kafka/producer_impl.h"

namespace nightpost::kafka {
namespace {

constexpr int kQuietMax = 20;  // two seconds: then a purged message that was never reported is given up
constexpr std::size_t kHandoverMax = 1000;

}  // namespace

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

void Producer::Impl::refund(const ProducerBatch::Message& one) {
  const auto known = std::ranges::find(refunds, one.credit, &Refund::credit);
  if (known == refunds.end()) return refunds.push_back({one.credit, 1, one.charged});
  ++known->messages;
  known->bytes += one.charged;
}

void Producer::Impl::tell_reported() {
  if (!refunds.empty()) {
    add(metrics.delivered, std::exchange(delivered, 0));
    for (const auto& [credit, messages, bytes] : refunds) {
      queued.fetch_sub(messages, std::memory_order_relaxed);
      if (credit->refund(messages, bytes)) add(metrics.queue_full);
    }
    refunds.clear();
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
  slice.clear();
  for (ProducerBatch::Message& message : all.messages) {
    message.fate = ProducerBatch::Fate::Sent;
    if (message.extras && !message.extras->headers.empty()) {
      send_slice(topic);  // what comes before it stays before it
      const rd_kafka_resp_err_t code = send_with_headers(topic, message);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) reported(message, topic, code, -1, -1);
      continue;
    }
    const std::string_view key = all.key(message), value = all.value(message);
    slice.push_back({.err = RD_KAFKA_RESP_ERR_NO_ERROR,
                     .rkt = nullptr,
                     .partition = RD_KAFKA_PARTITION_UA,
                     .payload = const_cast<char*>(value.data()),
                     .len = value.size(),
                     .key = key.empty() ? nullptr : const_cast<char*>(key.data()),
                     .key_len = key.size(),
                     .offset = 0,
                     ._private = &message});
    if (slice.size() == kHandoverMax) send_slice(topic);
  }
  send_slice(topic);
  let_go(all, topic);
}

void Producer::Impl::send_slice(TopicState& topic) {
  if (slice.empty()) return;
  rd_kafka_produce_batch(topic.handle.get(), RD_KAFKA_PARTITION_UA, 0, slice.data(), static_cast<int>(slice.size()));
  for (const rd_kafka_message_t& message : slice)
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      reported(*static_cast<ProducerBatch::Message*>(message._private), topic, message.err, -1, -1);
  slice.clear();
}

/// A batch call takes no headers.
rd_kafka_resp_err_t Producer::Impl::send_with_headers(const TopicState& topic, ProducerBatch::Message& message) {
  const std::string_view key = message.in->key(message), value = message.in->value(message);
  std::array<rd_kafka_vu_t, 5> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = topic.handle.get();
  parts[1].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[1].u.mem = {const_cast<char*>(value.data()), value.size()};
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;  // null, not empty, where there is none: any partition will do
  parts[2].u.mem = {key.empty() ? nullptr : const_cast<char*>(key.data()), key.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[3].u.ptr = &message;
  Handle<rd_kafka_headers_t, rd_kafka_headers_destroy> headers(rd_kafka_headers_new(message.extras->headers.size()));
  for (const auto& [name, text] : message.extras->headers)
    rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers.get();
  const ClientError not_taken(rd_kafka_produceva(client.get(), parts.data(), parts.size()));
  if (not_taken) return rd_kafka_error_code(not_taken.get());
  std::ignore = headers.release();  // the message has them now
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::Impl::reported(const rd_kafka_message_t& message) {
  TopicState& topic = *static_cast<TopicState*>(rd_kafka_topic_opaque(message.rkt));
  reported(*static_cast<ProducerBatch::Message*>(message._private), topic, message.err, message.partition,
           message.offset);
}

void Producer::Impl::reported(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code,
                              std::int32_t partition, std::int64_t offset) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++delivered;
    RecordAccumulator::written(one);
    refund(one);
    if (one.pending != nullptr) one.pending->drop();
  } else {
    not_written(one, topic, code);
  }
  if (one.extras && one.extras->waiter) {
    DeliveryWaiter& waiter = *one.extras->waiter;
    const std::scoped_lock lock(waiter.mutex);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
      waiter.result = Written{topic.name, partition, offset};
    else
      waiter.result = std::unexpected(error_of(code, "kafka: not written"));
    waiter.told.notify_one();
  }
  let_go(*one.in, topic);
}

void Producer::Impl::not_written(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code) {
  const bool ended = code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
                     code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__DESTROY;
  const bool waited_for = one.extras && one.extras->waiter;
  if (!ended) {
    add(metrics.refused);
    const Refusal why = refusal_of(code);
    if (topic.refusals++ == 0) topic.last_refusal = {why, rd_kafka_err2str(code)};
    if (!waited_for && !options.on_refused) return RecordAccumulator::refused(one, why);
    if (!waited_for) options.on_refused(error_of(code, "kafka: not written"), topic.name);
  } else if (code == RD_KAFKA_RESP_ERR__FATAL) {
    failed(code, "a message was not taken");
  }
  // A message of a client that ended is nobody's news: the process leaves and its record comes again.
  if (ended && drops_holds.load(std::memory_order_acquire) && one.pending != nullptr) one.pending->drop();
  RecordAccumulator::dropped(one);
  refund(one);
}

void Producer::Impl::let_go(ProducerBatch& batch, TopicState& topic) {
  if (--batch.open > 0) return;
  const auto at = std::ranges::find(topic.batches, &batch, &std::unique_ptr<ProducerBatch>::get);
  bool shortened = false, refuses = false;
  {
    const std::scoped_lock lock(topic.mutex);
    shortened = topic.accumulator.done(std::move(*at), std::chrono::steady_clock::now());
    refuses = topic.accumulator.refusing();
    if (!refuses)
      topic.refused.reset();
    else if (topic.refusals > 0)
      topic.refused = topic.last_refusal;
  }
  topic.batches.erase(at);
  if (topic.refusals > 0) tell_refusals(topic, refuses, shortened);
  show(topic);
}

void Producer::Impl::tell_refusals(TopicState& topic, bool refuses, bool shortened) {
  const std::size_t messages = std::exchange(topic.refusals, 0);
  const Trouble& why = topic.last_refusal;
  if (shortened) add(metrics.letters_shortened);
  if (observe::Log* const log = options.kafka.log)
    log->error("kafka.refused", {observe::kv("topic", topic.name), observe::kv("why", name_of(why.why)),
                                 observe::kv("text", why.words), observe::kv("messages", messages),
                                 observe::kv("shortened", shortened), observe::kv("remedy", remedy_of(why.why))});
  if (refuses && watch) watch->look();
}

/// A topic that is back is tried at once: its back-off was for while it was away.
void Producer::Impl::on_said(TopicState& topic, const TopicWatch::Said& said) {
  bool news = false, waits = false;
  {
    const std::scoped_lock lock(topic.mutex);
    news = said.refusal.has_value() != topic.watched.has_value();
    if (said.refusal)
      topic.watched = Trouble{*said.refusal, said.words};
    else
      topic.watched.reset();
    if (news && !said.refusal) topic.accumulator.retry_now(std::chrono::steady_clock::now());
    waits = topic.accumulator.refusing();
  }
  show(topic);
  observe::Log* const log = options.kafka.log;
  if (news && log != nullptr && said.refusal)
    log->error("kafka.topic_unusable",
               {observe::kv("topic", topic.name), observe::kv("why", name_of(*said.refusal)),
                observe::kv("text", said.words), observe::kv("remedy", remedy_of(*said.refusal))});
  if (news && log != nullptr && !said.refusal) log->info("kafka.topic_usable", {observe::kv("topic", topic.name)});
  if (news && waits) rd_kafka_queue_yield(reports.get());
}

void Producer::Impl::show(TopicState& topic) {
  const auto index = std::ranges::find(options.watched, topic.name) - options.watched.begin();
  if (static_cast<std::size_t>(index) == options.watched.size()) return;
  const std::scoped_lock lock(topic.mutex);
  set(metrics.topic_unusable[static_cast<std::size_t>(index)], topic.refused || topic.watched ? 1 : 0);
}

}  // namespace nightpost::kafka
