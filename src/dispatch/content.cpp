#include "dispatch/content.h"

#include <algorithm>
#include <limits>

#include "core/uuid.h"
#include "providers/shown_text.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kReceiptTagMax = 48;  // OPPO's call_back_parameter: 50 bytes are safe
constexpr std::size_t kCallNameMax = 255;   // bytes of a caller's name: of a push's few thousand
constexpr std::size_t kCollapseIdMax = 64;  // Apple's limit for apns-collapse-id

/// Whether `id` can stand in a header or a form as it is.
bool is_plain(std::string_view id, std::size_t bytes_max) noexcept {
  return !id.empty() && id.size() <= bytes_max && std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
}
/// `id` where it is plain, else 32 hex digits of its hash.
std::string plain_or_hash(std::string_view id, std::size_t bytes_max) {
  return is_plain(id, bytes_max) ? std::string(id) : hex_of({id});
}

const PlatformContent& of_platform(const OfflineEvent& event, Platform platform) noexcept {
  return platform == Platform::Android ? event.android : event.apns;
}

std::string_view words_for(const Element& element, const ElementWords& words) noexcept {
  const std::string_view word = words[static_cast<std::size_t>(element.type)];
  return word.empty() ? element.text : word;
}

/// At most `room` bytes of `text`, whole characters.
std::string_view head_of(std::string_view text, std::size_t room) noexcept {
  if (text.size() <= room) return text;
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xc0) == 0x80) --room;
  return text.substr(0, room);
}

/// The event's word is the message's among others, not the phone's: what a user is to see must not wait until a
/// sleeping phone wakes for something else.
Priority shown_priority(Priority message) noexcept { return message == Priority::Low ? Priority::Low : Priority::High; }

/// What stands for elements that there are none of.
std::string_view stand_in(const OfflineEvent& event, const Language& language) noexcept {
  if (event.is_call()) return elements_speak(event) ? std::string_view() : language.call;
  if (event.kind != EventKind::Cancel) return {};
  return event.cancel == CancelReason::CallEnded ? language.call_ended : language.recalled;
}

std::optional<Notification::Call> call_of(const OfflineEvent& event) {
  if (!event.is_call()) return std::nullopt;
  const bool card = event.in_group() && !event.from_name_card.empty();
  return Notification::Call{.id = std::string(event.message_id),
                            .from = std::string(event.from_user),
                            .name = std::string(head_of(card ? event.from_name_card : event.from_nick, kCallNameMax)),
                            .group = std::string(event.group_id)};
}

std::optional<Notification::Localised> loc_of(const OfflineEvent& event) {
  if (event.loc_title_key.empty() && event.loc_body_key.empty()) return std::nullopt;
  return Notification::Localised{.title_key = std::string(event.loc_title_key),
                                 .body_key = std::string(event.loc_body_key),
                                 .title_args = {event.loc_title_args.begin(), event.loc_title_args.end()},
                                 .body_args = {event.loc_body_args.begin(), event.loc_body_args.end()}};
}

/// Apple's word for how it interrupts; empty: Apple's default. What rings may break through a focus.
std::string_view level_of(const OfflineEvent& event) noexcept {
  if (event.kind == EventKind::Cancel) return "passive";
  return event.is_call() && event.apns_level.empty() ? std::string_view("time-sensitive") : event.apns_level;
}

void fill(Notification& out, const OfflineEvent& event, Platform platform, const Language& language) {
  const std::string_view title = head_of(title_for(event, platform), kContentBytesMax);
  out.title = is_blank(title) ? std::string_view(language.title) : title;
  out.body.clear();
  if (const std::string_view desc = desc_for(event, platform); !desc.empty())
    out.body = head_of(desc, kContentBytesMax);
  else if (event.kind != EventKind::Badge)
    append_content(out.body, event, *language.words);
  const bool recalled = event.kind == EventKind::Cancel;
  if (desc_for(event, platform).empty()) out.body += stand_in(event, language);
  out.replaces = recalled;
  out.call = call_of(event);
  out.loc = loc_of(event);
  out.badge_only = event.kind == EventKind::Badge;
  out.platform = platform;
  out.subtitle = head_of(event.subtitle, kContentBytesMax);
  out.image = event.image;
  out.ext = event.ext;
  // What takes a message's place is to be seen by who looks, and wakes nobody.
  out.priority = recalled || out.badge_only ? Priority::Normal
                 : event.is_call()          ? Priority::High
                                            : shown_priority(event.priority);
  out.mutable_content = event.apns_mutable_content;
  out.thread_id = event.in_group() ? "group_" : "c2c_";
  out.thread_id += event.in_group() ? event.group_id : event.from_user;
  out.collapse_id = collapse_id_of(event.message_id);
  out.receipt_tag = receipt_tag_of(event.event_id);
  out.expires_at = event.expires_at;
  out.extras.clear();
  if (platform != Platform::Android) {
    if (!event.apns_category.empty()) out.extras.emplace_back("apns.category", event.apns_category);
    const std::string_view level = level_of(event);
    if (!level.empty()) out.extras.emplace_back("apns.interruption-level", level);
    return;
  }
  for (std::size_t i = 0; i < event.android_channels.size(); ++i)
    if (const std::string_view channel = event.android_channels[i]; !channel.empty())
      out.extras.emplace_back(std::string(name_of(static_cast<Vendor>(i))) + ".channel", channel);
}

}  // namespace

