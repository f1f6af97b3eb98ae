// The door to calls, beside Service: invitations to something that begins now, which are messages, too.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/call.h"
#include "im/service/service.h"

namespace nightpost::im {

struct CallInvite {
  std::string to;                  // the other user; or
  std::string group;               // members of it
  std::vector<std::string> users;  // of a group: who is invited
  std::string client_id;           // as SendRequest's
  milliseconds timeout{0};         // 0: it never times out
  std::string data;                // the app's own
  std::string desc;                // what a push shows
  std::string push;                // as SendRequest's
};
struct CallReply {
  MessageId id;  // the call's, and of its message
  WallTime at{};
  std::optional<WallTime> until;
  Ver ver;  // the inviter's account
  bool repeated = false;
};
struct CallAnswer {
  MessageId call;
  CallStep step = CallStep::Accept;  // Cancel, Accept, Reject
  std::string data;
};
struct OpenCall {
  MessageId id;
  std::string by;
  std::string to;     // one-to-one: who is invited; or
  std::string group;  // where
  WallTime at{};
  std::optional<WallTime> until;
  std::string data;
  std::vector<std::pair<std::string, CallState>> users;
};

/// Threads and replies as Service.
class CallService {
 public:
  virtual ~CallService() = default;
  /// As a send; TooFast: as many calls of this user wait as may. GroupForbidden: an invited user is no member.
  virtual void invite_to_call(const Terminal& who, CallInvite invite, Reply<CallReply> reply) = 0;
  /// The step's message; 0-0: it is said to nobody, or this is a repeat. CallOver, CallForbidden; GroupForbidden: no
  /// member any more.
  virtual void answer_call(const Terminal& who, CallAnswer answer, Reply<SendReply> reply) = 0;
  /// Those that wait for this user, then those of his that wait for somebody; at most CallLimits::open_max of both.
  virtual void open_calls(const Terminal& who, Reply<std::vector<OpenCall>> reply) = 0;
};

}  // namespace nightpost::im
