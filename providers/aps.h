// Apple's dictionary "aps", which APNs gets from us and FCM passes on to it. Source: Apple, "Generating a remote
// notification".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/notification.h"
#include "core/result.h"

namespace nightpost {

/// What of a notification goes into it. Views; valid UTF-8.
struct Aps {
  std::string_view subtitle;
  const Notification::Localised* loc = nullptr;  // null: none
  std::string_view sound;                        // empty: silent
  std::string_view thread_id;
  std::string_view category;
  std::string_view target_content_id;
  std::string_view interruption_level;  // empty: Apple's default
  std::optional<double> relevance_score;
  std::optional<int> badge;
  bool mutable_content = false;

  /// Views into `notification`. Extras read: apns.interruption-level, apns.category, apns.target-content-id,
  /// apns.relevance-score. Low priority is passive unless an extra says otherwise. Malformed: an extra has no value
  /// that Apple knows.
  static Result<Aps> of(const Notification& notification);

  /// Where there is a key for it (loc), pass no title or body: the text in the app is shown.
  /// `"aps":{"alert":{"title","subtitle","body"},"badge","sound","mutable-content","thread-id",…}`, with a comma before
  /// it where one is due. What is absent or empty has no key.
  void append_to(std::string& out, std::string_view title, std::string_view body) const;
  /// Bytes that all texts but title and body have here.
  std::size_t text_bytes() const noexcept;
};

/// As it is where it can be a header (1–64 printable ASCII characters), else 32 hex digits of its hash, which is as
/// good at being equal.
std::string apns_collapse_id(std::string_view id);

/// Seconds since the epoch. Never "0" for a push that may be stored: that word means one attempt. No later than Apple
/// stores, so that a producer's mistaken unit cannot make a date that Apple cannot read. REQUIRED: it expires.
std::string apns_expiration(const Notification& notification);

}  // namespace nightpost
