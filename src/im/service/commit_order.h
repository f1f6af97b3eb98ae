// What commits did, of this node and of others, in their one order. On the loop; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/time.h"
#include "im/service/mailbox.h"

namespace nightpost::im {

/// Numbers have no holes, so a commit waits until all before it are here, or were waited for long enough: then they are
/// given up, and what they did is to be read from the store. No number is given up for another node's word alone, which
/// comes from outside: only up to one that this node's own commits or a look at the store have shown to be there.
class CommitOrder {
 public:
  struct Options {
    milliseconds wait{100};
    std::size_t held_bytes_max = 67'108'864;  // of other nodes' commits that wait; what finds no room was not heard
    bool asks_log = false;                    // before something is given up, whom it concerns is read (wants_log)
  };
  CommitOrder(std::int64_t told, Options options) : told_(told), shown_(told), options_(options) {}

  /// Of this node. REQUIRED: its number is above those that it had before.
  void take_own(Done done, MonoTime now);
  /// Of another. One that was told or given up before keeps what does no harm late: its deliveries go. Where this node
  /// has a commit of the same number, that one stays.
  void take(Done done, MonoTime now);
  /// The store's last commit, as a look says that was asked for at `asked`. What was there before and is above it is
  /// nobody's.
  void looked(std::int64_t last, MonoTime asked, MonoTime now);
  /// What is to be told now; empty: nothing more. Ends before a gap: what comes behind it is the next call's, and
  /// missed() has risen by then. `hears`: false: what is missing is not waited for. `own`: a number that may be on its
  /// way from this node's writer: it is waited for in any case.
  std::vector<Done> due(MonoTime now, bool hears, std::int64_t own);

  struct Range {  // of numbers, both ends within
    std::int64_t first = 0, last = 0;
  };
  /// What due() would give up next, and whose log was not read.
  std::optional<Range> wants_log() const;
  /// It was, up to there, or cannot be.
  void log_read(std::int64_t last);
  /// What was given up since the last call.
  std::vector<Range> take_missed() { return std::exchange(missed_ranges_, {}); }
  /// The store forgot commits, or is another: `next` is its next number, and what is known of others' is void. This
  /// node's own commits that wait are in the store, with answers and pushes that hang on them: due() tells them next.
  void restart(std::int64_t next);

  std::int64_t told() const noexcept { return told_; }             // up to it, all were told or given up
  std::uint64_t missed() const noexcept { return missed_; }        // how many were given up
  bool wants_look() const noexcept { return wants_look_; }         // due() cannot go on without one
  bool complete() const noexcept { return arrivals_.empty(); }     // nothing is known that was not told
  std::optional<MonoTime> next() const;                            // when due() gives something up
  std::size_t held() const noexcept { return held_.size(); }       // commits that wait for those before them
  std::size_t held_bytes() const noexcept { return held_bytes_; }  // of them, other nodes'
  std::uint64_t no_room() const noexcept { return no_room_; }      // other nodes' that found no room
  /// When the oldest number that is not told was first heard of.
  std::optional<MonoTime> waiting_since() const {
    return arrivals_.empty() ? std::nullopt : std::optional(arrivals_.front().at);
  }

 private:
  struct Arrival {
    MonoTime at;
    std::int64_t number;
  };
  std::int64_t told_;
  std::int64_t shown_;  // by the store
  const Options options_;
  struct Held {
    Done done;
    std::size_t bytes = 0;
  };
  void drop(std::map<std::int64_t, Held>::iterator held);
  std::map<std::int64_t, Held> held_;  // by number, above told_
  std::size_t held_bytes_ = 0;
  std::uint64_t no_room_ = 0;
  std::deque<Arrival> arrivals_;  // numbers that were heard of, and when first
  std::vector<Done> late_;
  std::uint64_t missed_ = 0;
  std::vector<Range> missed_ranges_;
  bool wants_look_ = false;
  std::int64_t wants_log_to_ = 0, log_read_to_ = 0;
};

/// What it holds in memory, roughly: each message once.
std::size_t bytes_held_by(const Committed& commit);

}  // namespace nightpost::im
