// What the pipeline holds of an event from accept() to release() or hand_back(), and of each of its pushes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/outcome.h"
#include "core/time.h"
#include "dispatch/breaker.h"
#include "dispatch/content.h"
#include "dispatch/event.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/remainder.h"
#include "dispatch/two_lines.h"

namespace nightpost::dispatch {

class SignerPace;

/// What is kept for the next event costs no allocation then; but a slot may not keep what only an unusual event needed,
/// nor all slots of a shard more than this. In bytes.
inline constexpr std::size_t kSlotKeptMax = std::size_t{16} << 10;
inline constexpr std::size_t kSlotsKeptMax = std::size_t{16} << 20;

/// Whoever of an event is not finished once it is closed. Usually nobody, so it is made when the first one comes.
struct Unfinished {
  struct Part {
    std::size_t receiver = 0;
    std::optional<DeviceLeft> device;  // nullopt: all of the receiver's
    WallTime not_before{};
  };
  std::vector<Part> put_off;  // for the delay topics
  std::vector<Part> dead;     // left in the dead letter
};

/// How far the device had come when it was put off.
inline Progress progress_of(const DeviceLeft& left) noexcept {
  return {.sent = left.sent, .unheard = left.unheard, .hops = left.hops, .tried_since = left.tried_since};
}

struct OpenEvent {
  enum class State : std::uint8_t {
    Looking,   // the directory was asked
    AskAgain,  // it failed; waits for lookup_at
    Ready,     // devices known, not all of them planned
    Sending,   // all planned; ends with the last push
  };

  /// Which hops of it the tracer hears.
  enum class Trace : std::uint8_t { Undecided, Failures, Whole };

  std::uint64_t tag = 0;
  RecordId record_id{};
  WallTime taken_at{};
  MonoTime accepted_at{};
  milliseconds waited{0};  // before that, beyond what an event waits at best (WayIn)
  std::string key;
  std::string traceparent;
  OfflineEvent event;
  Window window{};
  State state = State::Looking;
  Audience audience = Audience::Few;
  std::uint8_t badge_weight = 1;  // of bulk: what a push counts as (kBulkAlone) where badges part those that share
  int lookups_failed = 0;
  MonoTime lookup_at{};

  std::vector<std::shared_ptr<const Receiver>> receivers;  // as event.to
  // While it is looked up: so many, from the first on, the directory was asked for; so many were found, in any order.
  std::size_t receivers_asked = 0, receivers_found = 0;
  bool counts_unplanned = false;  // its receivers, in OpenEvents::receivers_unplanned()
  std::size_t next_receiver = 0;  // the first device not yet planned
  std::size_t next_device = 0;
  std::size_t pushes_open = 0;
  ContentCache content;
  std::string collapse_id;             // as outcomes name it; empty until one does
  std::unique_ptr<DeadLetter> letter;  // set once something of it could not be finished
  std::unique_ptr<Unfinished> unfinished;
  // Of one that comes from a delay topic, is replayed, or names the devices that are due:
  std::vector<ReceiverLeft> left;  // as event.to, which holds nobody else; empty: everybody, all devices
  WallTime first_at{};             // when it was first accepted, here or elsewhere
  WallTime not_before{};           // nothing of it is sent earlier
  int hops = 0;                    // delay topics passed

  /// The devices of one receiver that are left; empty: all, they were not looked at before.
  std::span<const DeviceLeft> left_of(std::size_t receiver) const noexcept {
    return left.empty() ? std::span<const DeviceLeft>() : left[receiver].devices;
  }

  Trace trace = Trace::Undecided;
  std::uint32_t hops_told = 0, hops_left_out = 0;                                   // to the tracer
  std::array<std::uint32_t, static_cast<std::size_t>(OutcomeKind::Count)> ended{};  // outcomes; where there is a tracer

  bool leaving = false;     // handed back: nothing more of it is sent
  bool incomplete = false;  // something was dropped for that: it ends in hand_back(), not in release()
  std::size_t kept = 0;     // bytes, while the slot is not in use

  /// What reset() keeps, in bytes. Fields of a bounded few bytes are not counted.
  std::size_t kept_bytes() const noexcept {
    return key.capacity() + traceparent.capacity() + event.kept_bytes() +
           receivers.capacity() * sizeof(receivers.front()) + content.kept_bytes();
  }
  void reset() {
    key.clear();
    traceparent.clear();
    event.reset();
    window = {};
    state = State::Looking;
    audience = Audience::Few;
    badge_weight = 1;
    lookups_failed = 0;
    receivers.clear();
    receivers_asked = receivers_found = next_receiver = next_device = pushes_open = 0;
    content.clear();
    collapse_id.clear();
    letter.reset();
    unfinished.reset();
    std::vector<ReceiverLeft>().swap(left);
    first_at = not_before = {};
    hops = 0;
    trace = Trace::Undecided;
    hops_told = hops_left_out = 0;
    ended.fill(0);
    leaving = incomplete = counts_unplanned = false;
  }
};

/// A push of bulk whose request is its own counts as so much in the air, one that may share a request as 1: a thousand
/// of those are one request; or as more, where badges part them. Once the request is built, as its part of it, or 1.
inline constexpr std::uint8_t kBulkAlone = 64;

struct Push {
  enum class State : std::uint8_t {
    Waiting,   // for its back-off to end
    Due,       // for a slot
    Parked,    // for its credential: a grant, or room among its requests
    Gathered,  // for others that say the same
    InFlight,
    Removing,  // its token is dead; the directory was told to remove it
  };

  std::uint64_t tag = 0;
  OpenEvent* event = nullptr;  // open as long as this is
  std::size_t receiver = 0;
  const Device* device = nullptr;  // inside event->receivers
  State state = State::Waiting;
  Window window{};  // its event's, and how long it is tried in memory
  Progress progress;
  Rule waits_for = Rule::None;  // while it is parked or due: why it is put off if that does not come; while Removing:
                                // as which it ends
  int postponed = 0;            // store or grant could not be had this often
  std::string push_id;
  MonoTime sent_at{};
  WallTime sent_at_wall{};
  std::uint8_t kind = 0;               // the vendor's note of what was asked
  bool alone = false;                  // shares no request any more
  Probe probe = Probe::None;           // of its credential's breaker, or of its signer
  bool reached_wire = false;           // something of this attempt did
  std::shared_ptr<const Route> route;  // of the last attempt
  std::shared_ptr<const Grant> grant;
  SignerPace* signer = nullptr;  // that counts this push; it stays as long as it holds one
  bool waits_for_room = false;   // parked for that, and counted by the signer
  std::uint8_t yields = 0;       // bulk that waits for others alone: counted as so much (kBulkAlone)
  std::uint8_t bulk_in_air = 0;  // counted as so much, by the signer and the shard
  bool delayed = false;          // waited for something that bulk does not take from it
  /// Of the route's provider: the quotas that it is counted in, and when it was; empty: in none, or for good.
  std::span<const Quota> counted_in;
  WallTime counted_at{};
  WallTime counted_before{};  // an attempt that may have been processed was, then; WallTime{}: there was none

  void reset() {
    event = nullptr;
    device = nullptr;
    signer = nullptr;
    waits_for_room = delayed = false;
    yields = bulk_in_air = 0;
    counted_in = {};
    state = State::Waiting;
    window = {};
    progress = {};
    waits_for = Rule::None;
    postponed = 0;
    push_id = {};  // comes anew with its memory
    alone = false;
    probe = Probe::None;
    reached_wire = false;
    route.reset();
    grant.reset();
  }
};

}  // namespace nightpost::dispatch
