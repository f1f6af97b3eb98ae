// A call that an app's server is asked about before it is written: what it is while it waits, and what the answer
// changes of it.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "im/service/admin_service.h"
#include "im/service/before_gate.h"
#include "im/service/callback_body.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"

namespace nightpost::im {

/// Shared by the steps of the call, which follow each other.
template <class T, class Request>
struct AskedCall {
  using Run = Answer<T> (*)(Work&, const Actor&, const Request&);
  Actor who;
  Request request;
  Run run;
  Reply<T> reply;
  BeforeGate::Pass pass{};
  std::vector<MemberOutcome> left_out{};  // of an invitation
  Ver ver{};                              // the sender's, as the look ahead found it

  void finish(Answer<T> got) {
    if constexpr (std::is_same_v<T, MembersChanged>)
      if (got) std::ranges::move(left_out, std::back_inserter(got->members));
    const BeforeGate::Pass over = std::move(pass);  // the next of the line begins after this reply
    std::exchange(reply, nullptr)(std::move(got));
  }
};

/// What the answer puts in the place of a message's own.
template <class Draft>
void take_content(Draft& draft, BeforeVerdict& verdict) {
  if (verdict.elements) draft.elements = *std::move(verdict.elements);
  if (verdict.cloud_data) draft.cloud_data = *std::move(verdict.cloud_data);
  if (!verdict.push) return;
  draft.push = std::move(verdict.push->canonical);
  draft.push_disabled = verdict.push->disabled;
}

template <class T, class Request>
void take_verdict(AskedCall<T, Request>& call, BeforeVerdict& verdict) {
  if constexpr (requires(Request& draft) { draft.elements; }) {
    take_content(call.request, verdict);
  } else if constexpr (std::is_same_v<T, MembersChanged>) {
    for (const std::string& user : verdict.refused_users)
      if (std::erase(call.request.users, user) > 0)
        call.left_out.push_back({user, MemberResult::Failed, "the app's server refused this user"});
  }
}

/// The line of a conversation: what is said in it is asked about, and stored, in its order.
inline std::string line_of_chat(const std::string& one, const std::string& other) {
  const auto& [first, second] = std::minmax(one, other);
  return "c" + first + "\n" + second;
}
inline std::string line_of_group(const std::string& group) { return "g" + group; }

/// What a sender is told of a message that was dropped: success, and no id.
template <class T>
Answer<T> dropped(WallTime now, Ver ver) {
  if constexpr (std::is_same_v<T, SendReply>)
    return SendReply{.at = now, .ver = ver};
  else
    return refuse(Code::CallbackRefused, "the app's server refused it");
}

}  // namespace nightpost::im
