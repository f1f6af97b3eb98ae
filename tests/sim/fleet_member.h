// One worker of a simulated fleet: everything of the process but its threads, librdkafka and the network. The
// consumer's book, shards with their dispatchers and lanes, outcomes with their credit and accumulators are the real
// ones; the shells around them are written here once more, with the time between two threads made long.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/lane_transport.h"
#include "app/ports.h"
#include "app/shard_core.h"
#include "kafka/message_sink.h"
#include "kafka/partition_book.h"
#include "kafka/record_accumulator.h"
#include "sim/fleet_log.h"
#include "support/manual_loop.h"
#include "support/memory_wire.h"

namespace nightpost::sim {

inline constexpr std::size_t kEventReceiversMax = 8;
inline constexpr std::size_t kEventsTakenMax = 64;  // by a shard in one go: more than a consumer's round has

/// What all members share. The seed decides.
struct Fleet {
  support::ManualLoop& loop;
  std::mt19937_64& random;
  FleetLog& log;
  support::MemoryNet& net;
  const Clock& clock;
  dispatch::Directory& directory;
  dispatch::Credentials& credentials;
  dispatch::Options dispatch = {};
  kafka::BookLimits book = {};
  kafka::ProduceCredit::Limits credit = {};
  kafka::RecordAccumulator::Limits accumulator = {};
  app::Topics topics = {};
  net::LaneOptions lanes = {};
  milliseconds revoke_grace{5'000};
  milliseconds commit_wait{1'000};
  milliseconds hop_max{20};            // between two threads, or to the broker
  unsigned commits_lost = 0;           // percent of commits whose answer never comes
  bool results_missing = false;        // the topic of outcomes is gone for now
  std::size_t letter_bytes_max = ~0u;  // above it the dead topic says too large
  std::function<void(const char*)> met;
  std::function<void(const HttpRequest&)> on_send;  // before it goes to a lane

  std::uint64_t dice(std::uint64_t sides) { return random() % sides; }
  bool chance(unsigned percent) { return dice(100) < percent; }
  milliseconds hop() { return milliseconds(dice(static_cast<std::uint64_t>(hop_max.count()) + 1)); }
};

class FleetMember final : private kafka::MessageSink {
 public:
  FleetMember(Fleet& fleet, std::uint64_t number);
  /// As SIGKILL: nothing more is written or committed.
  ~FleetMember();

  // What the group says.
  void assign(FleetLog::At at);
  /// `done` is called once they may be given to others.
  void revoke(std::vector<FleetLog::At> partitions, std::function<void()> done);
  /// The group went on without us; we hear of it in lose().
  void shut_out() noexcept { shut_out_ = true; }
  void lose(const std::vector<FleetLog::At>& partitions);
  /// A member of the group, and neither a revocation nor a drain is under way.
  bool at_rest() const noexcept { return !shut_out_ && !revocation_ && !drained_; }
  /// SIGTERM: takes nothing more, ends what is in flight or hands it back, commits; then `done`.
  void drain(milliseconds limit, std::function<void()> done);

  std::uint64_t number() const noexcept { return number_; }
  /// Nothing is kept of what has ended. Throws Violation.
  void check_idle() const;
  /// What it is busy with, for whoever looks for the reason.
  std::string describe() const;
  /// What must hold at any time.
  void check() const;

 private:
  struct Shard;
  struct Topic {
    Topic(std::string its_name, const kafka::RecordAccumulator::Limits& limits)
        : name(std::move(its_name)), accumulator(limits) {}
    const std::string name;
    kafka::RecordAccumulator accumulator;
    std::vector<std::unique_ptr<kafka::ProducerBatch>> out;
  };
  struct Revocation {
    std::vector<FleetLog::At> partitions;
    MonoTime give_up{};
    std::function<void()> done;
  };
  /// Runs on this member, if it still lives then.
  void later(milliseconds delay, std::move_only_function<void()> what);
  void round();
  void poll();
  void hand_out();
  void apply_pauses();
  void send_commits(kafka::Group group, std::vector<kafka::PartitionBook::Commit> commits);
  bool commit_on_way() const;
  void step_revocation();
  void commit_and_wait(std::vector<FleetLog::At> partitions, MonoTime deadline, bool sent, std::function<void()> then);
  void end_stays(const std::vector<FleetLog::At>& partitions);
  void tell_ended();
  void step_drain();

  void produce_batch(kafka::ProduceCredit& credit, const std::string& topic,
                     std::span<const Message> messages) override;
  void produce_letter(kafka::ProduceCredit& credit, kafka::PendingRecord* pending, const std::string& topic,
                      std::string_view key, std::string_view value, kafka::Headers headers) override;
  void produce_whole(kafka::ProduceCredit& credit, kafka::PendingRecord* pending, const std::string& topic,
                     std::string_view key, std::string_view value, kafka::Headers headers) override;
  void add_one(Topic& topic, kafka::ProduceCredit& credit, kafka::PendingRecord* pending, std::string_view key,
               std::string_view value, kafka::Headers headers, bool may_shorten);
  void pump(Topic& topic);
  void write(const Topic& topic, kafka::ProducerBatch& batch);
  void report(Topic& topic, const kafka::ProducerBatch* batch);

  Fleet& fleet_;
  const std::uint64_t number_;
  std::shared_ptr<bool> life_ = std::make_shared<bool>(true);
  kafka::ConsumerMetrics consumer_metrics_;
  std::optional<kafka::PartitionBook> book_;
  std::map<FleetLog::At, std::int64_t> positions_;
  std::map<FleetLog::At, bool> paused_;
  std::optional<Revocation> revocation_;
  bool shut_out_ = false;
  bool blocked_ = false;  // the consumer's thread waits for a commit
  MonoTime drain_by_{};
  std::function<void()> drained_;
  bool hurried_ = false;       // the producer is being flushed
  std::deque<Topic> written_;  // to: results, dead letters, delay topics; they stay where they are
  Topic& results_;
  Topic& letters_;
  boost::asio::io_context no_loop_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace nightpost::sim
