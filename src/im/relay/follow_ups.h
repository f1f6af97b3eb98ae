// What pushes made before are to be told: their message was taken back, their conversation read, the total fell. Each
// becomes a cancel or a badge event for the phones that may show something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/event_loop.h"
#include "im/relay/event_sink.h"
#include "im/relay/metrics.h"
#include "im/relay/relay_options.h"
#include "im/service/presence.h"
#include "im/service/service.h"

namespace nightpost::im {

/// On the relay's loop alone; it borrows what the relay does. A follow-up's row stands until the sink has its event, or
/// no phone needs one. A recall goes at once, behind its message's push and under its key; what was read and the number
/// wait `follow_up_wait`, so that a user who reads through a list is one event a conversation and one number.
class FollowUps {
 public:
  FollowUps(const RelayOptions& options, IntentBook& book, const Presence& presence, EventSink& sink, EventLoop& loop,
            RelayMetrics& metrics);
  ~FollowUps();
  FollowUps(const FollowUps&) = delete;
  FollowUps& operator=(const FollowUps&) = delete;

  /// Takes up what earlier processes left; again, where the store has more of it.
  void start();
  /// After the relay has taken the same commit. `unpushed`: of what was recalled in it, messages of which no event was
  /// made.
  void committed(const Committed& commit, const std::set<MessageId>& unpushed);
  /// The sink has it. False: the ticket is none of these.
  bool durable(std::uint64_t ticket);
  bool idle() const noexcept { return ready_.empty() && flights_.empty(); }

 private:
  /// Rows that are over once all their events are durable.
  struct Rows {
    std::vector<std::int64_t> ids;
    std::size_t events = 0;
  };
  struct Event {
    std::string key, text;
    std::shared_ptr<Rows> rows;
  };
  /// Of a user, until it is due.
  struct Pending {
    std::map<ConvId, FollowUp> read;  // the newest of a conversation
    std::optional<FollowUp> badge;    // the newest
    std::uint64_t moved = 0;          // groups_moved_ when it came
    std::vector<std::int64_t> rows;
  };

  void take(const FollowUp& one);
  void forget_device(const UserKey& user, const std::string& device);
  void publish(const UserKey& user);  // what is pending for him
  void publish(Pending pending);
  void begin(std::vector<std::int64_t> rows, std::vector<Event> events);
  void settle(const std::vector<std::int64_t>& rows);
  std::vector<std::string> away(const FollowUp& one) const;
  std::vector<std::string> without_message(const FollowUp& one) const;
  void ship();
  void look();
  void arm();
  void read_more();

  const RelayOptions& options_;
  IntentBook& book_;
  const Presence& presence_;
  EventSink& sink_;
  EventLoop& loop_;
  RelayMetrics& metrics_;
  std::set<std::int64_t> held_;  // rows in memory
  std::unordered_map<UserKey, Pending> pending_;
  std::deque<std::pair<MonoTime, UserKey>> due_;  // of pending_, soonest first
  std::deque<Event> ready_;
  std::map<std::uint64_t, Event> flights_;  // by ticket
  std::size_t flight_bytes_ = 0;
  std::uint64_t tickets_ = 0;
  std::uint64_t groups_moved_ = 0;  // by messages and news, which change totals of members that nobody here knows
  std::optional<std::int64_t> read_after_;  // the store has rows above it that are not in memory
  std::set<std::int64_t> done_;             // settled, above read_after_: the store may not have heard of it yet
  bool reading_ = false;
  bool page_old_ = false;    // it was asked for before the last start
  bool page_short_ = false;  // something was left out for want of room while the page was read: it may not be in there
  MonoTime read_at_{};
  std::unique_ptr<LoopTimer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // replies may come after the end
};

}  // namespace nightpost::im
