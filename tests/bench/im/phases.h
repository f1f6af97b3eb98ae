// The phases of a run, each with clients of its own. They throw where a message is lost, doubled or out of order, or a
// client is turned away: then there is nothing worth measuring.
#pragma once

#include <chrono>
#include <cstddef>

#include "bench/im/bed.h"
#include "bench/im/crowd.h"
#include "bench/spine/report.h"

namespace nightpost::bench {

struct ImPlan {
  std::size_t pairs = 500;  // each a sender and a receiver, with one message on its way in the closed loop
  std::size_t messages = 100'000;
  std::chrono::seconds half_rate{10};
  std::size_t connections = 15'000;
  std::size_t logins_at_once = 128;
  std::size_t chats = 100, chat_messages = 100;  // missed, of one user
  std::chrono::milliseconds sync_span{1'000};    // of the bare disk
};

/// One-to-one, both ends online: a closed loop, then half of its rate.
void measure_messages(const ImPlan& plan, ImBed& bed, Measured& run);
/// A user who was away: the heads of his conversations, then all messages.
void measure_sync(const ImPlan& plan, ImBed& bed, Measured& run);
/// Logins of new users, memory of what is connected and silent, logins of users who come back. On a fresh server.
void measure_connections(const ImPlan& plan, ImBed& bed, Measured& run);

}  // namespace nightpost::bench
