// One offline event, decoded: the contract of config/schemas/offline-event.schema.json. All text is views into the
// event's own buffer, so an event costs no allocation once its buffer has grown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/notification.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost::dispatch {

/// Cancel: a message is taken back. Badge: the icon's number alone. Call: an invitation that rings.
enum class EventKind : std::uint8_t { C2c, Group, System, Cancel, Badge, Call };
std::string_view name_of(EventKind kind) noexcept;  // "c2c", "group", …

/// Why a cancel came: its message was recalled, its conversation was read up to it on another device, or its call rings
/// no more (taken, declined, given up).
enum class CancelReason : std::uint8_t { Recalled, Read, CallEnded };

/// `Other` is a type this version has no word for; like Custom it speaks only through its description.
enum class ElementType : std::uint8_t {
  Text,
  Voice,
  File,
  Image,
  Video,
  Location,
  Face,
  Merged,
  Card,
  Custom,
  Other,
};

struct Element {
  ElementType type = ElementType::Other;
  std::string_view text;  // Text: what was written. Custom, Other: the description, if any. Else empty
};

/// Empty text: not set.
struct PlatformContent {
  std::string_view title;
  std::string_view desc;
};

struct EventReceiver {
  std::string_view user_id;
  std::int32_t unread = -1;  // the receiver's unread total, this event included; -1: the producer did not say
  bool mentioned = false;
  // Where the producer named the devices that are due: their part of OfflineEvent::due_devices. 0: all of the user's.
  std::uint32_t due_first = 0;
  std::uint32_t due_count = 0;
};

/// The original bytes with the padding simdjson wants behind them, and as much again for what had to be unescaped.
class EventBuffer {
 public:
  /// Copies `bytes`; everything said before is forgotten. Views stay valid until the next assign() or clear().
  void assign(std::string_view bytes);
  std::string_view bytes() const noexcept { return {data_.get(), size_}; }
  std::size_t padded_size() const noexcept;
  /// Room for size() + padding bytes: whatever is unescaped is never longer than it was escaped.
  std::uint8_t* text_begin() const noexcept;
  /// As new, memory kept.
  void clear() noexcept { size_ = 0; }
  std::size_t kept_bytes() const noexcept { return capacity_; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

struct OfflineEvent {
  std::string_view event_id;
  AppId app;
  WallTime occurred_at{};
  WallTime expires_at{};
  EventKind kind = EventKind::C2c;
  CancelReason cancel = CancelReason::Recalled;

  std::string_view from_user, from_nick, from_name_card;
  std::string_view group_id, group_name;

  std::string_view message_id;
  std::int64_t message_seq = 0;
  WallTime message_sent_at{};
  Priority priority = Priority::Normal;  // of the message among others, not how a phone shows it
  bool online_only = false;
  std::vector<Element> elements;

  bool push_disabled = false;
  PlatformContent common, android, apns;
  std::array<std::string_view, std::size_t(Vendor::Count)> android_channels;  // by vendor; empty: the certificate's
  std::string_view loc_title_key, loc_body_key;                               // of texts in the app
  std::vector<std::string_view> loc_title_args, loc_body_args;
  std::string_view subtitle;
  std::string_view image;  // an https URL
  std::string_view ext;
  std::string_view apns_category;
  std::string_view apns_level;  // Apple's word for how it interrupts
  std::string_view apns_sound;  // a file name, "default", "none" (silent); empty: not set
  bool apns_badge = true;       // false: leave the badge as it is
  bool apns_mutable_content = false;

  std::vector<EventReceiver> to;              // no user twice
  std::vector<std::string_view> due_devices;  // no device of a user twice

  /// What people wrote, and what may be pushed as such.
  bool is_message() const noexcept { return kind == EventKind::C2c || kind == EventKind::Group; }
  bool is_call() const noexcept { return kind == EventKind::Call; }
  /// Of use only now: what could not be sent is nothing to replay.
  bool is_fleeting() const noexcept { return kind == EventKind::Badge || is_call(); }
  /// Where it belongs: the group's conversation, or the one with the sender.
  bool in_group() const noexcept {
    return kind == EventKind::Group || ((kind == EventKind::Cancel || is_call()) && !group_id.empty());
  }
  /// Device ids; empty: all devices of the user may be due.
  std::span<const std::string_view> due_of(const EventReceiver& receiver) const noexcept {
    return std::span(due_devices).subspan(receiver.due_first, receiver.due_count);
  }

  EventBuffer buffer;

  /// As new, buffers kept.
  void reset();
  /// What reset() keeps, in bytes.
  std::size_t kept_bytes() const noexcept {
    return elements.capacity() * sizeof(Element) + to.capacity() * sizeof(EventReceiver) +
           due_devices.capacity() * sizeof(std::string_view) + buffer.kept_bytes();
  }
};

}  // namespace nightpost::dispatch
