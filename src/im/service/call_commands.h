// What each call of CallService does, and how calls time out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "im/service/call_requests.h"
#include "im/service/commands.h"

namespace nightpost::im {

struct CallDraft {  // a CallInvite whose content was checked
  CallInvite invite;
  std::string push;  // canonical
  bool push_disabled = false;
};
Answer<CallReply> invite_to_call(Work& work, const Terminal& who, const CallDraft& draft);
Answer<SendReply> answer_call(Work& work, const Terminal& who, const CallAnswer& answer);
Answer<std::vector<OpenCall>> open_calls(Work& work, const Terminal& who);

/// Ends calls whose time is over, so many at most; when the next one's is.
struct CallSweep {
  std::size_t ended = 0;
  bool more = false;
  std::optional<WallTime> next;
};
Answer<CallSweep> end_calls(Work& work);
/// Of an account that goes: his invites are canceled, those that wait for him are rejected; the newest of each.
void end_calls_of(Work& work, const UserKey& who);

}  // namespace nightpost::im
