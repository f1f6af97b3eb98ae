// The phases of a run, each with clients of its own. They throw where a message is lost, doubled or out of order, or a
// client is turned away: then there is nothing worth measuring.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/im/bed.h"
#include "bench/im/callers.h"
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
  std::chrono::milliseconds sync_span{1'000};    // of the bare store
  std::chrono::seconds seconds{10};              // of steady rates of the server API and of a group
  double rest_per_s = 5'000;
  std::size_t rest_at_once = 200;  // calls
  std::size_t hot_writers = 8;     // of one group
  std::size_t hot_open = 16;       // messages of each that are not answered
  std::size_t hot_messages = 50'000;
  std::size_t group_members = 10'000;  // online, and then away
  double group_per_s = 30;             // at most
  std::size_t group_messages = 100;    // of the closed loop
  std::vector<std::size_t> group_sizes{10, 1'000, 100'000};
  std::size_t size_sends = 300;
};

/// One-to-one, both ends online: a closed loop, then half of its rate.
void measure_messages(const ImPlan& plan, ImBed& bed, Measured& run);
/// A user who was away: the heads of his conversations, then all messages.
void measure_sync(const ImPlan& plan, ImBed& bed, Measured& run);
/// Logins of new users, memory of what is connected and silent, logins of users who come back. On a fresh server.
void measure_connections(const ImPlan& plan, ImBed& bed, Measured& run);

/// sendmsg at a steady rate over HTTP/1.1 and over HTTP/2; then history has every answered message once.
void measure_rest(const ImPlan& plan, ImBed& bed, Measured& run);
void measure_rest_h2(const ImPlan& plan, ImBed& bed, Measured& run);
/// One group in which a few members talk as fast as they can; their sequence is dense.
void measure_hot_group(const ImPlan& plan, ImBed& bed, Measured& run);
/// All members online: a closed loop, then a steady rate; beside it the same frames from a bare writer.
void measure_group_online(const ImPlan& plan, ImBed& bed, Measured& run);
/// All members away, each with a phone: what one message's events cost.
void measure_group_away(const ImPlan& plan, const ImGround& ground, ImBed& bed, Measured& run);
/// One send in groups of several sizes, whose members never logged in.
void measure_group_sizes(const ImPlan& plan, ImBed& bed, Measured& run);

/// The messages of measure_messages through Centrifugo, a broker that keeps nothing. `program`: its binary.
void measure_centrifugo(const ImPlan& plan, const std::string& program, Measured& run);

// What they share.
void import_accounts(Callers& callers, const std::vector<std::string>& users);
/// A group of accounts that exist, `owner` beside them.
void import_group(Callers& callers, const std::string& group, const std::string& owner,
                  const std::vector<std::string>& users);

}  // namespace nightpost::bench
