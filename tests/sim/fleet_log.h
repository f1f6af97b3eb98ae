// What a fleet's broker has: the topics that workers read, who owns their partitions, what was committed, what was
// written because of each event. It is the judge: whatever members, vendors and the broker itself do, a commit never
// says done of a record whose devices have neither ended nor gone on into another record, and nothing is pushed again
// that was committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "kafka/refusal.h"
#include "kafka/topic_partition.h"

namespace nightpost::sim {

struct FleetRecord;

struct FleetEvent {
  std::string id, value;
  bool malformed = false;
  std::vector<std::string> users;
  // Durable.
  std::map<std::string, bool, std::less<>> outcomes;  // "user" or "user/device"; true: one of them is not dead
  bool letter = false;
  std::vector<FleetRecord*> records;  // of which it is made, in the order in which they were written
};

/// An event as it stands in one of the topics.
struct FleetRecord {
  FleetEvent* event = nullptr;
  std::string due_at, remainder;              // its headers
  WallTime due{};                             // it may not be delivered earlier
  std::optional<std::set<std::string>> left;  // as `outcomes` has them, or whole users; nullopt: everybody
  std::uint64_t number = 0;                   // of all records, in the order in which they were written
  bool committed = false;
  int taken = 0;  // times that a member was given it

  bool is_of(const std::string& user, const std::string& device) const {
    return !left || left->contains(user) || left->contains(user + "/" + device);
  }
};

class FleetLog {
 public:
  using At = kafka::TopicPartition;
  /// The devices of each user. Borrowed.
  using Devices = std::map<std::string, std::vector<std::string>, std::less<>>;
  struct Topic {
    std::string name;
    std::size_t partitions = 1;
  };
  FleetLog(std::vector<Topic> topics, const Devices& devices);

  // The source.
  FleetEvent& append_event(At at, FleetEvent event, const std::string& due_at = {}, WallTime due = {});
  std::int64_t end(At at) const { return std::int64_t(of(at).records.size()); }
  const FleetRecord& at(At at, std::int64_t offset) const { return of(at).records.at(std::size_t(offset)); }
  /// Of all topics.
  const std::vector<At>& all() const noexcept { return all_; }
  std::size_t partitions(std::uint32_t topic) const { return sources_.at(topic).size(); }

  // The group. Owners are numbers of members, 0 is nobody.
  std::uint64_t owner(At at) const { return of(at).owner; }
  void give(At at, std::uint64_t member) {
    of(at).owner = member;
    ++of(at).generation;
  }
  /// It owns nothing any more. Returns what it had.
  std::vector<At> take_all(std::uint64_t member);
  std::uint64_t generation(At at) const { return of(at).generation; }
  struct Committed {
    std::int64_t next = 0;
    std::string metadata;
  };
  const std::optional<Committed>& committed(At at) const { return of(at).committed; }
  /// False: the partition is not this member's, or was somebody's since the commit was sent. Throws Violation if it
  /// says done of what is not.
  bool commit(std::uint64_t member, std::uint64_t generation, At at, std::int64_t next, const std::string& metadata);
  bool all_committed() const;
  /// What is not, for whoever looks for the reason.
  std::string open_records() const;

  /// A member hands it to a shard. Throws Violation if that is too early.
  void taken(At at, std::int64_t offset, WallTime now);
  /// Times that members were given a record with this device.
  static int taken(const FleetEvent& event, const std::string& user, const std::string& device);
  /// All records with this device are committed, and nobody was given one of them twice.
  static bool is_over(const FleetEvent& event, const std::string& user, const std::string& device);

  // What is written.
  std::function<void(const FleetEvent&, std::string_view json)> on_outcome;  // before it is
  void write_outcome(std::string_view event_id, std::string_view json);
  /// Its headers say where its event is.
  void write_letter(const kafka::Headers& headers);
  /// What is left of an event, into a delay topic.
  void write_deferral(const std::string& topic, std::string_view key, std::string_view value,
                      const kafka::Headers& headers);

 private:
  struct Source {
    std::deque<FleetRecord> records;  // stay where they are
    std::uint64_t owner = 0, generation = 0;
    std::optional<Committed> committed;
  };
  Source& of(At at) { return sources_.at(at.topic).at(static_cast<std::size_t>(at.partition)); }
  const Source& of(At at) const { return sources_.at(at.topic).at(static_cast<std::size_t>(at.partition)); }
  FleetRecord& append(At at, FleetRecord record);
  std::uint32_t index_of(const std::string& topic) const;
  FleetEvent& event_of(const kafka::Headers& headers);
  void check_done(FleetRecord& record) const;
  static bool goes_on(const FleetRecord& record, const std::string& user, const std::string& device);

  const std::vector<Topic> topics_;
  const Devices& devices_;
  std::vector<std::vector<Source>> sources_;  // by topic and partition
  std::vector<At> all_;
  std::map<std::string, FleetEvent, std::less<>> events_;  // by id; stay where they are
  std::uint64_t records_ = 0;
};

}  // namespace nightpost::sim
