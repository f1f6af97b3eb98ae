// What the nodes of a store say to one another, as bytes and as values. Pure. Bytes come from outside: what does not
// fit is refused whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "im/domain/ids.h"
#include "im/service/live_rooms.h"
#include "im/service/service.h"

namespace nightpost::im {

/// A node from its start to its end: drawn at random, so that one that starts again is another. Never 0.
using PeerId = std::uint64_t;
std::string shown(PeerId id);  // "9f3c…", 16 hex digits

/// What happened to a device of a node.
struct DeviceNews {
  enum class Kind : std::uint8_t {
    Came,          // in the foreground; it has everything up to `ver`
    Left,          // not in the foreground any more; still connected
    Gone,          // not connected any more
    Acknowledged,  // everything up to `ver`
    Has,           // these messages of groups
    HasAllBut,     // all messages of its groups but these, as far as its node was told: of commits up to `told`
  };
  Kind kind = Kind::Came;
  UserKey user;
  std::string device;
  Ver ver;
  std::vector<MessageId> messages;
  std::int64_t told = 0;
  bool operator==(const DeviceNews&) const = default;
};

/// A connected device as it is now.
struct DeviceNow {
  UserKey user;
  std::string device;
  bool foreground = false;
  Ver acknowledged;
  bool operator==(const DeviceNow&) const = default;
};

namespace peer {

struct Beat {        // each second: I am here
  std::string name;  // for people: its host and process
};
struct Ask {  // for the state of a node; 0: of all
  PeerId of = 0;
};
struct State {  // a page of the state of the node that says it
  bool first = false, last = false;
  std::vector<DeviceNow> devices;
};
struct News {
  std::vector<DeviceNews> devices;
};
struct Farewell {};  // the node ends, and its devices are not connected any more
struct Live {        // with each beat: all live rooms with somebody of the node in them
  std::vector<LiveRooms::Count> rooms;
};

}  // namespace peer

/// Of a commit: number, deliveries, ended, recalled, read, callbacks and mass_push.
using PeerBody = std::variant<peer::Beat, peer::Ask, peer::State, peer::News, peer::Farewell, Committed, peer::Live>;

struct PeerMessage {
  PeerId from = 0;
  /// Counts the sender's State and News, this one included: whoever hears another number than the next has missed some.
  std::uint64_t seq = 0;
  PeerBody body;
};

std::string encode(const PeerMessage& message);
std::string encode_commit(PeerId from, std::uint64_t seq, const Committed& commit);

enum class PeerFault : std::uint8_t {
  Malformed,
  Unknown,  // of a version or a kind that this node does not know
};
std::expected<PeerMessage, PeerFault> decode(std::string_view bytes);

}  // namespace nightpost::im
