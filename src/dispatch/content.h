// What a notification says: title, text, sound, badge and ext. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/device.h"
#include "core/notification.h"
#include "dispatch/event.h"
#include "dispatch/language.h"

namespace nightpost::dispatch {

/// "none" in a sound: shown without sound or vibration.
inline constexpr std::string_view kSilent = "none";
/// Title and text stop at the last whole character within so many bytes, before they are copied. Above every vendor's
/// limit, so the cut a reader sees is the vendor room's, at a grapheme.
inline constexpr std::size_t kContentBytesMax = 8192;

/// Whether any element has something to show: text, a description or a word of its own.
bool elements_speak(const OfflineEvent& event) noexcept;

/// Per-message title and text: the platform's own wins over the common one. Empty: not set. A blank title is as good as
/// none: the tenant's default stands in for it.
std::string_view title_for(const OfflineEvent& event, Platform platform) noexcept;
std::string_view desc_for(const OfflineEvent& event, Platform platform) noexcept;

/// Elements in order, then the names before them: "nick:content", "card(group):content".
void append_content(std::string& out, const OfflineEvent& event, const ElementWords& words);

/// Per message > the user's for this kind of conversation > "default"; nullopt: silent, as all but messages and calls
/// are.
std::optional<std::string_view> sound_for(const OfflineEvent& event, const PushSettings& settings) noexcept;

/// The absolute number for the icon; nullopt: leave it. The producer's unread total is the truth; where it did not say,
/// what the app showed when it went to the background, plus this message; what is no message leaves it then.
std::optional<int> badge_for(const OfflineEvent& event, const EventReceiver& to, const PushSettings& settings,
                             const Device& device) noexcept;

/// The message id where it can be a header (1–64 printable ASCII characters), else 32 hex digits of its hash.
std::string collapse_id_of(std::string_view message_id);

/// 1–48 printable ASCII characters: the event id where it is that, else 32 hex digits of its hash. Comes back in
/// vendors' receipts; 48 is what the narrowest of them carries.
std::string receipt_tag_of(std::string_view event_id);
bool is_receipt_tag(std::string_view event_id) noexcept;  // as it is

struct Rendered {
  Notification& notification;
  std::size_t variant = 0;  // equal for receivers of one event who are told the same, sound and badge left aside
};

/// One event's notifications, rendered once per language and platform and then only given each device's own sound,
/// badge and ids: a thousand receivers share one text.
class ContentCache {
 public:
  /// Everything but push_id and sent_at is set. Valid until the next call for the same cache.
  Rendered render(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver, const Device& device,
                  const Languages& languages);
  /// For the next event; the strings' memory is kept.
  void clear() noexcept { used_ = 0; }
  /// What clear() keeps, in bytes.
  std::size_t kept_bytes() const noexcept;

 private:
  struct Variant {
    std::size_t language = 0;
    Platform platform = Platform::Ios;
    Notification notification;
  };
  std::vector<Variant> variants_;
  std::size_t used_ = 0;
};

}  // namespace nightpost::dispatch
