// Who sits at the far ends of a lane's wires: a vendor that, for some of the requests, is slow or silent, refuses,
// resets, sends away, takes streams away, breaks HTTP or breaks off. Whom it serves says what it answers otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "support/memory_wire.h"

namespace nightpost::sim {

class FaultyVendor {
 public:
  struct Answer {
    int status = 200;
    std::string body;
  };
  /// `net` outlives it; its peers are this vendor's from now on.
  explicit FaultyVendor(support::MemoryNet& net);

  unsigned trouble = 0;  // percent of requests
  std::string credential_goodbye = "ExpiredCredential";
  /// The vendor acts on the request, whether or not its answer will be heard.
  std::function<void(const support::PeerRequest&)> on_act;
  std::function<Answer(const support::PeerRequest&)> answer;
  std::function<void(const char*)> met;
  std::uint64_t connections = 0;

 private:
  struct Streams {
    std::int32_t processed = 0;           // the highest that the peer acted on
    std::int32_t accepted = 0x7fff'ffff;  // of its GOAWAY: what is above it is not processed
  };
  using Wire = std::weak_ptr<support::MemoryConnection>;
  void serve(support::H2Peer& peer, const support::PeerRequest& asked, const Wire& wire);
  void act_on(const support::PeerRequest& asked, Streams& streams) const;
  void respond(support::H2Peer& peer, const support::PeerRequest& asked, const Wire& wire) const;

  support::MemoryNet& net_;
  const std::span<const support::BrokenResponse> broken_ = support::broken_responses();
  std::map<const support::H2Peer*, Streams> streams_;
};

}  // namespace nightpost::sim
