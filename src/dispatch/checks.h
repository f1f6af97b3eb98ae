// The rules of decide.h one by one, for people who ask why: each with what it looked at. Pure; no push goes through it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/certificate.h"
#include "core/device.h"
#include "core/time.h"
#include "dispatch/event.h"
#include "dispatch/rule.h"

namespace nightpost::dispatch {

struct Check {
  Rule rule = Rule::None;      // that was asked
  bool stops = false;          // it ends the push, unless one before it has
  std::string value;           // what it looked at: "off", "logged_out", an id
  const Mute* mute = nullptr;  // of the receiver: the mute that it looked at; null: there is none of the kind
};

// Each goes on behind a rule that stops. The first of all that stops is what decide_receiver() says; decide_device()
// and then decide_row(); decide_certificate().

/// MutedAll, MutedPeer, MutedGroup: "muted", or why not: "mentioned", "over", "others", "none".
std::vector<Check> checks_of_receiver(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                                      WallTime now);
std::vector<Check> checks_of_device(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                                    const Device& device);
std::vector<Check> checks_of_certificate(const Device& device, const Certificate& certificate);

/// The first that stops; None: all let it pass.
Rule first_stop(std::span<const Check> checks) noexcept;

}  // namespace nightpost::dispatch
