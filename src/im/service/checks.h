// What the service looks at before a command is made: on the loop, pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "im/domain/codes.h"
#include "im/domain/elements.h"
#include "im/domain/names.h"
#include "im/domain/push_info.h"
#include "im/service/service.h"
#include "im/service/service_options.h"

namespace nightpost::im {

inline constexpr std::size_t kPulledMax = 100;    // messages in one answer
inline constexpr std::size_t kMarkBytesMax = 64;  // of a conversation

/// Text that both stores can hold, and no longer than `most` bytes: Malformed, TooLarge, with `field` in `why`.
Answer<void> check_text(std::string_view text, std::string_view field, std::size_t most);
/// What a message has wherever it goes (of SendRequest and GroupSendRequest), checked and in one form, as the same
/// members of Draft and GroupDraft.
template <class Draft, class Request>
Answer<Draft> checked_content(Request& request, const ServiceOptions& options) {
  if (auto ok = check_client_id(request.client_id); !ok) return std::unexpected(std::move(ok.error()));
  if (request.priority > Priority::Lowest) return refuse(Code::Malformed, "priority: not one of the list");
  if (auto ok = check_text(request.cloud_data, "cloud_data", options.cloud_data_bytes_max); !ok)
    return std::unexpected(std::move(ok.error()));
  auto elements = check_elements(request.elements, options.elements);
  if (!elements) return std::unexpected(std::move(elements.error()));
  auto push = check_push(request.push);
  if (!push) return std::unexpected(std::move(push.error()));
  Draft draft;
  draft.client_id = std::move(request.client_id);
  draft.elements = std::move(elements->canonical);
  draft.push = std::move(push->canonical);
  draft.cloud_data = std::move(request.cloud_data);
  draft.push_disabled = push->disabled;
  draft.priority = request.priority;
  draft.online_only = request.online_only;
  draft.no_unread = request.no_unread;
  draft.no_last = request.no_last;
  return draft;
}
Answer<void> check_profile(const Profile& profile, const ServiceOptions& options);

}  // namespace nightpost::im
