// The limits of one shard's pipeline. Defaults are the documentation; config/README.md names the keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "core/time.h"

namespace nightpost::dispatch {

struct Options {
  std::size_t event_bytes_max = 1'000'000;         // a larger record goes to the dead topic unread
  std::size_t receivers_max = 10'000;              // per event: the contract's limit
  std::size_t events_open_max = 20'000;            // taken and not yet released
  std::size_t events_open_bytes_max = 256u << 20;  // their memory: twice their records
  // Receivers of events that are open and not planned through; likewise of bulk events, counted by themselves, so that
  // these keep nobody else out. More would only lie in memory, which a processor's cache does not hold, until slots
  // come free.
  std::size_t receivers_unplanned_max = 20'000;
  // Requests handed to the transport and not answered.
  std::size_t pushes_in_flight_max = 4096;
  // A signer may have so many times the requests in the air that are free beside it: with 1, n signers that hang leave
  // an (n + 1)th to the others. More: fewer signers suffice to fill the shard.
  double slots_alpha = 1;
  // An event for so many receivers or more is bulk: while it and others want the same place, it has this share of the
  // turns.
  std::size_t bulk_receivers_min = 100;
  double bulk_share = 0.2;
  // So many receivers and devices of bulk events are looked up, planned or called in one go; then comes what came
  // meanwhile. While others are sent to, a quarter.
  std::size_t bulk_turn_max = 1'024;
  // So many requests of bulk events may be in the air whatever others feel of it; where many pushes share a request, 64
  // times so many pushes.
  std::size_t bulk_in_flight_first = 64;
  // So many pushes of bulk events may begin in a second whatever others feel of it.
  std::size_t bulk_per_second_first = 5'000;
  // Of those, one signer's at the most; its latency may say less. 4096 at 150 ms would be 27,000 requests a second.
  std::size_t credential_in_flight_max = 4096;
  // of those, one certificate's that no answer has proven yet, or a signer's that the vendor complained of or is just
  // back; doubled by each proof
  std::size_t credential_in_flight_first = 4;
  // A signer's vendor that has not answered anything for so long while requests are in the air is silent.
  milliseconds silence{5'000};
  // After so many failures of the vendor in a row, without an answer of another kind, it is failing.
  int failures_max = 20;
  // One request at a time tries a vendor that is silent or failing; from the end of one to the next, doubling.
  milliseconds probe_first{1'000};
  milliseconds probe_max{30'000};
  // A push that would wait for longer than this for room among its signer's requests goes to a delay topic, unless no
  // other signer sends anything.
  milliseconds signer_wait_max{5'000};
  std::size_t pushes_queued_max = 100'000;  // waiting for their next attempt; at the limit nothing new is planned
  int attempts_max = 5;                     // of a push in memory, the first included; of one that was put off: one
  milliseconds backoff_first{500};          // doubling; at least half of it
  milliseconds backoff_max{30'000};
  // So long an event for many waits to be begun, while the events of the shard need no more than a quarter of
  // events_open_bytes_max; where they do, quick_for.
  milliseconds bulk_wait{60'000};
  milliseconds quick_for{10'000};      // a push is tried in memory so long; then it is put off
  milliseconds retry_for{86'400'000};  // a push is given up this long after its event was first accepted
  milliseconds defer_first{10'000};    // between being put off and the next try; doubling, at least half of it
  milliseconds defer_max{600'000};
  int unheard_max = 4;  // requests of a push that may go unanswered and maybe processed, until it is given up
  /// Since an event occurred; an older one rings nobody. 0: no limit. A day, so that the pushes of a night's outage
  /// still go out, and a replay of the log does not wake people for what is long read: producers' expiries may be a
  /// week away.
  milliseconds age_max{86'400'000};
  std::size_t recalls_max = 200'000;      // messages that were taken back, remembered by a process; the oldest go first
  milliseconds recalls_kept{86'400'000};  // and so long: what was put off comes back within `retry_for`
  milliseconds call_lasts_max{120'000};   // a call rings so long from when it occurred, whatever its expiry
  milliseconds push_deadline{60'000};     // one attempt, queueing in the lane included
  milliseconds mixed_linger{5};           // a push waits so long for others, where a vendor takes many in a request
  milliseconds retry_after_max{3'600'000};  // a vendor's Retry-After is believed up to this
  milliseconds breaker_first{5'000};        // a credential's breaker stays open this long, doubling
  milliseconds breaker_max{600'000};
  double quota_share = 1;  // of what a vendor takes from one signer in a period: what this process may send
  std::size_t quota_devices_max = 200'000;  // counted one by one, of all signers; 16 bytes each, once there is one
  std::size_t routes_max = 10'000;          // credentials remembered with breaker and counts; idle ones go first
  // More than this share of dead tokens in the window looks like a wrong credential, unless the share of accepted
  // pushes says that it works.
  std::size_t mass_removal_window = 50;
  double mass_removal_share = 0.3;
  double mass_removal_live_share = 0.1;
  milliseconds mass_removal_period{300'000};
  // Dead tokens of one certificate whose removal is held: so many are kept until ops decide, and so long.
  std::size_t removals_kept_max = 10'000;
  milliseconds removals_kept{604'800'000};
  std::size_t suspects_max = 10'000;        // tokens in doubt that are remembered of one certificate
  std::size_t suspects_noted_max = 10'000;  // likewise of those that may have been refused for the credential's fault
  milliseconds suspects_kept{604'800'000};  // and so long
  milliseconds suspects_apart{3'600'000};   // a second doubt counts from then on: a vendor may doubt a throttled phone
  // An answer that may blame the credential or the token alone blames the token, if the vendor took something of the
  // credential so lately.
  milliseconds proof_kept{600'000};
  std::size_t class_rests_max = 64;  // kinds of message of one signer that rest at once, each for itself
  std::uint32_t jitter_seed = 0;     // of the back-off; 0: a random one
  std::string language = "zh";       // tenant default for content words
  std::map<std::string, std::string> titles = {{"en", "a new message"}, {"zh", "a new message"}};
};

}  // namespace nightpost::dispatch
