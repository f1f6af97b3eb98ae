// What becomes of an intent: each of the receiver's devices acknowledges the message, or an offline event names it. A
// device in the foreground gets its time to acknowledge; one that is in the background or away is due at once.
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
#include "im/relay/follow_ups.h"
#include "im/relay/metrics.h"
#include "im/relay/relay_options.h"
#include "im/service/commit_log.h"
#include "im/service/presence.h"
#include "im/service/service.h"

namespace nightpost::im {

/// On the loop alone, that of `book`, `presence` and `sink`, which it borrows. Tell it of each commit after the
/// gateway, so that presence knows what was delivered.
class Relay final : public PresenceEvents {
 public:
  Relay(RelayOptions options, IntentBook& book, const Presence& presence, EventSink& sink, EventLoop& loop,
        RelayMetrics& metrics);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() override;

  /// Takes up what earlier processes left, once `return_wait` is over; again, where the store has more of it.
  void start();
  void committed(const Committed& commit);
  /// Of other nodes' commits some were not heard of, which concern `whom`: what they withdrew is looked up.
  void missed(const Concerned& whom = {.all = true});
  /// Nothing that is due is left, in memory or at the broker. What waits for an acknowledgement stays in the store.
  bool idle() const noexcept { return ready_.empty() && flights_.empty() && follow_ups_.idle(); }
  /// Brings the gauges up to date: call it once a second.
  void measure();

  void acknowledged(const UserKey& user, const std::string& device, Ver ver) override;
  void left_foreground(const UserKey& user, const std::string& device) override;
  void came(const UserKey& user, const std::string& device) override;

 private:
  struct Held {
    Intent intent;
    std::set<std::string> waiting;  // devices that may still acknowledge
    std::set<std::string> due;      // of the next event
    int in_flight = 0;
    bool queued = false;  // in ready_
    bool late = false;    // waited for an acknowledgement that did not come
    bool ended = false;   // recalled or read: no further event
  };
  using Ids = std::map<std::int64_t, Held>;  // by the intent's id
  struct Flight {
    std::int64_t intent = 0;
    std::int32_t number = 0;
    std::vector<std::string> devices;
    MonoTime since{};
    std::size_t bytes = 0;
  };

  void take(const Intent& intent);
  void look(Ids::iterator at);  // queues what is due; settles what is over
  void ship();                  // ready_ → the sink, as far as in_flight_max allows
  void durable(std::uint64_t ticket);
  bool withdraw(std::int64_t id);  // true: no event of it was made
  void forget_device(const UserKey& user, const std::string& device);
  void erase(Ids::iterator at);
  void read_more();
  void look_for_withdrawn();
  void take_page(std::int64_t after, std::size_t limit, const std::vector<Intent>& page);

  const RelayOptions options_;
  IntentBook& book_;
  const Presence& presence_;
  EventSink& sink_;
  EventLoop& loop_;
  RelayMetrics& metrics_;
  FollowUps follow_ups_;
  Ids held_;
  std::unordered_map<UserKey, std::set<std::int64_t>> of_user_;  // held ones, by id
  std::unordered_map<MessageId, std::int64_t> of_message_;       // held ones
  std::deque<std::int64_t> ready_;                               // ids with something due, oldest first
  std::map<std::uint64_t, Flight> flights_;                      // by ticket, oldest first
  std::size_t flight_bytes_ = 0;                                 // of the events of all flights
  std::uint64_t tickets_ = 0;
  std::optional<std::int64_t> read_after_;  // the store has intents above it that are not in memory
  MonoTime read_at_{};                      // not before
  bool reading_ = false;
  bool page_old_ = false;    // it was asked for before the last start
  bool page_stale_ = false;  // something was withdrawn while the page was read: it may still be in there
  bool page_short_ = false;  // something was left out for want of room while the page was read: it may not be in there
  std::set<std::int64_t> done_;  // ended, above read_after_: the store may not have heard of it yet
  // What is held above `look_after_` up to `look_to_` is to be looked for in the store.
  std::int64_t look_after_ = 0, look_to_ = 0;
  bool looking_for_withdrawn_ = false, look_again_ = false;
  std::unique_ptr<LoopTimer> timer_, withdrawn_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // replies may come after the end
};

}  // namespace nightpost::im
