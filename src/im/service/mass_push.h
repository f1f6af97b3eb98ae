// Pushes to all users of an app, or to those that a condition names; and what conditions look at: tags and attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/push_condition.h"
#include "im/service/service.h"

namespace nightpost::im {

struct MassPush {
  std::string from;
  std::uint32_t random = 0;  // of another of the app's within MassPushLimits::kept: refused
  std::string elements;      // empty: a notification without a message, to every phone
  std::string push;          // as SendRequest has it; without elements with "desc"
  /// Stored as one-to-one messages, so long. Absent: to who is there alone, the others are pushed to.
  std::optional<milliseconds> lifetime;
  PushCondition to;
};

enum class MassPushState : std::uint8_t { Runs = 0, Over = 1, Canceled = 2 };
struct MassPushReport {
  std::int64_t task = 0;
  MassPushState state = MassPushState::Runs;
  WallTime at{};
  std::int64_t users = 0;                   // so far
  std::int64_t pushed = 0, failed = 0;      // devices, by what vendors said; counted where results are read back
  std::int64_t delivered = 0, clicked = 0;  // likewise, of receipts
};

struct UserTags {
  std::string user;
  std::vector<std::string> tags;
};
struct UserAttributes {
  std::string user;
  std::map<std::string, std::string> attributes;
};

/// Threads and replies as Service. Lists are bounded by the caller; ids and texts are checked here. A user who is not
/// there is AccountUnknown, and nothing of the call is done.
class MassPushService {
 public:
  virtual ~MassPushService() = default;
  /// The task's number. PushRandomUsed; PushTasksFull; PushOff; AccountUnknown: the sender.
  virtual void push_to_all(AppId app, MassPush push, Reply<std::int64_t> reply) = 0;
  /// No further users are come to; of those that were, who has no push yet gets it. One that is over stays so.
  /// Malformed: no such task of this app.
  virtual void cancel_push(AppId app, std::int64_t task, Reply<void> reply) = 0;
  /// Those of `tasks` that there are.
  virtual void push_reports(AppId app, std::vector<std::int64_t> tasks, Reply<std::vector<MassPushReport>> reply) = 0;

  virtual void set_attribute_names(AppId app, std::map<std::int64_t, std::string> names, Reply<void> reply) = 0;
  virtual void attribute_names(AppId app, Reply<std::map<std::int64_t, std::string>> reply) = 0;
  /// Malformed: an attribute that the app has not named.
  virtual void set_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) = 0;
  virtual void remove_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) = 0;  // their names
  virtual void attributes(AppId app, std::vector<std::string> users, Reply<std::vector<UserAttributes>> reply) = 0;
  /// Malformed: more than kUserTagsMax of a user.
  virtual void add_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) = 0;
  virtual void remove_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) = 0;
  virtual void remove_all_tags(AppId app, std::vector<std::string> users, Reply<void> reply) = 0;
  virtual void tags(AppId app, std::vector<std::string> users, Reply<std::vector<UserTags>> reply) = 0;
};

/// A task that is not over.
struct MassPushTask {
  std::int64_t id = 0;
  bool begun_all = false;               // there are no further chunks to begin
  std::vector<std::int64_t> open = {};  // chunks that were begun and are not done
};
/// What one step did: the next users of a task, whose chunk stands in the store until it is done.
struct MassPushStep {
  std::int64_t chunk = 0;  // its number, from 1; 0: nobody was among those looked at
  std::size_t users = 0;
  bool begun_all = false;  // or canceled: no further step
};
struct MassReceiver {
  std::string user;
  std::int64_t unread_total = 0;
  std::vector<PushTarget> targets;  // may be empty: somebody on a desktop
};
/// A chunk as it is to be made an event. Its users are who meets the condition now, between the same two ids as ever.
struct MassPushChunk {
  std::int64_t task = 0, chunk = 0;
  AppId app;
  WallTime at{};
  Message message;                      // of whichever receiver: without `to` and id
  bool stored = false;                  // each has it as a message already
  std::vector<MassReceiver> receivers;  // who is logged in anywhere
};

/// What the relay asks of the store. Threads and replies as Service.
class MassPushBook {
 public:
  virtual ~MassPushBook() = default;
  virtual void mass_pushes(Reply<std::vector<MassPushTask>> reply) = 0;  // that are not over, or have open chunks
  virtual void mass_push_step(std::int64_t task, Reply<MassPushStep> reply) = 0;
  /// nullopt: it is done.
  virtual void mass_push_chunk(std::int64_t task, std::int64_t chunk, Reply<std::optional<MassPushChunk>> reply) = 0;
  virtual void mass_push_chunk_done(std::int64_t task, std::int64_t chunk) = 0;
};

/// "mass-12", of a task; an event's id has its chunk behind it, "mass-12.3".
std::string mass_push_name(std::int64_t task);
/// The task of an event. nullopt: of something else.
std::optional<std::int64_t> mass_push_of_event(std::string_view event_id);

}  // namespace nightpost::im
