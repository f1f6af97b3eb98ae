// What was sent and what became of it. Pure: the harness tells it what it produced, read from the topics and saw at the
// vendors, and asks at the end. Not thread-safe.
//
// A unit is one receiver of one event; no two receivers of an event have the same vendor, so (event, vendor) names it
// in a request as well as in an outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/latencies.h"

namespace nightpost::chaos {

using EventNumber = std::uint32_t;
using VendorNumber = std::uint8_t;  // in the order of the vendor enum
inline constexpr std::size_t kVendors = 8;

/// "chaosx17": the event's id, and the word by which its requests are found at the vendors; long enough to be in no
/// token.
inline constexpr std::string_view kMark = "chaosx";
std::string mark_of(EventNumber event);
std::optional<EventNumber> event_of(std::string_view mark);

/// What an outcome on the results topic says of a unit.
enum class Heard : std::uint8_t { Accepted, Retrying, Dead, Expired, Other };
Heard heard_from(std::string_view outcome);

/// A time in which something was done to the fleet or to a line, ms since the epoch.
struct Disturbance {
  enum class What { Takeover, Line };  // work changed hands (kill, freeze, rebalance, broker); answers were lost
  What what = What::Takeover;
  std::int64_t from_ms = 0, to_ms = 0;      // as long as its repeats may come
  std::optional<VendorNumber> vendor = {};  // of Line; absent: all
  std::int64_t struck_ms = 0;               // until then it was done
};

class Ledger {
 public:
  /// The phase of what is sent from now on; latencies and ends are counted by it.
  std::size_t begin_phase(std::string name);
  /// An event to one receiver of each of `vendors`, of conversation `conversation`, due at `due_ms`; returns its
  /// number.
  EventNumber send(std::int64_t due_ms, std::uint32_t conversation, std::span<const VendorNumber> vendors);

  /// What is not of a known unit is counted as foreign. `at_ms`: when the outcome was known.
  void outcome(std::string_view event_id, std::string_view vendor, Heard heard, int attempt, std::int64_t at_ms,
               std::string_view rule = {});
  void letter(std::string_view event_id);  // a record of the dead topic
  void waits(std::string_view event_id);   // a record of a delay topic that nobody has finished yet
  /// The `n`-th request at `vendor` carried this mark; `status` 0: taken and not answered.
  void request(VendorNumber vendor, std::string_view mark, std::uint64_t n, int status, std::int64_t at_ms);
  void unseen(std::uint64_t requests) noexcept { unseen_ += requests; }  // requests at vendors that nobody read

  static constexpr std::int64_t kTogetherMs = 1'000;

  struct Phase {
    std::string name;
    std::uint64_t units = 0, accepted = 0, dead = 0, deferred = 0, open = 0;
    support::Latencies latency =
        {};  // of the vendors asked for, from due to the final outcome; an open one up to `now`
  };
  struct Account {
    std::uint64_t events = 0, units = 0, requests = 0, unseen = 0, foreign = 0;
    std::uint64_t accepted = 0, dead = 0, expired = 0, other = 0;  // units by their final outcome, the first one
    std::uint64_t waiting = 0;                                     // no final outcome, but in a delay topic
    std::uint64_t lost = 0;                                        // neither
    std::vector<EventNumber> lost_events = {};                     // the first few
    std::uint64_t dead_without_letter = 0;
    std::uint64_t finals_repeated = 0;  // final outcomes after the first of a unit
    std::uint64_t deferred = 0;         // units that were retrying at least once
    std::uint64_t told_never_seen = 0;  // accepted, but no vendor took it
    std::map<std::string, std::uint64_t> dead_rules = {};

    // Requests that a vendor took beyond the first of a unit, by why there was one more.
    std::uint64_t twice_takeover = 0, twice_unheard = 0, twice_unexplained = 0;
    std::vector<EventNumber> unexplained_events = {};
    /// Units that met their vendor before an earlier one of their conversation, and neither was retried. Two that are
    /// in the air together, on connections of their own, nobody can keep apart: up to kTogetherMs they count as
    /// `together`. Nor can anybody where the earlier one was in the hands of a worker that was killed, or lost its
    /// partition, between the two: `taken_over`.
    std::uint64_t overtaken = 0, together = 0, taken_over = 0;
    std::uint64_t ordered = 0;                                // how many were looked at
    std::int64_t overtaken_ms = 0;                            // the most that the earlier one came later
    std::map<VendorNumber, std::uint64_t> overtaken_at = {};  // all kinds, by vendor
    std::vector<EventNumber> overtaken_events = {};
  };
  /// `now_ms`: when the waiting ended.
  Account account(std::span<const Disturbance> disturbances) const;
  /// Phase by phase, latencies of the vendors in `vendors` only.
  std::vector<Phase> phases(std::span<const VendorNumber> vendors, std::int64_t now_ms) const;
  std::size_t events() const noexcept { return events_.size(); }
  std::size_t finished() const noexcept { return finished_; }  // units
  std::size_t units() const noexcept { return units_.size(); }

 private:
  struct Event {
    std::int64_t due_ms = 0;
    std::uint32_t first_unit = 0;
    std::uint32_t conversation = 0;
    std::uint16_t phase = 0;
    std::uint8_t units = 0;
    bool letter = false, waits = false;
  };
  struct Unit {
    VendorNumber vendor = 0;
    std::optional<Heard> end = {};
    std::uint8_t finals = 0, attempts = 0, taken = 0, unheard = 0, refused = 0;  // they stop at 255
    bool retrying = false;
    std::uint32_t rule = 0;  // into rules_
    std::uint64_t first_n = 0;
    std::int64_t end_ms = 0, first_ms = 0, first_taken_ms = 0, last_taken_ms = 0;
  };
  Unit* find(std::string_view event_id, std::optional<VendorNumber> vendor);
  static bool repeated_by_us(const Unit& unit) noexcept;
  void count_repeats(const Unit& unit, EventNumber event, std::span<const Disturbance> disturbances,
                     Account& account) const;
  void count_order(std::span<const Disturbance> disturbances, Account& account) const;

  std::vector<std::string> phases_;
  std::vector<Event> events_;
  std::vector<Unit> units_;
  std::map<std::string, std::uint32_t, std::less<>> rules_;
  std::size_t finished_ = 0;
  std::uint64_t requests_ = 0, unseen_ = 0, foreign_ = 0;
};

}  // namespace nightpost::chaos
