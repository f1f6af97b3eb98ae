#include "app/letter_advice.h"

#include <algorithm>
#include <array>

#include "dispatch/rule.h"

namespace nightpost::app {
namespace {

constexpr std::array kAdvice = {
    LetterAdvice{"certificate_missing",
                 "add the certificate that the device reports (nightpost cert add), then replay"},
    LetterAdvice{"certificate_unusable",
                 "repair the certificate (nightpost cert update; doctor says what is wrong), then replay"},
    LetterAdvice{"class_throttled", "replay when the vendor's quota for this kind of message allows it"},
    LetterAdvice{"credential_bad", "replace the credential (nightpost cert update), then replay"},
    LetterAdvice{"credential_breaker_open",
                 "replace the credential (nightpost cert update), then replay: this came while it was left alone"},
    LetterAdvice{"delivery_unknown", "it may have arrived: replay only if a second ring is better than none"},
    LetterAdvice{"event_too_big", "the producer must split it, or raise dispatch.event_bytes_max, then replay"},
    LetterAdvice{"grant_unavailable",
                 "look at the vendor's token endpoint and the way to it (nightpost doctor --online), then replay"},
    LetterAdvice{"internal_error", "a bug: report it with the detail; replay once it is mended"},
    LetterAdvice{"malformed", "repair the producer; what it sent stays malformed, so drop the letter"},
    LetterAdvice{"not_in_time",
                 "more came than could be sent in time: look at the queues and breakers on /metrics, then replay"},
    LetterAdvice{"payload_unbuildable",
                 "shorten ext in the producer: nothing else is too long to be cut; drop the letter"},
    LetterAdvice{"quota_spent", "replay once the vendor's quota, which the detail names, has opened again"},
    LetterAdvice{"removal_held",
                 "too many tokens died at once: look for a wrong bundle id or environment, then replay; if they are "
                 "right, nightpost cert approve-removals removes the tokens, and the letter can be dropped"},
    LetterAdvice{"retries_exhausted", "replay once the vendor, or its token endpoint, is back"},
    LetterAdvice{"signer_failing",
                 "replay once the vendor is back: it failed everything of this credential for longer than we try"},
    LetterAdvice{"signer_full", "more came for the credential than it sends in time: replay when the rush is over"},
    LetterAdvice{"signer_silent", "replay once the vendor answers again"},
    LetterAdvice{"store_unavailable", "replay once the store is back"},
    LetterAdvice{"unknown_app", "add the app's certificate (nightpost cert add), then replay"},
    LetterAdvice{"vendor_closed", "the vendor takes this kind of message at certain hours only: replay then"},
    LetterAdvice{"vendor_misconfigured",
                 "the code is the vendor's word for what is set up wrong: repair it, then replay"},
    LetterAdvice{"vendor_rejected",
                 "the vendor will never take this message, for the reason in its code: drop the letter"},
    LetterAdvice{"vendor_throttled", "replay when the vendor's quota allows it, with a low --rate"},
    LetterAdvice{"wrong_vendor", "let the device report a certificate of its own vendor, then replay"},
};
static_assert(std::ranges::is_sorted(kAdvice, {}, &LetterAdvice::reason));

}  // namespace

std::span<const LetterAdvice> letter_advice() noexcept { return kAdvice; }

std::string_view why_dead(std::string_view reason) noexcept {
  for (std::size_t i = 0; i < std::size_t(dispatch::Rule::Count); ++i)
    if (const auto rule = static_cast<dispatch::Rule>(i); dispatch::name_of(rule) == reason)
      return dispatch::sentence_of(rule);
  return "this version of Nightpost does not know the reason";
}

std::string_view what_to_do(std::string_view reason) noexcept {
  const auto* const found = std::ranges::find(kAdvice, reason, &LetterAdvice::reason);
  return found != kAdvice.end() ? found->todo : "read the detail, repair what it names, then replay";
}

std::string_view when_dead(std::string_view stage) noexcept {
  if (stage == "decode") return "when the record was read";
  if (stage == "resolve") return "when its receivers were looked up";
  if (stage == "plan") return "when its requests were made";
  if (stage == "deliver") return "when it was sent to the vendor";
  return "";
}

}  // namespace nightpost::app
