// What the service allows, and how long it waits. Every limit with its unit.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "im/domain/before_callback.h"
#include "im/domain/call.h"
#include "im/domain/callback.h"
#include "im/domain/elements.h"
#include "im/domain/group.h"
#include "im/domain/login_policy.h"
#include "im/store/rows.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct CallbackWishes {
  std::map<AppId, CallbackSet> wanted;  // an app without an entry is told of nothing
  std::size_t queued_max = 100'000;     // an app's that wait in the store; what is over is dropped and counted
  milliseconds kept{86'400'000};        // those of an app without an entry are dropped then
};

/// What apps' servers are asked before it happens.
struct BeforeWishes {
  std::map<AppId, BeforeSet> wanted;  // an app without an entry is asked nothing
  std::size_t parked_max = 500;       // requests of an app that wait for its server, or behind one that does
  std::size_t line_max = 100;         // of them, behind another of the same conversation
};

/// Pushes to all users of an app, or to those of a condition.
struct MassPushLimits {
  std::size_t tasks_max = 10;      // of an app that are not over; 0: none is taken
  std::size_t chunk_users = 500;   // of one event; REQUIRED: at most 1000
  std::size_t stored_chunk = 50;   // likewise, of messages that are stored: each is several rows
  milliseconds kept{604'800'000};  // its random is taken, and it is reported, for so long
};

struct ServiceOptions {
  // Queues. What finds no room is answered Busy.
  std::size_t queue_max = 10'000;  // commands that wait for the writer
  std::size_t reads_max = 2'000;   // looks that wait for a reader
  std::size_t batch_max = 256;     // commands in one commit
  std::size_t readers = 2;         // threads, each with a connection
  sql::Reconnect reconnect;        // PostgreSQL; what comes meanwhile is answered Busy

  // IM servers that share a PostgreSQL (README.md, "Nodes").
  std::string node_name;                         // of this one's host or pod; empty is a name, too
  milliseconds node_lease{15'000};               // one that has been silent for longer is given up by the others
  std::size_t taken_over_max = 1'000;            // rows of each kind of a node that is over, in one commit
  milliseconds peer_wait{100};                   // what another node committed before is waited for, if it tells at all
  std::size_t peer_held_bytes_max = 67'108'864;  // of others' commits that wait for those before; more is not heard
  milliseconds peer_check{2'000};                // the store is asked whether something of the others was missed
  std::size_t commits_logged =
      10'000;            // whom they concern is kept of so many, for nodes that were not told; 0: of none
  NodeFacts node_facts;  // said in the store; but clock_ahead, which is measured

  // Messages.
  ElementLimits elements;
  std::size_t cloud_data_bytes_max = 8 * 1024;
  milliseconds recall_window{120'000};
  milliseconds client_id_kept{7LL * 24 * 3'600 * 1'000};  // a repeat within it finds the first result
  milliseconds message_kept{0};                           // 0: for good

  // Accounts.
  LoginPolicy login;
  bool auto_read = false;             // each login is one that wants it
  bool friends_only = false;          // those who are not friends of each other may not write to each other
  bool blacklist_silent = true;       // who is on it sees success; else Blacklisted
  std::size_t blacklist_max = 1'000;  // users
  std::size_t nick_bytes_max = 500;
  std::size_t face_bytes_max = 500;
  std::size_t profile_fields_max = 40;  // beside nick and face
  std::size_t friends_max = 3'000;

  // Words, and what of the above an app may have otherwise (domain/app_settings.h).
  std::size_t words_max = 10'000;       // of an app
  bool words_ignore_spacing = false;    // they are found across blanks and punctuation
  bool words_of_app = true;             // the app's server is held to them, too
  bool words_in_names = false;          // they are sought in names, too
  milliseconds rules_looked_at{1'000};  // how often, for changes

  GroupLimits groups;
  CallLimits calls;
  CallbackWishes callbacks;
  BeforeWishes before;
  MassPushLimits mass_push;

  // Answers.
  std::size_t chats_max = 500;                 // a sync
  std::size_t answer_bytes_max = 256 * 1'024;  // of messages' content in one answer, unless it is a single message

  // What is saved or pruned now and then.
  milliseconds acknowledged_saved{5'000};
  milliseconds intents_saved{100};
  std::size_t intents_batch = 256;    // as many are saved before that
  milliseconds pruned_every{60'000};  // expired messages and client ids
  std::size_t pruned_max = 500;       // rows of each in one commit
};

/// The secrets of an app's signatures, two while one replaces the other; an app without an entry is unknown.
using AppKeys = std::map<AppId, std::vector<std::string>>;

}  // namespace nightpost::im
