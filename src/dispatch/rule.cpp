#include "dispatch/rule.h"

#include <array>
#include <cstddef>

namespace nightpost::dispatch {
namespace {

struct Words {
  Rule rule;
  std::string_view name;
  std::string_view sentence;
};

constexpr std::array<Words, static_cast<std::size_t>(Rule::Count)> kWords = {{
    {Rule::None, "none", "nothing speaks against it"},
    {Rule::PushDisabled, "push_disabled", "the sender switched the push off for this message"},
    {Rule::OnlineOnly, "online_only", "the message is for those online only"},
    {Rule::SystemMessage, "system_message", "system messages and group notices are not pushed"},
    {Rule::CustomWithoutDesc, "custom_without_desc", "a custom message without a description has no readable content"},
    {Rule::NoContent, "no_content", "the message has no text to show"},
    {Rule::Expired, "expired", "it was too late to be of use"},
    {Rule::TooOld, "too_old", "it occurred too long ago to ring anybody now"},
    {Rule::Recalled, "recalled", "the message was taken back before it was sent"},
    {Rule::ReadElsewhere, "read_elsewhere", "it was read on another device"},
    {Rule::SenderItself, "sender_itself", "the receiver is the sender"},
    {Rule::UserPushOff, "user_push_off", "the receiver has switched pushes off"},
    {Rule::MutedAll, "muted_all", "the receiver has muted everything"},
    {Rule::MutedPeer, "muted_peer", "the receiver has muted the sender"},
    {Rule::MutedGroup, "muted_group", "the receiver has muted this group"},
    {Rule::BadgeOff, "badge_off", "the receiver wants no number on the icon"},
    {Rule::NoDevice, "no_device",
     "the receiver has no device with a token: none reported one, or it was removed or is another user's now"},
    {Rule::ReceiverUnknown, "receiver_unknown", "the remainder names a user who is not among the event's receivers"},
    {Rule::LoggedOut, "logged_out", "the user has logged out on this device"},
    {Rule::Foreground, "foreground", "the app is in the foreground and takes the message from its connection"},
    {Rule::WebTerminal, "web_terminal", "web and mini-program terminals receive no pushes"},
    {Rule::NoToken, "no_token", "the device has reported no token"},
    {Rule::CallsOnly, "calls_only", "the token is PushKit's, which takes calls alone"},
    {Rule::RungByVoip, "rung_by_voip", "the phone's VoIP token takes the call, so nothing is shown beside it"},
    {Rule::DeviceUnknown, "device_unknown", "the user has no such device any more"},
    {Rule::NothingSent, "nothing_sent", "nothing of the message went to this device, so nothing is to be taken back"},
    {Rule::CertificateMissing, "certificate_missing", "the certificate the device reported does not exist in this app"},
    {Rule::CertificateUnusable, "certificate_unusable", "the certificate is there and cannot be used"},
    {Rule::CertificateDisabled, "certificate_disabled", "the certificate is switched off"},
    {Rule::WrongVendor, "wrong_vendor", "the certificate's vendor cannot reach this kind of device"},
    {Rule::TokenMalformed, "token_malformed", "the token is none of this vendor's"},
    {Rule::NoBadgeOnly, "no_badge_only", "this vendor sets a badge only together with a notification"},
    {Rule::PayloadUnbuildable, "payload_unbuildable", "no request the vendor would take can be made of it"},
    {Rule::Accepted, "accepted", "the vendor has taken it"},
    {Rule::AcceptedInPart, "accepted_in_part",
     "the vendor has taken the request, dropped some of its pushes, and does not say which"},
    {Rule::TokenGone, "token_gone", "the vendor says the token is gone; it was removed"},
    {Rule::TokenAlreadyRemoved, "token_already_removed", "the vendor says the token is gone; it had changed already"},
    {Rule::TokenDoubtedTwice, "token_doubted_twice",
     "the vendor doubted the token twice and took others in between; it was removed"},
    {Rule::TokenNewer, "token_newer", "the vendor says the token is gone, but the app has registered it since"},
    {Rule::RemovalHeld, "removal_held", "too many tokens died at once: kept until the credential is proven right"},
    {Rule::RemovalFailed, "removal_failed", "the vendor says the token is gone; the store did not remove it"},
    {Rule::TokenSuspect, "token_suspect", "the vendor doubts the token or its environment; it is kept for now"},
    {Rule::VendorSuppressed, "vendor_suppressed", "the vendor's or the user's policy holds it back"},
    {Rule::VendorRejected, "vendor_rejected", "the vendor will never accept this message"},
    {Rule::VendorMisconfigured, "vendor_misconfigured", "the vendor cannot place it: the setup is wrong"},
    {Rule::VendorThrottled, "vendor_throttled", "the vendor takes nothing of this credential for longer than we try"},
    {Rule::ClassThrottled, "class_throttled",
     "the vendor takes no more of this kind of message for now; other kinds go on"},
    {Rule::QuotaSpent, "quota_spent", "what the vendor takes of this in the period is used up"},
    {Rule::VendorClosed, "vendor_closed", "the vendor takes this kind of message only at certain hours"},
    {Rule::SignerSilent, "signer_silent", "the vendor does not answer; one request at a time tries it"},
    {Rule::SignerFailing, "signer_failing", "the vendor fails everything; one request at a time tries it"},
    {Rule::SignerFull, "signer_full", "more waits for this vendor than it takes in time"},
    {Rule::CredentialBad, "credential_bad", "the vendor refuses the credential"},
    {Rule::VendorFailing, "vendor_failing", "the vendor, or the way to it, fails for now"},
    {Rule::Unanswered, "unanswered", "no answer came for now; it may have been delivered"},
    {Rule::GrantUnavailable, "grant_unavailable", "the credential's grant cannot be had for now"},
    {Rule::NotInTime, "not_in_time", "no request could be made for it in time"},
    {Rule::BreakerOpen, "credential_breaker_open", "the credential was refused a moment ago and is left alone"},
    {Rule::RetriesExhausted, "retries_exhausted", "it was tried as often and as long as allowed"},
    {Rule::DeliveryUnknown, "delivery_unknown", "it may have been delivered: too many requests went unanswered"},
    {Rule::StoreUnavailable, "store_unavailable", "the receivers' devices could not be read"},
    {Rule::UnknownApp, "unknown_app", "no such app: it has neither certificates nor devices"},
    {Rule::Malformed, "malformed", "the event breaks the contract"},
    {Rule::TooBig, "event_too_big", "the record is larger than an event may be"},
    {Rule::InternalError, "internal_error", "a bug of ours: a part that never throws has thrown"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kWords.size(); ++i)
    if (static_cast<std::size_t>(kWords[i].rule) != i) return false;
  return true;
}
static_assert(in_order(), "one row a rule, in the order of the enum");

const Words& words_of(Rule rule) noexcept { return kWords[rule < Rule::Count ? static_cast<std::size_t>(rule) : 0]; }

}  // namespace

std::string_view name_of(Rule rule) noexcept { return words_of(rule).name; }
std::string_view sentence_of(Rule rule) noexcept { return words_of(rule).sentence; }

}  // namespace nightpost::dispatch
