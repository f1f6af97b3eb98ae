// Who is connected, and what those devices said they have: the gateway's knowledge, for whoever decides on pushes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "im/domain/ids.h"

namespace nightpost::im {

/// On the loop alone.
struct Presence {
  struct Device {
    std::string device;
    /// The app is in the foreground, as far as it said, and owes no acknowledgement for longer than the ack timeout.
    bool foreground = false;
    Ver acknowledged;  // everything up to it is with the device; never falls while it is connected. 0: not said yet
  };
  virtual ~Presence() = default;
  /// Logged-in connections, one a device. A message that is committed while a device is in the foreground here is
  /// followed by `acknowledged` at its ver or above, or by `left_foreground`.
  virtual std::vector<Device> connected(const UserKey& user) const = 0;
  /// Whether that device may still acknowledge a group's message that was committed before: it was delivered to it, or
  /// is among what it owes a `ver` for. False: it is not connected, or it has it.
  virtual bool may_acknowledge(const UserKey&, const std::string& /*device*/, MessageId /*of a group*/) const {
    return true;
  }
};

/// Told on the loop, after `connected` says it.
struct PresenceEvents {
  virtual ~PresenceEvents() = default;
  virtual void acknowledged(const UserKey& user, const std::string& device, Ver ver) = 0;
  // Messages of groups, which move no ver: these, or all that were committed but those.
  virtual void has_messages(const UserKey&, const std::string&, std::span<const MessageId>) {}
  virtual void has_all_messages(const UserKey&, const std::string&, std::span<const MessageId>) {}
  /// The connection ended, or the app went to the background, or has not acknowledged for the ack timeout. What it has
  /// not acknowledged is due. Said once until `came`.
  virtual void left_foreground(const UserKey& user, const std::string& device) = 0;
  /// In the foreground: a login, the app is back, or it acknowledged at last.
  virtual void came(const UserKey& user, const std::string& device) = 0;
  /// Not connected any more; said after left_foreground, where that is said, and of who never logged in, too.
  virtual void gone(const UserKey&, const std::string& /*device*/) {}
};

}  // namespace nightpost::im
