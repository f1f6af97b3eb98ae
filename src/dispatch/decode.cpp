#include "dispatch/decode.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/json_reader.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kEventIdMax = 128;
constexpr std::size_t kElementsMax = 1000;
constexpr std::size_t kDueDevicesMax = 100;         // of one receiver
constexpr std::size_t kImageMax = 512;              // of a push's few thousand bytes
constexpr std::size_t kLocArgsMax = 10;             // of one text
constexpr std::size_t kLocArgMax = 255;             // bytes
constexpr std::size_t kParserKeptMax = 256 * 1024;  // bytes of an event that the parser stays ready for
constexpr std::size_t kSeenKept = 8192;             // slots of the look for repeated users
// What stands for a badge's message: of its pushes too the newest is enough.
constexpr std::string_view kBadgeMessage = "badge-only";

class EventReader final : public JsonReader {
 public:
  EventReader(od::parser& parser, OfflineEvent& event, std::size_t receivers_max, std::vector<std::uint32_t>& seen)
      : JsonReader(parser, event.buffer.text_begin()), event_(event), receivers_max_(receivers_max), seen_(seen) {}

  bool run() {
    std::string_view bytes = event_.buffer.bytes();
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // RFC 8259 §8.1: a parser may pass over it
    if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
    od::document document;
    const auto padded =
        simdjson::padded_string_view(bytes.data(), bytes.size(), bytes.size() + simdjson::SIMDJSON_PADDING);
    if (const auto error = parser_.iterate(padded).get(document)) return broken(error);
    od::value root;
    if (const auto error = document.get_value().get(root))
      return error == simdjson::SCALAR_DOCUMENT_AS_VALUE ? wrong(Path(), "expected an object") : broken(error);
    if (!event(root, Path())) return false;
    // Anything left behind the closing brace is not part of one JSON text.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return wrong(Path(), "text after the event");
    return true;
  }

