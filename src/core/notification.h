// What the app wants said to one user, vendor-neutral. Never grows a vendor's field: what one vendor alone has rides
// in `extras` under "<vendor>.<name>".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/platform.h"
#include "core/time.h"

namespace nightpost {

/// How urgently the phone is to show it. What a user is to see is High, unless the message itself was of low priority.
enum class Priority : std::uint8_t { High, Normal, Low };

struct Notification {
  Platform platform = Platform::Android;  // of the device; FCM alone serves more than one
  std::string title;
  std::string subtitle;              // a second title line, where the vendor has one; empty: none
  std::string body;                  // what the schema calls "desc"
  std::string ext;                   // opaque to us, usually JSON; reaches the app
  std::optional<std::string> sound;  // file name or "default"; nullopt: silent
  std::optional<int> badge;          // absolute; nullopt: leave as it is
  Priority priority = Priority::Normal;
  /// A call that rings: of use until expires_at, and to be seen at once. Title and body say it to people, this to the
  /// app.
  struct Call {
    std::string id;     // the app's
    std::string from;   // user id
    std::string name;   // of the caller, as shown; empty: unknown
    std::string group;  // group id; empty: one to one
  };
  std::optional<Call> call;
  /// Names of texts in the app, in the phone's language, and what stands in their gaps; for vendors that know such. The
  /// others show title and body. Arguments stand beside a key alone.
  struct Localised {
    std::string title_key, body_key;  // empty: none
    std::vector<std::string> title_args, body_args;
    bool operator==(const Localised&) const = default;
  };
  std::optional<Localised> loc;
  bool replaces = false;    // takes the place of one that was shown: it is nothing new, and rings for nobody
  bool badge_only = false;  // sets the icon's number and shows nothing: neither title, body, sound nor ext count
  bool mutable_content = false;
  std::string image;        // an https URL; empty: none
  std::string thread_id;    // groups on the screen: the conversation
  std::string collapse_id;  // equal on every attempt for one message, so a repeat replaces
  std::string push_id;      // canonical UUID of (event, device), equal on every attempt; in a batch its first device's
  std::string receipt_tag;  // 1–48 printable ASCII characters: the event id, or 32 hex digits of its hash. In receipts
  WallTime sent_at{};       // this attempt
  bool repeat = false;      // an attempt before this one was not answered, so the vendor may have taken it
  WallTime expires_at{};    // no delivery after this
  std::vector<std::pair<std::string, std::string>> extras;  // "xiaomi.channel": the event's push.android.channel

  /// Empty: not set.
  std::string_view extra(std::string_view name) const noexcept {
    for (const auto& [key, value] : extras)
      if (key == name) return value;
    return {};
  }
};

}  // namespace nightpost
