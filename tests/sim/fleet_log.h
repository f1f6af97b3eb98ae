// What a fleet's broker has: the events and who owns their partitions, what was committed, what was written because of
// each event. It is the judge: whatever members, vendors and the broker itself do, a commit never says done of an event
// that is not, and nothing is pushed again that was committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/refusal.h"

namespace nightpost::sim {

struct FleetEvent {
  std::string id, value;
  bool malformed = false;
  std::vector<std::string> users;
  // Durable.
  std::map<std::string, bool, std::less<>> outcomes;  // "user" or "user/device"; true: one of them is not dead
  bool letter = false;
  bool committed = false;
  int taken = 0;  // times that a member was given it
};

class FleetLog {
 public:
  /// The devices of each user. Borrowed.
  using Devices = std::map<std::string, std::vector<std::string>, std::less<>>;
  FleetLog(std::size_t partitions, const Devices& devices) : devices_(devices), partitions_(partitions) {}

  // The source.
  FleetEvent& append(std::int32_t partition, FleetEvent event);
  std::int64_t end(std::int32_t partition) const { return std::int64_t(of(partition).events.size()); }
  const FleetEvent& at(std::int32_t partition, std::int64_t offset) const {
    return of(partition).events.at(static_cast<std::size_t>(offset));
  }
  std::size_t partitions() const noexcept { return partitions_.size(); }

  // The group. Owners are numbers of members, 0 is nobody.
  std::uint64_t owner(std::int32_t partition) const { return of(partition).owner; }
  void give(std::int32_t partition, std::uint64_t member) {
    of(partition).owner = member;
    ++of(partition).generation;
  }
  /// It owns nothing any more. Returns what it had.
  std::vector<std::int32_t> take_all(std::uint64_t member);
  std::uint64_t generation(std::int32_t partition) const { return of(partition).generation; }
  struct Committed {
    std::int64_t next = 0;
    std::string metadata;
  };
  const std::optional<Committed>& committed(std::int32_t partition) const { return of(partition).committed; }
  /// False: the partition is not this member's, or was somebody's since the commit was sent. Throws Violation if it
  /// says done of what is not.
  bool commit(std::uint64_t member, std::uint64_t generation, std::int32_t partition, std::int64_t next,
              const std::string& metadata);
  bool all_committed() const;
  /// What is not, for whoever looks for the reason.
  std::string open_events() const;

  void taken(std::int32_t partition, std::int64_t offset) { ++of(partition).events[std::size_t(offset)].taken; }

  // What is written.
  std::function<void(const FleetEvent&, std::string_view json)> on_outcome;  // before it is
  void write_outcome(std::string_view event_id, std::string_view json);
  /// Its headers say where its event is.
  void write_letter(const kafka::Headers& headers);

 private:
  struct Source {
    std::deque<FleetEvent> events;  // stay where they are
    std::uint64_t owner = 0, generation = 0;
    std::optional<Committed> committed;
  };
  Source& of(std::int32_t partition) { return partitions_.at(static_cast<std::size_t>(partition)); }
  const Source& of(std::int32_t partition) const { return partitions_.at(static_cast<std::size_t>(partition)); }
  void check_done(FleetEvent& event) const;

  struct Place {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
  };
  const Devices& devices_;
  std::vector<Source> partitions_;
  std::map<std::string, Place, std::less<>> by_id_;
};

}  // namespace nightpost::sim
