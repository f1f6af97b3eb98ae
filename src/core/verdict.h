// What a vendor's answer asks us to do next, one per token. The specs' two vocabularies map onto this one
// (see README.md). A provider says a verdict; dispatch acts on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"

namespace nightpost {

enum class Verdict : std::uint8_t {
  Accepted,       // settle
  TokenGone,      // settle; remove the token by compare-and-delete
  TokenSuspect,   // settle as rejected, count; one answer is no reason to forget a token, a second one may be
  Suppressed,     // settle with the vendor's reason
  Throttled,      // slow `scope`, retry later
  AuthStale,      // refresh the grant once, replay once
  CredentialBad,  // open the credential's breaker
  Misconfigured,  // dead topic, alert; the lane stays open
  Transient,      // back off with jitter within the expiry
  Rejected,       // dead topic: this message can never be accepted
  Count,
};
std::string_view name_of(Verdict verdict) noexcept;

/// What a Throttled answer slows. Class: messages of this push's kind, as its provider names it (quota_class()); others
/// of the credential go on.
enum class Scope : std::uint8_t { Token, Credential, Connection, Class };

/// A provider's reading of the vendor's reply for one token.
struct Answer {
  Verdict verdict = Verdict::Transient;
  std::string code = {};                         // the vendor's own word: "BadDeviceToken"; empty if it gave none
  std::string meaning = {};                      // plain English, one sentence
  std::string vendor_id = {};                    // the vendor's message id, if it gave one
  std::optional<WallTime> gone_at = {};          // TokenGone: the vendor's time; a token registered later stays
  std::optional<milliseconds> retry_after = {};  // Throttled, Transient: no earlier than this
  Scope scope = Scope::Token;                    // Throttled: what to slow
  bool rest_of_day = false;                      // Throttled: the day's quota is used up, until 00:00 at UTC+8
  bool alone = false;             // Transient: next time without company; the batch hid whose fault it is
  bool shared_rests = false;      // beside the verdict: requests for many that store first are used up for the day
  bool in_part = false;           // Accepted: of the request, but some of it was dropped, and it is not said which
  bool class_rests = false;       // beside the verdict: this push's kind of message is used up for the day
  bool may_be_token = false;      // CredentialBad: where the credential is known to work it is this token's fault
  bool once_more = false;         // Transient: the second time it is Suppressed
  bool leave_connection = false;  // do not use the connection that said so any longer
};

}  // namespace nightpost
