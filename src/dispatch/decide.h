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

/// CustomWithoutDesc, NoContent: only the other platform has something to say. A device that the event names as due is
/// not asked whether its app is in the foreground: the producer knows better.
Rule decide_device(const OfflineEvent& event, const EventReceiver& to, const Device& device) noexcept;

/// The certificate the device reported. Whether the token is well formed is the vendor's to say, after this.
Rule decide_certificate(const Device& device, const Certificate& certificate) noexcept;

}  // namespace nightpost::dispatch
