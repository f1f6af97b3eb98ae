// What becomes of a push to all: its users are taken chunk by chunk, at a rate; who is there gets the message, the
// phones of the others are named by an offline event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/counter.h"
#include "core/event_loop.h"
#include "im/relay/event_sink.h"
#include "im/relay/group_event.h"
#include "im/relay/relay_options.h"
#include "im/service/mass_push.h"
#include "im/service/presence.h"

namespace nightpost::im {

struct MassRelayOptions {
  std::size_t users_per_second = 1'000;  // of all tasks together
  std::size_t chunks_open_max = 100;     // whose events are not durable; reached, no further chunk is begun
};

/// Written on the relay's loop alone.
struct MassRelayMetrics {
  Counter users;    // that tasks have come to
  Counter live;     // messages handed to who was there
  Counter events;   // published
  Counter members;  // that these named
  Counter tasks;    // that are not over now
  Counter chunks;   // whose events are not durable now
};

/// On the loop alone. A chunk's row stands in the store until its event is durable, so a kill at any moment loses none:
/// it is made again under the same id. Tasks take turns.
class MassRelay {
 public:
  /// Hands messages to whoever of their receivers is connected.
  using Deliver = std::function<void(std::vector<Delivery>)>;
  /// `relay` has the times and the bound of bytes in flight. What is borrowed outlives it.
  MassRelay(RelayOptions relay, MassRelayOptions options, MassPushBook& book, const Presence& presence, EventSink& sink,
            Deliver deliver, EventLoop& loop, MassRelayMetrics& metrics);
  ~MassRelay();
  MassRelay(const MassRelay&) = delete;
  MassRelay& operator=(const MassRelay&) = delete;

  /// Goes on with what earlier processes left, once `return_wait` is over.
  void start();
  void committed(const Committed& commit);
  void drain() { draining_ = true; }  // begins no further chunk
  /// Nothing is at the broker or on its way there; what is left is the next start's.
  bool idle() const noexcept { return flights_.empty() && unread_.empty() && !reading_; }

 private:
  using ChunkId = std::pair<std::int64_t, std::int64_t>;  // task, number
  void list();
  void listed(const std::vector<MassPushTask>& tasks);
  void turn();
  void step();
  void stepped(std::int64_t task, const Answer<MassPushStep>& step);
  void read();
  void publish(const MassPushChunk& chunk);
  std::vector<DueMember> due_of(const MassPushChunk& chunk, std::vector<Delivery>& live);
  void durable(std::uint64_t ticket);
  void look(ChunkId id);  // whether it is over
  void measure();

  const RelayOptions relay_;
  const MassRelayOptions options_;
  MassPushBook& book_;
  const Presence& presence_;
  EventSink& sink_;
  const Deliver deliver_;
  EventLoop& loop_;
  MassRelayMetrics& metrics_;
  std::set<std::int64_t> tasks_;  // with chunks to begin
  std::int64_t last_ = 0;         // of them, the one that had its turn
  std::map<ChunkId, int> open_;   // chunks that were begun, and their events that are not durable
  std::deque<ChunkId> unread_;    // of them, those whose users are to be looked up
  struct Flight {
    ChunkId chunk;
    std::size_t bytes = 0;
  };
  std::map<std::uint64_t, Flight> flights_;  // by ticket
  std::size_t flight_bytes_ = 0;             // of the events of all flights
  std::uint64_t tickets_ = 0;
  bool started_ = false;  // the first list has come: open chunks of earlier processes are known
  bool list_again_ = false, listing_ = false, stepping_ = false, reading_ = false, draining_ = false;
  MonoTime next_step_{}, retry_at_{};
  std::unique_ptr<LoopTimer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // replies may come after the end
};

}  // namespace nightpost::im
