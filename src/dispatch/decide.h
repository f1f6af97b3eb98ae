// Whether a push is due: the rules as pure functions. Each returns the first rule that says no,
// in the order of the enum in rule.h, or Rule::None.
#pragma once

#include "core/certificate.h"
#include "core/device.h"
#include "core/time.h"
#include "dispatch/event.h"
#include "dispatch/rule.h"

namespace nightpost::dispatch {

/// Asked before any store is: what holds for every receiver. `age_max` 0: no event is too old. ReadElsewhere: a cancel
/// that shows nothing, noted by now.
Rule decide_event(const OfflineEvent& event, WallTime now, milliseconds age_max) noexcept;

/// `to` is the receiver in the event, `receiver` what the stores know of it. A mute "unless mentioned" yields to a
/// mention; SenderItself: one's own message needs no push. No mute holds a badge back. A call is held back by what
/// holds messages back: who wants to hear nothing of a person or a group does not want to be rung up from there.
Rule decide_receiver(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                     WallTime now) noexcept;

/// The mute is of everything, or of the event's sender or group.
bool is_about(const Mute& mute, const OfflineEvent& event) noexcept;
/// It is, and holds a message or a call back now.
bool is_muted_by(const Mute& mute, const OfflineEvent& event, const EventReceiver& to, WallTime now) noexcept;

/// CustomWithoutDesc, NoContent: only the other platform has something to say. A device that the event names as due is
/// not asked whether its app is in the foreground: the producer knows better.
Rule decide_device(const OfflineEvent& event, const EventReceiver& to, const Device& device) noexcept;

/// A VoIP row is no device for anything but a call: it is passed over without an outcome, unless the event names it.
bool is_passed_over(const OfflineEvent& event, const Device& device) noexcept;
/// The phone's VoIP row, if calls can go to it: it has a token, and nobody logged out there. Null: there is none.
const Device* voip_row_of(const Receiver& receiver, std::string_view phone_id) noexcept;
/// Which of a phone's two rows takes it, after decide_device(). CallsOnly: the VoIP row takes nothing else. RungByVoip:
/// the phone has a VoIP row that takes the call; so the other has no call to show, nor the end of one. Whether a phone
/// is logged in and where its app is, its other row knows: LoggedOut, Foreground.
Rule decide_row(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                const Device& device) noexcept;

/// The certificate the device reported. Whether the token is well formed is the vendor's to say, after this.
Rule decide_certificate(const Device& device, const Certificate& certificate) noexcept;

}  // namespace nightpost::dispatch
