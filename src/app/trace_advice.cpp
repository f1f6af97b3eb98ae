#include "app/trace_advice.h"

#include <algorithm>

namespace nightpost::app {
namespace {

struct Advice {
  std::string_view rule;
  std::string_view todo;
};

constexpr Advice kTraceAdvice[] = {
    {"push_disabled", "Nothing is wrong: the sender's app asked for no push (push.disabled in the event)."},
    {"online_only", "Nothing is wrong: the sender's app meant it for those online only."},
    {"system_message", "Nothing is wrong: system messages and group notices are not pushed."},
    {"custom_without_desc", "The sender's app should give custom messages a desc, or a desc in push."},
    {"no_content", "The sender's app should give the message a text, or a desc in push."},
    {"expired",
     "See in the times above what took so long: a lag before \"consumed\" is ours, waits after it the vendor's."},
    {"too_old",
     "The event was already older than dispatch.age_max_ms: look at the consumer lag, or at who replayed it."},
    {"recalled", "Nothing is wrong: the sender took the message back before its push was sent."},
    {"read_elsewhere", "Nothing is wrong: the receiver has read it on another device."},
    {"sender_itself", "Nothing is wrong: nobody is rung for a message of their own."},
    {"user_push_off", "The user has to switch pushes on again: nightpost user show says what is set."},
    {"muted_all", "The user has to unmute: nightpost user show lists the mutes and until when they last."},
    {"muted_peer", "The user has to unmute the sender: nightpost user show lists the mutes."},
    {"muted_group", "The user has to unmute the group: nightpost user show lists the mutes."},
    {"badge_off", "Nothing is wrong: the user wants no number on the icon (nightpost user show says what is set)."},
    {"no_device", "The app must report its token after the login: nightpost device list shows none for this user."},
    {"logged_out", "The user has to log in on this device again."},
    {"foreground",
     "The app says that it is open on this device. If it was not, it does not report going to the background."},
    {"web_terminal", "Nothing is wrong: web and mini-program terminals receive no pushes."},
    {"no_token",
     "The app must ask the system for a token, which needs the user's leave for notifications, and report it."},
    {"calls_only", "Nothing is wrong: the event names the row of a VoIP token as due, and only calls go there."},
    {"rung_by_voip",
     "Nothing is wrong: the call goes to the same phone's VoIP token; see the device with .voip behind it."},
    {"nothing_sent",
     "Nothing is wrong: the push of the message was stopped in time, so there is nothing to take back."},
    {"certificate_missing",
     "Upload the certificate that the device reports (nightpost cert add), or have the app report another id; then "
     "replay."},
    {"certificate_unusable",
     "nightpost cert show says what is wrong with the certificate; upload it anew, then replay."},
    {"certificate_disabled", "The certificate is switched off on purpose: nightpost cert enable."},
    {"wrong_vendor",
     "The app reports the id of another vendor's certificate for this kind of device; correct it in the app, then "
     "replay."},
    {"token_malformed", "The app reports something that is no token of this vendor; look at what it passes."},
    {"no_badge_only", "Nothing is wrong: of this vendor the number changes with the next notification, or by the app."},
    {"payload_unbuildable", "Shorten ext: nothing else is too long to be cut. The reason above names the limit."},
    {"accepted",
     "The vendor has it. If the phone shows nothing: its notification settings, its battery saver, or no network."},
    {"accepted_in_part",
     "The vendor dropped some pushes of this one's request and did not say which; its receipts may. The reason says "
     "how many, and why."},
    {"token_gone", "The app was removed or has a new token: it must register again, which it does when it is opened."},
    {"token_already_removed",
     "The app was removed or has a new token: it must register again, which it does when it is opened."},
    {"token_doubted_twice",
     "The token was of no use to this certificate: the app must register again, which it does when it is opened."},
    {"token_newer", "The app has registered anew since; the next push goes to the new token."},
    {"removal_held",
     "Too many tokens died at once: look for a wrong bundle id or environment of the certificate, then replay. If "
     "nothing is wrong the tokens go by themselves, once enough pushes were accepted, or with nightpost cert "
     "approve-removals."},
    {"removal_failed",
     "The token is dead and the store did not take the removal; the next push removes it. See the store's errors in "
     "the log."},
    {"token_suspect",
     "Mostly a token of the other environment (a development build with a production certificate, or the reverse) or "
     "of "
     "another app. Doubted once more, it is removed."},
    {"vendor_suppressed",
     "The vendor's or the user's own policy held it back; its words above say which (frequency, category, switched "
     "off)."},
    {"vendor_rejected",
     "The vendor will never take this message; its code above, in the vendor's documentation, says why."},
    {"vendor_misconfigured",
     "The setup at the vendor is wrong (package, category, channel); its code above says what. Then replay."},
    {"vendor_throttled",
     "The vendor takes no more of this credential for now: raise the quota there, or send less. Then replay."},
    {"class_throttled",
     "The vendor takes no more of this kind of message (its words above name the channel or category) for now: raise "
     "that quota there, or send it as another kind."},
    {"quota_spent",
     "Its reason above names the quota and when it opens: raise the quota at the vendor and then the certificate's "
     "number, or send less of this kind."},
    {"vendor_closed", "The vendor takes this kind of message only at certain hours; apply for another category there."},
    {"credential_bad",
     "The vendor refuses the credential: replace the key or certificate (nightpost cert replace or add), then replay."},
    {"credential_breaker_open",
     "The credential was refused shortly before and rests: repair it (worker.breaker_opened in the log says why), then "
     "replay."},
    {"retries_exhausted", "The vendor failed it for the whole time allowed. Once it is well again, replay."},
    {"delivery_unknown", "It may have arrived: two requests went unanswered. Ask the user before it is replayed."},
    {"store_unavailable", "The device list could not be read: see to the store, then replay."},
    {"unknown_app",
     "The app has neither certificate nor device here: check the app id, add its certificate, then replay."},
    {"malformed", "The producer's event breaks the contract; the reason names the member. Repair the producer."},
    {"event_too_big", "The producer must split the event: it is larger than dispatch.event_bytes_max."},
    {"receiver_unknown", "The remainder was made for another event: publish the event again without it."},
    {"device_unknown", "The device was removed while the push waited; nothing is wrong if the user logged out."},
    {"vendor_failing", "It is tried again by itself. If the vendor goes on failing, look at its status page."},
    {"unanswered",
     "It is tried again by itself. If no answers come, look at the network and the vendor's status page."},
    {"grant_unavailable", "It is tried again by itself. The log says why the vendor's token endpoint gives no grant."},
    {"not_in_time", "Too much waits for this credential: raise its share or the limits in dispatch, or send less."},
    {"signer_silent",
     "It is tried again by itself once the vendor answers. If it stays silent, look at the network and its status "
     "page."},
    {"signer_failing",
     "It is tried again by itself once the vendor works. If it goes on failing, look at its status page."},
    {"signer_full", "More waits for this credential than its vendor takes in time. It is tried again by itself."},
    {"internal_error", "A bug of Nightpost: report it with this page; replay once it is mended."},
};

}  // namespace

std::string_view advice_of(std::string_view rule) noexcept {
  const auto* const found = std::ranges::find(kTraceAdvice, rule, &Advice::rule);
  return found == std::end(kTraceAdvice) ? std::string_view() : found->todo;
}

}  // namespace nightpost::app
