// Reads back what became of the companion's pushes: the results topic, for apps' servers that want to know.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "app/config.h"
#include "core/event_loop.h"
#include "core/result.h"
#include "im/callbacks/push_outcome_writer.h"
#include "kafka/consumer.h"
#include "kafka/metrics.h"
#include "observe/log.h"

namespace nightpost::app {

/// In a consumer group of its own (im.callbacks.results_group), whose position in a partition is committed once the
/// callbacks of the records before it are durable: so a killed process tells of some twice, and of none never.
class PushResultReader {
 public:
  /// `writer` is the loop's and outlives this; so do `log` and `metrics`. `on_fatal`: any thread; this one reads no
  /// more, another one may. Errors of kafka::Consumer.
  static Result<std::unique_ptr<PushResultReader>> start(const Config& config, EventLoop& loop,
                                                         im::PushOutcomeWriter& writer, observe::Log& log,
                                                         std::function<void(const Error&)> on_fatal,
                                                         kafka::ConsumerMetrics& metrics);
  /// Not on the loop: the consumer's thread is joined. What is being written is committed by a later process.
  ~PushResultReader();
  PushResultReader(const PushResultReader&) = delete;
  PushResultReader& operator=(const PushResultReader&) = delete;

 private:
  explicit PushResultReader(EventLoop& loop, im::PushOutcomeWriter& writer);
  void take(std::unique_ptr<kafka::Batch> batch);

  EventLoop& loop_;
  im::PushOutcomeWriter& writer_;
  std::unique_ptr<kafka::Consumer> consumer_;  // last: its thread ends first
};

}  // namespace nightpost::app
