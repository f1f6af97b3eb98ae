// What the nodes' talk is set to.
#pragma once

#include <cstddef>
#include <string>

#include "core/time.h"
#include "im/nodes/redis_url.h"

namespace nightpost::im {

struct RedisOptions {
  RedisUrl url;
  std::string password;                          // empty: none is asked for
  std::string ca_pem;                            // believed besides the system's authorities
  std::string certificate_pem, private_key_pem;  // for a server that wants one; empty: none
  std::string prefix = "nightpost";              // of the channel: one store's nodes share it with nobody else
  milliseconds connect_timeout{5'000};           // name, TCP, TLS and log-in
  milliseconds command_timeout{2'000};           // for an answer; then the connection is replaced
  milliseconds reconnect_first{100};             // full jitter, doubling
  milliseconds reconnect_max{5'000};
  std::size_t queue_bytes_max = 8'388'608;    // not answered yet; what finds no room is not told
  std::size_t message_bytes_max = 4'194'304;  // a longer one is neither told nor read
};

struct DirectoryOptions {
  milliseconds lease{10'000};                // of a node that is not heard; then its devices are away
  milliseconds ack_timeout{10'000};          // the gateways': the owner of a device says when it is over
  milliseconds ack_grace{2'000};             // ... and when it does not, it counts as away this much later
  std::size_t remote_devices_max = 200'000;  // of all other nodes; one more counts as away
  std::size_t nodes_max = 64;                // others; one more is not listened to
  std::size_t owed_messages_max = 256;       // of groups, that a device's acknowledgement is looked for
  std::size_t live_rooms_max = 10'000;       // live groups of a node whose users are known, and told
  std::size_t group_commits_max = 65'536;    // of this node, that another may not have been told yet
};

struct PeerOptions {
  DirectoryOptions directory;
  milliseconds heartbeat{1'000};
  milliseconds gather{5};              // what devices say is told together
  std::size_t page_devices_max = 500;  // of a page of this node's state
  std::size_t batch_events_max = 500;  // of what devices say, told at once
  std::size_t message_bytes_max = 4'194'304;
};

}  // namespace nightpost::im
