// What the nodes of a store tell one another by: each message reaches all of them, the one that said it among them, or
// gets lost.
#pragma once

#include <string_view>

namespace nightpost::im {

/// Called from the loop, never from inside publish().
struct PeerChannelEar {
  virtual ~PeerChannelEar() = default;
  virtual void message(std::string_view bytes) = 0;
  /// Messages come from now on, or no longer. What was said while they did not is lost.
  virtual void subscribed(bool on) = 0;
};

/// On the loop alone.
class PeerChannel {
 public:
  virtual ~PeerChannel() = default;
  /// Null: nobody. Not from inside the ear's calls.
  virtual void listen(PeerChannelEar* ear) = 0;
  /// In the order of the calls; never waits. False: it is not said.
  virtual bool publish(std::string_view bytes) = 0;
};

}  // namespace nightpost::im
