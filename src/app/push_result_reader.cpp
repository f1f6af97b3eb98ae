#include "app/push_result_reader.h"

#include <utility>

#include "im/callbacks/push_outcome.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kOutcomesAtOnce = 100;        // in one command of the writer
constexpr std::size_t kResultsInFlightMax = 5'000;  // read and not durable

/// Records that come again unless they are released.
class HeldRecords {
 public:
  HeldRecords() = default;
  HeldRecords(HeldRecords&& other) noexcept : all_(std::exchange(other.all_, {})) {}
  HeldRecords& operator=(HeldRecords&& other) noexcept {
    std::swap(all_, other.all_);
    return *this;
  }
  ~HeldRecords() {
    for (kafka::PendingRecord* const record : all_) kafka::Consumer::give_back(record);
  }
  void add(kafka::PendingRecord* record) { all_.push_back(record); }
  void release() {
    for (kafka::PendingRecord* const record : std::exchange(all_, {})) kafka::Consumer::release(record);
  }

 private:
  std::vector<kafka::PendingRecord*> all_;
};

struct ReadOutcomes {
  std::vector<im::PushOutcome> outcomes;
  HeldRecords records;  // that they stand in
};

}  // namespace

PushResultReader::PushResultReader(EventLoop& loop, im::PushOutcomeWriter& writer) : loop_(loop), writer_(writer) {}

PushResultReader::~PushResultReader() = default;

Result<std::unique_ptr<PushResultReader>> PushResultReader::start(const Config& config, EventLoop& loop,
                                                                  im::PushOutcomeWriter& writer, observe::Log& log,
                                                                  std::function<void(const Error&)> on_fatal,
                                                                  kafka::ConsumerMetrics& metrics) {
  std::unique_ptr<PushResultReader> reader(new PushResultReader(loop, writer));
  kafka::ConsumerOptions consuming = config.consumer;
  consuming.kafka.log = &log;
  consuming.group_id = config.im.results_group;
  consuming.group_instance_id.clear();
  consuming.topic = config.topics.results;
  consuming.delay_topics.clear();
  consuming.start_at = {.from = kafka::StartAt::From::Latest};
  consuming.shards = 1;
  consuming.in_flight_max = kResultsInFlightMax;
  kafka::ConsumerHandlers on;
  on.on_batch = [self = reader.get()](std::size_t, std::unique_ptr<kafka::Batch> batch) {
    self->take(std::move(batch));
  };
  on.on_first_assignment = [] {};
  on.on_fatal = std::move(on_fatal);
  auto consumer = kafka::Consumer::start(std::move(consuming), std::move(on), metrics);
  if (!consumer) return std::unexpected(std::move(consumer.error()));
  reader->consumer_ = *std::move(consumer);
  return reader;
}

/// On the consumer's thread. What no callback comes of is done with.
void PushResultReader::take(std::unique_ptr<kafka::Batch> batch) {
  ReadOutcomes read;
  const auto hand_on = [&] {
    if (read.outcomes.empty()) return;
    loop_.post([writer = &writer_, part = std::exchange(read, {})]() mutable {
      writer->write(std::move(part.outcomes), [records = std::move(part.records)](bool written) mutable {
        if (written) records.release();
      });
    });
  };
  for (const kafka::SourceRecord& record : batch->records()) {
    auto outcome = im::push_outcome(record.value);
    if (!outcome) {
      kafka::Consumer::release(record.pending);
      continue;
    }
    read.outcomes.push_back(*std::move(outcome));
    read.records.add(record.pending);
    if (read.outcomes.size() >= kOutcomesAtOnce) hand_on();
  }
  hand_on();
}

}  // namespace nightpost::app