bool elements_speak(const OfflineEvent& event) noexcept {
  return std::ranges::any_of(event.elements, [](const Element& element) {
    const bool only_described =
        element.type == ElementType::Text || element.type == ElementType::Custom || element.type == ElementType::Other;
    return !only_described || !element.text.empty();
  });
}

std::string_view title_for(const OfflineEvent& event, Platform platform) noexcept {
  const PlatformContent& own = of_platform(event, platform);
  return own.title.empty() ? event.common.title : own.title;
}

std::string_view desc_for(const OfflineEvent& event, Platform platform) noexcept {
  const PlatformContent& own = of_platform(event, platform);
  return own.desc.empty() ? event.common.desc : own.desc;
}

void append_content(std::string& out, const OfflineEvent& event, const ElementWords& words) {
  const std::size_t start = out.size();
  const auto append = [&](std::string_view text) {
    out += head_of(text, kContentBytesMax - std::min(kContentBytesMax, out.size() - start));
  };
  if (event.in_group()) {
    append(event.from_name_card.empty() ? event.from_nick : event.from_name_card);
    if (!event.group_name.empty()) {
      append("(");
      append(event.group_name);
      append(")");
    }
  } else {
    append(event.from_nick);
  }
  if (out.size() > start) append(":");
  for (const Element& element : event.elements) append(words_for(element, words));
}

std::optional<std::string_view> sound_for(const OfflineEvent& event, const PushSettings& settings) noexcept {
  if (!event.is_message() && !event.is_call()) return std::nullopt;
  std::string_view sound = event.apns_sound;
  if (sound.empty()) sound = event.in_group() ? settings.sound_group : settings.sound_c2c;
  if (sound == kSilent) return std::nullopt;
  return sound.empty() ? "default" : sound;
}

std::optional<int> badge_for(const OfflineEvent& event, const EventReceiver& to, const PushSettings& settings,
                             const Device& device) noexcept {
  if (!event.apns_badge || !settings.badge) return std::nullopt;
  if (to.unread >= 0) return to.unread;
  if (!event.is_message()) return std::nullopt;
  return std::clamp(device.badge_base, 0, std::numeric_limits<std::int32_t>::max() - 1) + 1;
}

std::string collapse_id_of(std::string_view message_id) { return plain_or_hash(message_id, kCollapseIdMax); }

std::string receipt_tag_of(std::string_view event_id) { return plain_or_hash(event_id, kReceiptTagMax); }
bool is_receipt_tag(std::string_view event_id) noexcept { return is_plain(event_id, kReceiptTagMax); }

std::size_t ContentCache::kept_bytes() const noexcept {
  std::size_t bytes = variants_.capacity() * sizeof(Variant);
  for (const Variant& variant : variants_) {
    const Notification& said = variant.notification;
    for (const std::string* text : {&said.title, &said.subtitle, &said.body, &said.ext, &said.image, &said.thread_id})
      bytes += text->capacity();
  }
  return bytes;
}

Rendered ContentCache::render(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                              const Device& device, const Languages& languages) {
  const std::size_t language = languages.find(device.language, receiver.settings.language);
  std::size_t i = 0;
  while (i < used_ && (variants_[i].language != language || variants_[i].platform != device.platform)) ++i;
  if (i == used_) {
    if (used_ == variants_.size()) variants_.emplace_back();
    variants_[i].language = language;
    variants_[i].platform = device.platform;
    fill(variants_[i].notification, event, device.platform, languages[language]);
    ++used_;
  }
  Notification& out = variants_[i].notification;
  if (const auto sound = sound_for(event, receiver.settings))
    out.sound = *sound;
  else
    out.sound.reset();
  out.badge = badge_for(event, to, receiver.settings, device);
  return {out, i};
}

}  // namespace nightpost::dispatch
