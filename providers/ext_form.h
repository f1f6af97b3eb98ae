// What becomes of `ext`, which is the app's and opaque to us: never cut, and in the form a vendor takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/notification.h"
#include "core/result.h"

namespace nightpost {

/// For vendors that want a JSON object: `ext` where it is one, without members that stand twice (the last one counts,
/// as in every reader we know), else {"ext":"…"}. Empty for an empty one.
std::string ext_object(std::string_view ext);

/// {"ref":"<message id>"}, by which the app fetches what was too long for the vendor. Empty: the notification has no
/// id, or its ext is no longer than that.
std::string ext_reference(const Notification& notification);

/// build(notification), and where that cannot be, with a reference for its ext: a push whose ext is too long for the
/// vendor is not lost. The first error, if both fail. What is built may not view its argument.
template <class Build>
auto built_with_ext_that_fits(const Notification& notification, Build build) {
  auto whole = build(notification);
  if (whole) return whole;
  std::string reference = ext_reference(notification);
  if (reference.empty()) return whole;
  Notification less = notification;
  less.ext = std::move(reference);
  auto made = build(less);
  return made ? made : whole;
}

}  // namespace nightpost
