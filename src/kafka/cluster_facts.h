// What a tool can learn of a cluster without touching it: brokers, topics and their settings, a group and its lag.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/connection_trouble.h"
#include "kafka/consumer.h"
#include "kafka/refusal.h"

namespace nightpost::kafka {

struct TopicFacts {
  std::string name;
  std::optional<Refusal> trouble;  // it is missing, forbidden or in another trouble; then nothing else is known
  std::string words;               // the broker's, of `trouble`
  int partitions = 0;
  int leaderless = 0;        // of them, nobody serves
  int under_replicated = 0;  // of them, fewer replicas are in sync than there should be
  int replicas = 0;          // of the partition that has the fewest
  /// "retention.ms" → "604800000", …: all that are in force. Empty where `settings_trouble` says why.
  std::map<std::string, std::string> settings;
  std::string settings_trouble;
  bool has_future_record = false;  // one that says to be younger than `future` of the question
};

struct GroupFacts {
  std::string name;
  std::string trouble;  // not empty: nothing else is known
  int members = 0;
  std::int64_t lag = 0;     // records beyond what is committed; of partitions with a commit
  int never_committed = 0;  // partitions without one
};

struct ClusterFacts {
  std::string trouble;  // not empty: no broker answers, and nothing else but `connections` is known
  std::vector<std::string> brokers;
  std::vector<ConnectionTrouble> connections;
  std::vector<TopicFacts> topics;  // in the order of the question
  std::vector<GroupFacts> groups;  // likewise
};

struct GroupQuestion {
  std::string name;
  std::vector<std::string> topics;  // that it reads, among those of the question
};

struct ClusterQuestion {
  std::vector<std::string> topics;  // at least one
  std::vector<GroupQuestion> groups;
  WallTime future;  // nobody should have written a record that says to be younger
};

/// Blocks for at most `wait` and some seconds for taking the clients down. Total: what cannot be learned says so.
ClusterFacts look_at_cluster(const ClientOptions& options, const ClusterQuestion& question, milliseconds wait);

/// Makes the topic, with the brokers' own replication factor, unless it is there. Io: refused, in the broker's words.
Result<void> create_topic(const ClientOptions& options, const std::string& topic, int partitions,
                          const std::map<std::string, std::string>& settings, milliseconds wait);

}  // namespace nightpost::kafka