 private:
  bool event(od::value value, const Path& at) {
    static constexpr std::array<Member, 11> kMembers = {{{"event_id", true},
                                                         {"app_id", true},
                                                         {"occurred_at", true},
                                                         {"expires_at", true},
                                                         {"kind", true},
                                                         {"from"},
                                                         {"group"},
                                                         {"message"},
                                                         {"push"},
                                                         {"to", true},
                                                         {"cancel"}}};
    static constexpr std::array<std::string_view, 6> kKinds = {"c2c", "group", "system", "cancel", "badge", "call"};
    const auto visit = [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return id(v, here, event_.event_id, kEventIdMax);
        case 1:
          return integer(v, here, 1, std::numeric_limits<std::int64_t>::max(), event_.app.value);
        case 2:
          return time(v, here, event_.occurred_at);
        case 3:
          return time(v, here, event_.expires_at);
        case 4: {
          std::size_t kind = 0;
          if (!word(v, here, kKinds, kind)) return false;
          event_.kind = static_cast<EventKind>(kind);
          return true;
        }
        case 5:
          return from(v, here);
        case 6:
          return group(v, here);
        case 7:
          return message(v, here);
        case 8:
          return push(v, here);
        case 9:
          return receivers(v, here);
        default:
          return cancel(v, here);
      }
    };
    if (!members(value, at, kMembers, visit) || !fits_kind(at)) return false;
    if (event_.message_sent_at == WallTime{}) event_.message_sent_at = event_.occurred_at;
    return true;
  }

  /// Which members a kind cannot do without is known once all are read: they come in any order.
  bool fits_kind(const Path& at) {
    const EventKind kind = event_.kind;
    if (kind == EventKind::Badge) return fits_badge(at);
    const Path message{&at, "message"};
    if (event_.message_id.empty()) return wrong(message, "missing");
    if (kind == EventKind::Cancel) return fits_cancel(at);
    if (!has_elements_ && !event_.is_call()) return wrong(Path{&message, "elements"}, "missing");
    if ((event_.is_message() || event_.is_call()) && event_.from_user.empty())
      return wrong(Path{&at, "from"}, "missing");
    return kind != EventKind::Group || !event_.group_id.empty() || wrong(Path{&at, "group"}, "missing");
  }

  /// A cancel takes back one message, or what a conversation holds up to it.
  bool fits_cancel(const Path& at) {
    if (event_.cancel != CancelReason::Read) return true;
    const Path message{&at, "message"};
    if (event_.message_seq < 1) return wrong(Path{&message, "seq"}, "missing: read up to which message?");
    return !event_.from_user.empty() || !event_.group_id.empty() ||
           wrong(Path{&at, "from"}, "missing, and so is group: in which conversation?");
  }

  bool fits_badge(const Path& at) {
    const Path to{&at, "to"};
    for (std::size_t i = 0; i < event_.to.size(); ++i) {
      const Path item{&to, {}, i};
      if (event_.to[i].unread < 0) return wrong(Path{&item, "unread"}, "missing: it is the badge's number");
    }
    event_.message_id = kBadgeMessage;
    return true;
  }

  bool cancel(od::value value, const Path& at) {
    static constexpr std::array<Member, 1> kMembers = {{{"reason", true}}};
    static constexpr std::array<std::string_view, 3> kReasons = {"recalled", "read", "call_ended"};
    return members(value, at, kMembers, [&](std::size_t, od::value v, const Path& here) {
      std::size_t reason = 0;
      if (!word(v, here, kReasons, reason)) return false;
      event_.cancel = static_cast<CancelReason>(reason);
      return true;
    });
  }

  bool from(od::value value, const Path& at) {
    static constexpr std::array<Member, 3> kMembers = {{{"user_id", true}, {"nick"}, {"name_card"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      if (which == 0) return id(v, here, event_.from_user);
      return text(v, here, which == 1 ? event_.from_nick : event_.from_name_card);
    });
  }

  bool group(od::value value, const Path& at) {
    static constexpr std::array<Member, 2> kMembers = {{{"group_id", true}, {"name"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      return which == 0 ? id(v, here, event_.group_id) : text(v, here, event_.group_name);
    });
  }

  bool message(od::value value, const Path& at) {
    static constexpr std::array<Member, 6> kMembers = {
        {{"id", true}, {"seq"}, {"sent_at"}, {"priority"}, {"online_only"}, {"elements"}}};
    static constexpr std::array<std::string_view, 4> kPriorities = {"high", "normal", "low", "lowest"};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return any_id(v, here, event_.message_id);
        case 1:
          return integer(v, here, 0, std::numeric_limits<std::int64_t>::max(), event_.message_seq);
        case 2:
          return time(v, here, event_.message_sent_at);
        case 3: {
          std::size_t priority = 0;
          if (!word(v, here, kPriorities, priority)) return false;
          event_.priority = static_cast<Priority>(std::min(priority, std::size_t(Priority::Low)));
          return true;
        }
        case 4:
          return boolean(v, here, event_.online_only);
        default:
          has_elements_ = true;
          return items(v, here, kElementsMax, [&](od::value each, const Path& item) { return element(each, item); });
      }
    });
  }

  bool element(od::value value, const Path& at) {
    static constexpr std::array<Member, 3> kMembers = {{{"type", true}, {"text"}, {"desc"}}};
    static constexpr std::array<std::string_view, 10> kTypes = {"text",     "voice", "file",   "image", "video",
                                                                "location", "face",  "merged", "card",  "custom"};
    Element element;
    std::string_view written;
    std::string_view described;
    bool has_text = false;
    const auto visit = [&](std::size_t which, od::value v, const Path& here) {
      if (which == 1) {
        has_text = true;
        return text(v, here, written);
      }
      if (which == 2) return text(v, here, described);
      std::string_view type;
      if (!text(v, here, type)) return false;
      std::size_t i = 0;
      while (i < kTypes.size() && kTypes[i] != type) ++i;
      element.type = static_cast<ElementType>(i);
      static_assert(static_cast<std::size_t>(ElementType::Other) == kTypes.size());
      return true;
    };
    if (!members(value, at, kMembers, visit)) return false;
    if (element.type == ElementType::Text) {
      if (!has_text) return wrong(Path{&at, "text"}, "missing");
      element.text = written;
    } else if (element.type == ElementType::Custom || element.type == ElementType::Other) {
      element.text = described;
    }
    event_.elements.push_back(element);
    return true;
  }

  bool push(od::value value, const Path& at) {
    static constexpr std::array<Member, 9> kMembers = {
        {{"disabled"}, {"title"}, {"desc"}, {"ext"}, {"android"}, {"apns"}, {"subtitle"}, {"image"}, {"loc"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return boolean(v, here, event_.push_disabled);
        case 1:
          return text(v, here, event_.common.title);
        case 2:
          return text(v, here, event_.common.desc);
        case 3:
          return text(v, here, event_.ext);
        case 4:
          return android(v, here);
        case 5:
          return apns(v, here);
        case 6:
          return text(v, here, event_.subtitle);
        case 7:
          return image(v, here);
        default:
          return loc(v, here);
      }
    });
  }

  bool loc(od::value value, const Path& at) {
    static constexpr std::array<Member, 4> kMembers = {{{"title_key"}, {"title_args"}, {"body_key"}, {"body_args"}}};
    const auto visit = [&](std::size_t which, od::value v, const Path& here) {
      if (which == 0) return id(v, here, event_.loc_title_key);
      if (which == 2) return id(v, here, event_.loc_body_key);
      return loc_args(v, here, which == 1 ? event_.loc_title_args : event_.loc_body_args);
    };
    if (!members(value, at, kMembers, visit)) return false;
    if (event_.loc_title_key.empty() && !event_.loc_title_args.empty())
      return wrong(Path{&at, "title_args"}, "without title_key");
    return !event_.loc_body_key.empty() || event_.loc_body_args.empty() ||
           wrong(Path{&at, "body_args"}, "without body_key");
  }

  bool loc_args(od::value value, const Path& at, std::vector<std::string_view>& out) {
    return items(value, at, kLocArgsMax, [&](od::value each, const Path& item) {
      std::string_view& arg = out.emplace_back();
      if (!text(each, item, arg)) return false;
      return arg.size() <= kLocArgMax || wrong(item, "longer than " + std::to_string(kLocArgMax) + " bytes");
    });
  }

  /// Phones load it by themselves, and no vendor takes it without TLS.
  bool image(od::value value, const Path& at) {
    if (!text(value, at, event_.image)) return false;
    if (event_.image.empty()) return true;
    const bool plain = std::ranges::all_of(event_.image, [](char c) { return c > ' ' && c < 0x7f; });
    if (!event_.image.starts_with("https://") || !plain) return wrong(at, "not an https URL");
    return event_.image.size() <= kImageMax || wrong(at, "longer than " + std::to_string(kImageMax) + " bytes");
  }

  bool android(od::value value, const Path& at) {
    static constexpr std::array<Member, 3> kMembers = {{{"title"}, {"desc"}, {"channel"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      if (which == 2) return channels(v, here);
      return text(v, here, which == 0 ? event_.android.title : event_.android.desc);
    });
  }

  /// {"oppo": "tuikit", "xiaomi": "118"}
  bool channels(od::value value, const Path& at) {
    static const std::array<Member, std::size_t(Vendor::Count)> kMembers = [] {
      std::array<Member, std::size_t(Vendor::Count)> all;
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = {name_of(static_cast<Vendor>(i))};
      return all;
    }();
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      std::string_view& channel = event_.android_channels[which];
      if (!text(v, here, channel)) return false;
      if (channel.size() > kIdMax) return wrong(here, "longer than " + std::to_string(kIdMax) + " bytes");
      return !has_control(channel) || wrong(here, "has a control character");
    });
  }

  bool apns(od::value value, const Path& at) {
    static constexpr std::array<Member, 7> kMembers = {
        {{"title"}, {"desc"}, {"sound"}, {"badge"}, {"mutable_content"}, {"category"}, {"interruption_level"}}};
    static constexpr std::array<std::string_view, 2> kBadges = {"ignore", "count"};
    static constexpr std::array<std::string_view, 4> kLevels = {"passive", "active", "time-sensitive", "critical"};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return text(v, here, event_.apns.title);
        case 1:
          return text(v, here, event_.apns.desc);
        case 2:
          return text(v, here, event_.apns_sound);
        case 3: {
          std::size_t badge = 0;
          if (!word(v, here, kBadges, badge)) return false;
          event_.apns_badge = badge == 1;
          return true;
        }
        case 4:
          return boolean(v, here, event_.apns_mutable_content);
        case 5:
          return text(v, here, event_.apns_category);
        default: {
          std::size_t level = 0;
          if (!word(v, here, kLevels, level)) return false;
          event_.apns_level = kLevels[level];
          return true;
        }
      }
    });
  }

  bool receivers(od::value value, const Path& at) {
    static constexpr std::array<Member, 4> kMembers = {{{"user_id", true}, {"unread"}, {"mentioned"}, {"devices"}}};
    const auto one = [&](od::value each, const Path& item) {
      EventReceiver receiver;
      const auto visit = [&](std::size_t which, od::value v, const Path& here) {
        if (which == 0) return id(v, here, receiver.user_id);
        if (which == 2) return boolean(v, here, receiver.mentioned);
        if (which == 3) return due_devices(v, here, receiver);
        std::int64_t unread = 0;
        if (!integer(v, here, 0, std::numeric_limits<std::int32_t>::max(), unread)) return false;
        receiver.unread = static_cast<std::int32_t>(unread);
        return true;
      };
      if (!members(each, item, kMembers, visit)) return false;
      event_.to.push_back(receiver);
      return true;
    };
    if (!items(value, at, receivers_max_, one)) return false;
    if (event_.to.empty()) return wrong(at, "empty");
    drop_repeated();
    return true;
  }

  bool due_devices(od::value value, const Path& at, EventReceiver& receiver) {
    std::vector<std::string_view>& due = event_.due_devices;
    receiver.due_first = static_cast<std::uint32_t>(due.size());
    const auto one = [&](od::value each, const Path& item) {
      std::string_view device;
      if (!id(each, item, device)) return false;
      if (std::find(due.begin() + receiver.due_first, due.end(), device) == due.end()) due.push_back(device);
      return true;
    };
    if (!items(value, at, kDueDevicesMax, one)) return false;
    receiver.due_count = static_cast<std::uint32_t>(due.size()) - receiver.due_first;
    return receiver.due_count > 0 || wrong(at, "empty");
  }

  /// A user named twice would get two outcomes for one device; the first naming counts.
  void drop_repeated() {
    std::vector<EventReceiver>& to = event_.to;
    if (to.size() == 1) return;
    // Open addressing, at most half full; 0 is free, else 1 + the index of a receiver kept.
    std::size_t slots = 4;
    while (slots < 2 * to.size()) slots *= 2;
    seen_.assign(slots, 0);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::size_t slot = std::hash<std::string_view>{}(to[i].user_id) & (slots - 1);
      while (seen_[slot] != 0 && to[seen_[slot] - 1].user_id != to[i].user_id) slot = (slot + 1) & (slots - 1);
      if (seen_[slot] != 0) continue;
      to[kept] = to[i];
      seen_[slot] = static_cast<std::uint32_t>(++kept);
    }
    to.resize(kept);
  }

  OfflineEvent& event_;
  std::size_t receivers_max_;
  std::vector<std::uint32_t>& seen_;
  bool has_elements_ = false;
};

}  // namespace

struct Decoder::Memory {
  od::parser parser;
  std::vector<std::uint32_t> seen;
};

Decoder::Decoder(std::size_t event_bytes_max, std::size_t receivers_max)
    : event_bytes_max_(event_bytes_max), receivers_max_(receivers_max), memory_(std::make_unique<Memory>()) {}
Decoder::~Decoder() = default;

Result<void> Decoder::decode(std::string_view value, OfflineEvent& event) {
  event.reset();
  event.buffer.assign(value);
  if (value.size() > event_bytes_max_)
    return fail(Errc::Malformed, "$: " + std::to_string(value.size()) + " bytes, at most " +
                                     std::to_string(event_bytes_max_) + " are taken");
  EventReader reader(memory_->parser, event, receivers_max_, memory_->seen);
  const bool read = reader.run();
  if (memory_->parser.capacity() > kParserKeptMax) memory_->parser = od::parser();
  if (memory_->seen.capacity() > kSeenKept) std::vector<std::uint32_t>().swap(memory_->seen);
  if (read) return {};
  return fail(Errc::Malformed, std::move(reader.fault));
}

}  // namespace nightpost::dispatch
