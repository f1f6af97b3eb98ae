// What becomes of a group's message: its members are looked up range by range, and each of their devices acknowledges
// it or is named by an offline event. As Relay does one-to-one, without a row a member.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/counter.h"
#include "core/event_loop.h"
#include "im/relay/event_sink.h"
#include "im/relay/group_event.h"
#include "im/relay/relay.h"
#include "im/service/presence.h"
#include "im/service/service.h"

namespace nightpost::im {

struct GroupRelayOptions {
  std::size_t held_max = 10'000;  // messages in memory; more stay in the store and are read again
  // Devices that may still acknowledge; reached, no further range is begun. As many acknowledgements are kept of ranges
  // that wait.
  std::size_t waits_max = 200'000;
};

/// Written on the relay's loop alone.
struct GroupRelayMetrics {
  Counter intents;       // messages taken up, those of an earlier process among them
  Counter ranges;        // looked up
  Counter acknowledged;  // devices that had the message in time
  Counter withdrawn;     // messages that were recalled
  Counter events;        // published
  Counter members;       // that these named
  Counter late_events;   // of the events: for devices that looked alive and did not acknowledge
  Counter held;          // messages in memory now
  Counter waiting;       // devices that may still acknowledge, now
  Counter in_flight;     // events that are not durable now
};

/// On the loop alone, as Relay; told of each commit after the gateway, so that presence knows what was delivered.
/// `relay` has the times and the bounds of flights.
class GroupRelay final : public PresenceEvents {
 public:
  GroupRelay(RelayOptions relay, GroupRelayOptions options, GroupIntentBook& book, const Presence& presence,
             EventSink& sink, EventLoop& loop, GroupRelayMetrics& metrics);
  GroupRelay(const GroupRelay&) = delete;
  GroupRelay& operator=(const GroupRelay&) = delete;
  ~GroupRelay() override;

  /// Takes up what earlier processes left, once `return_wait` is over; again, where the store has more of it.
  void start();
  void committed(const Committed& commit);
  /// Of other nodes' commits some were not heard of, which concern `whom`: what they withdrew is looked up.
  void missed(const Concerned& whom = {.all = true});
  /// Nothing that is due is left, in memory or at the broker. What waits for an acknowledgement stays in the store.
  bool idle() const noexcept { return unread_.empty() && flights_.empty() && late_.empty(); }

  void acknowledged(const UserKey&, const std::string&, Ver) override {}
  void left_foreground(const UserKey& user, const std::string& device) override;
  void came(const UserKey&, const std::string&) override {}
  void has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> messages) override;
  void has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) override;

 private:
  struct Wait {  // a member with devices that may still acknowledge
    std::int64_t unread_total = 0;
    bool mentioned = false;
    std::set<std::string> devices;
  };
  struct Range {                        // looked up, and not over
    std::map<std::string, Wait> waits;  // by user
    int in_flight = 0;
    bool over() const noexcept { return waits.empty() && in_flight == 0; }
  };
  struct Held {
    GroupIntent intent;
    std::int64_t next = 0;  // range to look up
    std::map<std::int64_t, Range> open;
    std::set<std::pair<std::string, std::string>> has;  // user, device: before their range was looked up
    std::set<std::string> gone;                         // users who read it or left while a range is looked up
    std::int64_t told_done = 0;
    bool ended = false;  // recalled
    bool looked_up() const noexcept { return next >= intent.ranges; }
  };
  using Ids = std::map<std::int64_t, Held>;
  struct Flight {
    std::int64_t intent = 0;
    std::int64_t range = 0;
    std::size_t bytes = 0;
  };

  bool take(const GroupIntent& intent);
  void look_up();  // the next range, if there is room for what comes of it
  void looked_up(std::int64_t id, Answer<std::vector<GroupReceiver>> members);
  void sort(Held& held, std::int64_t range, const std::vector<GroupReceiver>& members);
  void publish(Held& held, std::int64_t range, std::vector<DueMember> due, bool late);
  void durable(std::uint64_t ticket);
  bool has_room() const;  // for another event on its way
  void make_due(const UserKey& user, const std::string& device);
  void drop(Held& held, std::int64_t range, const std::string& user, const std::string* device);
  void drop_user(const UserKey& user, MessageId upto);
  void look(Ids::iterator at);  // settles what is over
  void forget_has(Held& held);
  void withdraw(std::int64_t id);
  void read_more();
  void look_for_withdrawn();
  void take_page(std::int64_t after, std::size_t limit, const std::vector<GroupIntent>& page);
  void measure();
  bool is_of(const Held& held, const UserKey& user) const;

  const RelayOptions relay_;
  const GroupRelayOptions options_;
  GroupIntentBook& book_;
  const Presence& presence_;
  EventSink& sink_;
  EventLoop& loop_;
  GroupRelayMetrics& metrics_;
  Ids held_;
  std::set<std::int64_t> unread_;                                // of held_, with ranges to look up; oldest first
  std::unordered_map<MessageId, std::int64_t> of_message_;       // held ones
  std::unordered_map<UserKey, std::set<std::int64_t>> of_user_;  // held ones with a wait of his
  std::size_t waiting_ = 0;                                      // devices, in all
  std::size_t has_ = 0;                                          // of Held::has, in all
  std::map<std::uint64_t, Flight> flights_;
  std::size_t flight_bytes_ = 0;
  std::set<std::pair<UserKey, std::string>> late_;  // devices that left with waits there was no room for
  std::uint64_t tickets_ = 0;
  std::int64_t looking_ = 0;                // intent whose range is being looked up; 0: none
  std::optional<std::int64_t> read_after_;  // the store has intents above it that are not in memory
  MonoTime read_at_{};                      // not before
  bool reading_ = false;
  bool page_old_ = false;        // it was asked for before the last start
  bool page_short_ = false;      // something was left out for want of room while the page was read
  std::set<std::int64_t> done_;  // settled, above read_after_: the store may not have heard of it yet
  // What is held above `look_after_` up to `look_to_` is to be looked for in the store.
  std::int64_t look_after_ = 0, look_to_ = 0;
  bool looking_for_withdrawn_ = false, look_again_ = false;
  std::unique_ptr<LoopTimer> timer_, withdrawn_timer_;
  std::unique_ptr<LoopTimer> again_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // replies may come after the end
};

}  // namespace nightpost::im
