// Offline events onto their topic, each acknowledged: for POST /v1/events, and the key that `event publish` gives them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "admin/ports.h"
#include "app/config.h"
#include "core/time.h"
#include "dispatch/event.h"
#include "kafka/metrics.h"
#include "kafka/producer.h"
#include "observe/log.h"

namespace nightpost::app {

/// Conversation and receiver for one-to-one, the group for groups, so that order holds in both, and a cancel stays
/// behind its message.
std::string key_of(const dispatch::OfflineEvent& event);

/// The producer of all threads, started by the first event. Borrows config and log.
class EventProducer {
 public:
  EventProducer(const Config& config, observe::Log& log) : config_(config), log_(log) {}
  /// Any thread. Io: Kafka's settings are refused.
  Result<kafka::Producer*> get();

 private:
  const Config& config_;
  observe::Log& log_;
  std::mutex mutex_;
  kafka::ProducerMetrics metrics_;
  std::unique_ptr<kafka::Producer> producer_;  // by mutex_; once made it stays
};

/// One thread's. Borrows all.
class ConsoleEvents final : public admin::EventDesk {
 public:
  ConsoleEvents(const Config& config, EventProducer& producer, const Clock& clock)
      : config_(config), producer_(producer), clock_(clock) {}
  std::vector<admin::PublishedEvent> publish(std::span<const std::string_view> events,
                                             const std::function<bool(AppId)>& may_see) override;

 private:
  const Config& config_;
  EventProducer& producer_;
  const Clock& clock_;
};

}  // namespace nightpost::app
