// What the nodes tell each other, put together: commits for the service, devices for the relays, over a channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/event_loop.h"
#include "im/nodes/directory.h"
#include "im/nodes/nodes_metrics.h"
#include "im/nodes/nodes_options.h"
#include "im/nodes/peer_channel.h"
#include "im/nodes/peer_message.h"
#include "im/service/peers.h"
#include "im/service/presence.h"
#include "observe/log.h"

namespace nightpost::im {

/// On the loop alone. Stands between the gateway and the relays: the gateway tells it of its devices, and it tells the
/// relays of those and of the other nodes'. All that is borrowed outlives it, the channel too.
class PeerLink final : public Peers, public Presence, private PresenceEvents, private PeerChannelEar {
 public:
  struct Parts {
    EventLoop& loop;
    PeerChannel& channel;
    PeerEars& ears;         // the service
    const Presence& local;  // the gateway
    NodesMetrics& metrics;
    observe::Log* log = nullptr;  // null: nothing is logged
    PeerId self = 0;              // REQUIRED: not 0, and drawn anew at each start
    std::string name;             // for people: host and process
  };
  PeerLink(Parts parts, PeerOptions options);
  ~PeerLink() override;
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void start();
  /// The relays; null: nobody.
  void inform(PresenceEvents* relays);
  /// For the gateway.
  PresenceEvents& local_events() noexcept { return *this; }
  /// Any node's commit, before the relays hear of it.
  void committed(const Committed& commit);
  /// Tells the others that this node has no device any more, and says nothing from then on.
  void leave();

  // ---- Peers ----
  void tell(const Committed& commit) override;
  bool hears() const noexcept override;
  std::int64_t live_elsewhere(ConvId room) const override { return directory_.live_users(room); }

  // ---- Presence: of all nodes ----
  std::vector<Device> connected(const UserKey& user) const override;
  bool may_acknowledge(const UserKey& user, const std::string& device, MessageId message) const override;

 private:
  struct Local {
    bool foreground = false;
    Ver acknowledged;
  };
  using Key = std::pair<UserKey, std::string>;

  // ---- PresenceEvents: of the gateway's ----
  void acknowledged(const UserKey& user, const std::string& device, Ver ver) override;
  void has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> messages) override;
  void has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) override;
  void left_foreground(const UserKey& user, const std::string& device) override;
  void came(const UserKey& user, const std::string& device) override;
  void gone(const UserKey& user, const std::string& device) override;

  // ---- PeerChannelEar ----
  void message(std::string_view bytes) override;
  void subscribed(bool on) override;

  void note(DeviceNews news);
  void flush();
  bool say(PeerBody body);
  bool say_numbered(PeerBody body);
  void want_state();
  void say_page();
  void tell_in_two(const Committed& commit);
  void beat();
  void log_changes();

  const Parts parts_;
  const PeerOptions options_;
  mutable Directory directory_;  // a look at it notes what is waited for
  PresenceEvents* relays_ = nullptr;
  std::map<Key, Local> devices_;       // of this node
  std::vector<DeviceNews> news_;       // not told yet
  std::map<Key, std::size_t> newest_;  // of a device among them
  std::uint64_t seq_ = 0;
  bool subscribed_ = false;
  bool left_ = false;
  bool told_live_ = false;  // the last beat told of live rooms
  MonoTime echo_at_{};      // when this node last heard itself
  // The state that is being told.
  bool paging_ = false;
  bool wanted_ = false;       // once more
  std::optional<Key> paged_;  // up to
  MonoTime state_at_{};       // when it began
  std::unique_ptr<LoopTimer> beat_timer_, gather_timer_, page_timer_;
};

}  // namespace nightpost::im
