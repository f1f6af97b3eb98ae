#include "app/event_publish.h"

#include <fmt/format.h>

#include <algorithm>

#include "dispatch/decode.h"

namespace nightpost::app {

std::string key_of(const dispatch::OfflineEvent& event) {
  if (event.kind == dispatch::EventKind::Badge) return fmt::format("badge_{}", event.to.front().user_id);
  if (!event.group_id.empty()) return fmt::format("group_{}", event.group_id);
  return fmt::format("c2c_{}_{}", event.from_user, event.to.empty() ? std::string_view() : event.to.front().user_id);
}

Result<kafka::Producer*> EventProducer::get() {
  const std::scoped_lock lock(mutex_);
  if (producer_ == nullptr) {
    kafka::ProducerOptions producing = config_.producer;
    producing.kafka.log = &log_;
    producing.linger = std::min(producing.linger, milliseconds(1));  // whoever publishes waits for each
    const auto fatal = [this](const Error& error) {
      log_.error("console.producer_fatal", {observe::kv("detail", error.detail)});
    };
    auto started = kafka::Producer::start(std::move(producing), fatal, metrics_);
    if (!started) return std::unexpected(started.error());
    producer_ = *std::move(started);
  }
  return producer_.get();
}

std::vector<admin::PublishedEvent> ConsoleEvents::publish(std::span<const std::string_view> events,
                                                          const std::function<bool(AppId)>& may_see) {
  using Is = admin::PublishedEvent::Is;
  dispatch::Decoder decoder(config_.dispatch.event_bytes_max, config_.dispatch.receivers_max);
  dispatch::OfflineEvent event;
  const MonoTime end = clock_.mono() + config_.console.events_wait;
  std::string trouble;  // why nothing more is tried; empty: it is
  std::vector<admin::PublishedEvent> all;
  for (const std::string_view bytes : events) {
    admin::PublishedEvent& one = all.emplace_back();
    event.reset();
    if (const auto decoded = decoder.decode(bytes, event); !decoded) {
      one = {.is = Is::Refused, .event_id = {}, .why = decoded.error().detail};
      continue;
    }
    one.event_id = event.event_id;
    if (!may_see(event.app)) {
      one.is = Is::Refused;
      one.why = fmt::format("this token is not for app {}", event.app.value);
      continue;
    }
    one.why = trouble;
    if (!trouble.empty()) continue;
    const auto left = std::chrono::duration_cast<milliseconds>(end - clock_.mono());
    const auto producer = producer_.get();
    const auto written = !producer ? Result<kafka::Producer::Written>(std::unexpected(producer.error()))
                                   : (*producer)->produce_and_wait(config_.topics.offline, key_of(event), bytes, {},
                                                                   std::max(left, milliseconds(1)));
    if (!written) {
      one.why = written.error().detail;
      trouble = "not tried: the one before was not acknowledged";
      continue;
    }
    one.is = Is::Written;
    one.partition = written->partition;
    one.offset = written->offset;
  }
  return all;
}

}  // namespace nightpost::app
