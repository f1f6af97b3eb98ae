// The other IM servers (nodes) of the same store: what this one tells them of its commits, and what it hears of theirs.
#pragma once

#include <vector>

#include "im/service/live_rooms.h"
#include "im/service/service.h"

namespace nightpost::im {

/// On the loop alone. What is told may get lost, come twice, late or in another order: only how soon a client sees what
/// another node wrote depends on it. The store numbers the commits of all nodes without holes (Committed::number), so a
/// node notices what it did not hear, and reads it from the store.
class Peers {
 public:
  virtual ~Peers() = default;
  /// A commit of this node, in the order of its commits, before it is told here. The others need number, deliveries,
  /// ended, recalled, read, callbacks and mass_push; intents, group_intents and follow_ups stay with this node. A
  /// commit without any of them is told, too, for its number. Number 0: no commit (live messages of a push to all).
  /// Must not wait, nor call PeerEars.
  virtual void tell(const Committed& commit) = 0;
  /// Whether what others tell arrives, as far as is known. While false, a number that was not heard is not waited for.
  virtual bool hears() const noexcept = 0;
  /// Users in a live room at other nodes, as they said within their lease. One who is there by two nodes counts twice.
  virtual std::int64_t live_elsewhere(ConvId) const { return 0; }
};

/// The service's. On the loop, not from inside Peers::tell.
class PeerEars {
 public:
  virtual ~PeerEars() = default;
  /// What another node was told to tell. Commits are put in order by their number; one that comes again, or after it
  /// was given up, does no harm.
  virtual void heard(Committed commit) = 0;
  /// What was told meanwhile may be missing (a connection came back): the store is looked at now, not in some seconds.
  virtual void may_have_missed() = 0;
  /// The number of the last commit that this node's gateway was told of, each below it included.
  virtual std::int64_t told_up_to() const noexcept = 0;
  /// Live rooms with somebody of this node in them; `most` of them, if there are more.
  virtual std::vector<LiveRooms::Count> live_counts(std::size_t /*most*/) const { return {}; }
};

}  // namespace nightpost::im
