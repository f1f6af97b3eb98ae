// The body of a request: a notification as Huawei's JSON, always within Huawei's size.
#pragma once

#include <span>
#include <string>

#include "core/ids.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/huawei/setup.h"

namespace nightpost::huawei {

/// One content for any number of tokens: what stands before their list and behind it.
struct Message {
  std::string head;
  std::string tail;

  std::string to(std::span<const DeviceToken> tokens) const;
};

/// v1 and v2 ({"validate_only","message":{"android","token"}}) or v3 ({"payload","target","pushOptions"}), by
/// setup.api. Too big: the body is cut first, then the title; never ext, ids or URLs. Malformed: does not fit even so,
/// or has no title or no body, which Huawei wants both. Extras read: huawei.channel, which wins over the setup's.
Result<Message> message_of(const Notification& notification, const Setup& setup);

/// Of Huawei's class of marketing, or of none, which Huawei takes for it: a device gets few of those a day.
bool is_marketing(const Notification& notification, const Setup& setup);

/// An intent URI with `ext` as the string extra "ext": S.ext=… before its end (Android, Intent.toUri).
std::string intent_with_ext(std::string_view intent, std::string_view ext);

}  // namespace nightpost::huawei
