// Who is connected on the other nodes: a copy of what they said, and for how long it holds. Pure: messages, commits and
// times in, words for the relays out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "im/nodes/nodes_metrics.h"
#include "im/nodes/nodes_options.h"
#include "im/nodes/peer_message.h"
#include "im/service/presence.h"
#include "im/service/service.h"

namespace nightpost::im {

/// Keeps the contract of Presence for devices of other nodes, whatever gets lost on the way: a message that is
/// committed here while such a device is in the foreground is followed by its acknowledgement, or by left_foreground
/// when its node says so, falls silent, or says nothing for ack_timeout and ack_grace.
///
/// A node's State and News are numbered. After a missed one its devices stay as they are known, its state is asked for,
/// and what they have not acknowledged by that is due: the acknowledgement may be what was missed.
class Directory {
 public:
  struct Change {  // of a node, for the log
    enum class What : std::uint8_t { Came, Left, Silent };
    What what = What::Came;
    PeerId node = 0;
    std::string name;
    std::size_t devices = 0;
  };

  Directory(DirectoryOptions options, PeerId self, NodesMetrics& metrics)
      : options_(options), self_(self), metrics_(metrics) {}

  /// Null: nobody.
  void tell(PresenceEvents* events) { events_ = events; }
  /// Any message of another node but a commit's content. True: it is listened to.
  bool heard(const PeerMessage& message, MonoTime now);
  /// Of this node, before the relays hear of it.
  void committed(const Committed& commit, MonoTime now);
  /// What time brings: leases and acknowledgements that did not come. Call it each heartbeat or more often.
  void pass(MonoTime now);

  /// Devices on other nodes, one each.
  void add_connected(const UserKey& user, std::vector<Presence::Device>& devices) const;
  /// Whether a device on another node may still acknowledge the group's message; then its acknowledgement is looked
  /// for.
  bool may_acknowledge(const UserKey& user, const std::string& device, MessageId message, MonoTime now);

  std::size_t nodes() const noexcept { return nodes_.size(); }
  std::size_t devices() const noexcept { return devices_; }
  std::int64_t live_users(ConvId room) const;  // at other nodes
  /// Nodes whose state is to be asked for now, each at most once a heartbeat.
  std::vector<PeerId> take_asks(milliseconds every, MonoTime now);
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }

 private:
  struct Remote {
    PeerId node = 0;
    std::string device;
    bool foreground = false;
    bool overdue = false;     // did not acknowledge in time, by this node's own count
    bool unheard = false;     // something of its node was missed since it was last told of
    bool queued = false;      // in owing_
    bool owes_more = false;   // messages of groups beside those listed
    std::uint32_t state = 0;  // of its node that named it last
    Ver acknowledged;
    Ver owes_ver;                        // 0: none
    std::vector<MessageId> owes_groups;  // at most owed_messages_max
    std::optional<MonoTime> owes_since;
    bool present() const noexcept { return foreground && !overdue; }
  };
  struct Node {
    std::string name;
    bool told = false;  // of its coming
    MonoTime heard_at{};
    std::uint64_t seq = 0;
    bool known = false;       // its state is here, whole, and nothing was missed since
    bool in_state = false;    // pages of it come
    std::uint32_t state = 0;  // counts them
    MonoTime unknown_since{};
    std::optional<MonoTime> asked_at;
    std::unordered_map<ConvId, std::int64_t> live;  // users of live rooms, as it said last
  };
  struct GroupCommit {
    std::int64_t number = 0;
    MessageId message;
  };
  struct Owing {
    UserKey user;
    PeerId node = 0;
    std::string device;
  };

  Remote* find(PeerId node, const UserKey& user, const std::string& device);
  Remote* enter(PeerId node, const UserKey& user, const std::string& device);  // null: there is no room
  void apply(PeerId from, std::uint32_t state, DeviceNews news);
  void apply(PeerId from, Node& node, const peer::State& page);
  void missed(PeerId id, Node& node);
  void set_foreground(const UserKey& user, Remote& remote, bool foreground);
  void acknowledge(const UserKey& user, Remote& remote, Ver ver);
  void has(const UserKey& user, Remote& remote, const DeviceNews& news);
  bool add_untold(DeviceNews& news) const;
  void owe(const UserKey& user, Remote& remote);
  void owes_less(const UserKey& user, Remote& remote);
  bool hand_over(const UserKey& user, const Remote& remote);
  void forget(PeerId id, Change::What why);
  void drop_one(PeerId node, const UserKey& user, const std::string& device);
  template <class Which>
  std::size_t drop(Which which);
  void measure();

  const DirectoryOptions options_;
  const PeerId self_;
  NodesMetrics& metrics_;
  PresenceEvents* events_ = nullptr;
  std::map<PeerId, Node> nodes_;
  std::unordered_map<UserKey, std::vector<Remote>> by_user_;
  std::size_t devices_ = 0;
  std::multimap<MonoTime, Owing> owing_;   // by when it is looked at
  std::deque<GroupCommit> group_commits_;  // of this node, by number
  std::int64_t group_commits_from_ = 0;    // those up to it are not in there any more
  MonoTime now_{};                         // of the call under way
  std::vector<Change> changes_;
};

}  // namespace nightpost::im
