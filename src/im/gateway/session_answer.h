// How a session answers a request. For its own sources.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "im/gateway/session.h"

namespace nightpost::im {

inline constexpr std::size_t kSmallAnswer = 1'024;
/// Whether an answer of this kind may be as long as a frame can be.
template <class T>
inline constexpr bool kLargeAnswer =
    std::is_same_v<T, SyncReply> || std::is_same_v<T, PullReply> || std::is_same_v<T, JoinedGroups> ||
    std::is_same_v<T, MembersPage> || std::is_same_v<T, MembersChanged> ||
    std::is_same_v<T, std::vector<Application>> || std::is_same_v<T, std::vector<OpenCall>> ||
    std::is_same_v<T, std::vector<Invitation>> ||
    std::is_same_v<T, std::vector<std::pair<std::string, Answer<GroupInfo>>>>;

/// Opens the request. `body` makes the answer's body of a reply that succeeded.
template <class T, class Body>
Reply<T> Session::answer(std::int64_t id, Body body) {
  constexpr std::size_t kPromised = kLargeAnswer<T> ? kServerFrameBytesMax : kSmallAnswer;
  open_.push_back({id, kPromised});
  promised_bytes_ += kPromised;
  return [session = weak_from_this(), id, body = std::move(body)](Answer<T> reply) mutable {
    const auto self = session.lock();
    if (!self || !self->close_request(id)) return;
    if (!reply) return self->say(res_refused_frame(id, reply.error()));
    if constexpr (std::is_void_v<T>) {
      self->say(res_frame(id, body(*self)));
    } else {
      self->say(res_frame(id, body(*self, *reply)));
    }
  };
}

}  // namespace nightpost::im
