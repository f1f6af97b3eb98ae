#include "dispatch/decode.h"

#include <simdjson.h>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace nightpost::dispatch {
namespace {

namespace od = simdjson::ondemand;

constexpr std::size_t kEventIdMax = 128;
constexpr std::size_t kIdMax = 256;
constexpr std::size_t kElementsMax = 1000;
// 2000-01-01 and 9999-12-31 in ms: a producer that writes seconds is told so, not called "expired".
constexpr std::int64_t kTimeMin = 946'684'800'000;
constexpr std::int64_t kTimeMax = 253'402'300'799'999;

/// Where we are, kept on the stack and spelled out only for a fault.
struct Path {
  const Path* up = nullptr;
  std::string_view name;
  std::size_t index = 0;

  std::string text() const {
    if (up == nullptr) return "$";
    return name.empty() ? up->text() + "[" + std::to_string(index) + "]" : up->text() + "." + std::string(name);
  }
};

struct Member {
  std::string_view name;
  bool required = false;
};

/// The token without the white space up to the next one.
std::string_view token_of(od::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

std::string_view kind_of(std::string_view token) {
  switch (token.empty() ? '\0' : token.front()) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

std::optional<unsigned> hex4(std::string_view text) {
  const std::string_view digits = text.substr(0, 4);
  unsigned code = 0;
  const auto [end, ec] = std::from_chars(digits.begin(), digits.end(), code, 16);
  if (digits.size() < 4 || ec != std::errc() || end != digits.end()) return std::nullopt;
  return code;
}

/// `raw`, the inside of a JSON string, with every lone surrogate escape made \uFFFD: half an emoji cut off by a
/// producer in UTF-16 must not cost the whole event. Same length, and a quote and padding behind it.
std::string without_lone_surrogates(std::string_view raw) {
  std::string out(raw);
  for (std::size_t at = 0; at + 1 < out.size(); ++at) {
    if (out[at] != '\\') continue;
    if (out[++at] != 'u') continue;
    const auto escape = [&](std::size_t i) { return hex4(std::string_view(out).substr(std::min(i, out.size()))); };
    const std::optional<unsigned> code = escape(at + 1);
    if (!code || *code < 0xd800 || *code > 0xdfff) continue;
    const bool paired = *code < 0xdc00 && out.compare(at + 5, 2, "\\u") == 0 && [&] {
      const std::optional<unsigned> low = escape(at + 7);
      return low && *low >= 0xdc00 && *low <= 0xdfff;
    }();
    if (paired)
      at += 10;
    else
      out.replace(at + 1, 4, "FFFD");
  }
  out += '"';
  out.append(simdjson::SIMDJSON_PADDING, '\0');
  return out;
}

/// One event being read. Every function returns false once `fault` is set.
class Reader {
 public:
  Reader(od::parser& parser, OfflineEvent& event, std::size_t receivers_max, std::vector<std::uint32_t>& seen)
      : parser_(parser), event_(event), receivers_max_(receivers_max), seen_(seen), out_(event.buffer.text_begin()) {}

  bool run() {
    const std::string_view bytes = event_.buffer.bytes();
    od::document document;
    const auto padded = simdjson::padded_string_view(bytes.data(), bytes.size(), event_.buffer.padded_size());
    if (const auto error = parser_.iterate(padded).get(document)) return broken(error);
    od::value root;
    if (const auto error = document.get_value().get(root))
      return error == simdjson::SCALAR_DOCUMENT_AS_VALUE ? wrong(Path(), "expected an object") : broken(error);
    if (!event(root, Path())) return false;
    // Anything left behind the closing brace is not part of one JSON text.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return wrong(Path(), "text after the event");
    return true;
  }

  std::string fault;

 private:
  bool wrong(const Path& at, std::string_view what) {
    if (fault.empty()) fault = at.text() + ": " + std::string(what);
    return false;
  }
  bool broken(simdjson::error_code error) {
    switch (error) {
      case simdjson::EMPTY:
        return wrong(Path(), "empty");
      case simdjson::UTF8_ERROR:
        return wrong(Path(), "not UTF-8");
      case simdjson::UNCLOSED_STRING:
      case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
        return wrong(Path(), "not JSON: it ends in the middle");
      default:
        return wrong(Path(), std::string("not JSON: ") + simdjson::error_message(error));
    }
  }
  bool broken(const Path& at, simdjson::error_code error) {
    if (error == simdjson::INCOMPLETE_ARRAY_OR_OBJECT) return broken(error);
    return wrong(at, std::string("not JSON: ") + simdjson::error_message(error));
  }
  bool mistyped(const Path& at, std::string_view wanted, std::string_view token) {
    return wrong(at, "expected " + std::string(wanted) + ", found " + std::string(kind_of(token)));
  }

  /// A key as its escaped text, unless it has escapes.
  bool key_of(od::field& field, const Path& at, std::string_view& key) {
    const char* const first = field.key().raw();
    const char* last = first;
    while (*last != '"' && *last != '\\') ++last;  // stage 1 saw the closing quote
    key = {first, static_cast<std::size_t>(last - first)};
    if (*last == '"') return true;
    const auto error = parser_.unescape(field.key(), out_).get(key);
    return error == simdjson::SUCCESS || wrong(at, "a key with a bad escape");
  }

  /// Visits each known member once. Null stands for "not set" wherever a member may be missing.
  template <std::size_t N, class Visit>
  bool members(od::value value, const Path& at, const std::array<Member, N>& known, Visit visit) {
    const std::string_view token = token_of(value);
    if (!token.starts_with('{')) return mistyped(at, "an object", token);
    od::object object;
    if (const auto error = value.get_object().get(object)) return broken(at, error);
    std::uint32_t seen = 0;
    static_assert(N <= 32);
    for (auto item : object) {
      od::field field;
      if (const auto error = std::move(item).get(field)) return broken(at, error);
      std::string_view key;
      if (!key_of(field, at, key)) return false;
      std::size_t i = 0;
      while (i < N && known[i].name != key) ++i;
      if (i == N) continue;
      const Path here{&at, known[i].name};
      if ((seen & 1U << i) != 0) return wrong(here, "there twice");
      seen |= 1U << i;
      if (!known[i].required && token_of(field.value()) == "null") continue;
      if (!visit(i, field.value(), here)) return false;
    }
    for (std::size_t i = 0; i < N; ++i)
      if (known[i].required && (seen & 1U << i) == 0) return wrong(Path{&at, known[i].name}, "missing");
    return true;
  }

  template <class Visit>
  bool items(od::value value, const Path& at, std::size_t count_max, Visit visit) {
    const std::string_view token = token_of(value);
    if (!token.starts_with('[')) return mistyped(at, "an array", token);
    od::array array;
    if (const auto error = value.get_array().get(array)) return broken(at, error);
    std::size_t index = 0;
    for (auto item : array) {
      od::value each;
      if (const auto error = std::move(item).get(each)) return broken(at, error);
      if (index == count_max) return wrong(at, "more than " + std::to_string(count_max));
      const Path here{&at, {}, index++};
      if (!visit(each, here)) return false;
    }
    return true;
  }

  bool text(od::value value, const Path& at, std::string_view& out) {
    const std::string_view token = token_of(value);
    if (!token.starts_with('"')) return mistyped(at, "a string", token);
    if (token.size() < 2 || !token.ends_with('"')) return wrong(at, "not JSON");
    const std::string_view raw = token.substr(1, token.size() - 2);
    if (std::memchr(raw.data(), '\\', raw.size()) == nullptr) {
      out = raw;
      return true;
    }
    const auto unescape = [&](const char* from) {
      return parser_.unescape(od::raw_json_string(reinterpret_cast<const std::uint8_t*>(from)), out_).get(out);
    };
    const bool surrogates = raw.find("\\ud") != raw.npos || raw.find("\\uD") != raw.npos;
    const auto error = surrogates ? unescape(without_lone_surrogates(raw).data()) : unescape(raw.data());
    return error == simdjson::SUCCESS || wrong(at, "a bad escape");
  }

  bool id(od::value value, const Path& at, std::string_view& out, std::size_t bytes_max = kIdMax) {
    if (!text(value, at, out)) return false;
    if (out.empty()) return wrong(at, "empty");
    if (out.size() > bytes_max) return wrong(at, "longer than " + std::to_string(bytes_max) + " bytes");
    return !has_control(out) || wrong(at, "has a control character");
  }

  bool integer(od::value value, const Path& at, std::int64_t min, std::int64_t max, std::int64_t& out) {
    const std::string_view token = token_of(value);
    const char first = token.empty() ? '\0' : token.front();
    if (first != '-' && (first < '0' || first > '9')) return mistyped(at, "an integer", token);
    if (value.get_int64().get(out) != simdjson::SUCCESS)
      return wrong(at, std::string(token.substr(0, 40)) + " is no 64-bit integer");
    if (out < min || out > max)
      return wrong(at, std::to_string(out) + " is not in [" + std::to_string(min) + ", " + std::to_string(max) + "]");
    return true;
  }

  bool time(od::value value, const Path& at, WallTime& out) {
    std::int64_t ms = 0;
    if (!integer(value, at, std::numeric_limits<std::int64_t>::min(), kTimeMax, ms)) return false;
    if (ms < kTimeMin) return wrong(at, std::to_string(ms) + " is before 2000: milliseconds are expected");
    out = wall_from_ms(ms);
    return true;
  }

  bool boolean(od::value value, const Path& at, bool& out) {
    const std::string_view token = token_of(value);
    if (token != "true" && token != "false") return mistyped(at, "a boolean", token);
    out = token == "true";
    return true;
  }

  /// The index of the word in `words`.
  bool word(od::value value, const Path& at, std::span<const std::string_view> words, std::size_t& out) {
    std::string_view found;
    if (!text(value, at, found)) return false;
    for (out = 0; out < words.size(); ++out)
      if (words[out] == found) return true;
    std::string list;
    for (const std::string_view each : words) list += (list.empty() ? "" : ", ") + std::string(each);
    return wrong(at, "none of " + list);
  }

  bool event(od::value value, const Path& at) {
    static constexpr std::array<Member, 10> kMembers = {{{"event_id", true},
                                                         {"app_id", true},
                                                         {"occurred_at", true},
                                                         {"expires_at", true},
                                                         {"kind", true},
                                                         {"from"},
                                                         {"group"},
                                                         {"message", true},
                                                         {"push"},
                                                         {"to", true}}};
    static constexpr std::array<std::string_view, 3> kKinds = {"c2c", "group", "system"};
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
        default:
          return receivers(v, here);
      }
    };
    if (!members(value, at, kMembers, visit)) return false;
    if (event_.kind != EventKind::System && event_.from_user.empty()) return wrong(Path{&at, "from"}, "missing");
    if (event_.kind == EventKind::Group && event_.group_id.empty()) return wrong(Path{&at, "group"}, "missing");
    if (event_.message_sent_at == WallTime{}) event_.message_sent_at = event_.occurred_at;
    return true;
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
        {{"id", true}, {"seq"}, {"sent_at"}, {"priority"}, {"online_only"}, {"elements", true}}};
    static constexpr std::array<std::string_view, 3> kPriorities = {"high", "normal", "low"};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return id(v, here, event_.message_id);
        case 1:
          return integer(v, here, 0, std::numeric_limits<std::int64_t>::max(), event_.message_seq);
        case 2:
          return time(v, here, event_.message_sent_at);
        case 3: {
          std::size_t priority = 0;
          if (!word(v, here, kPriorities, priority)) return false;
          event_.priority = static_cast<Priority>(priority);
          return true;
        }
        case 4:
          return boolean(v, here, event_.online_only);
        default:
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
    static constexpr std::array<Member, 6> kMembers = {
        {{"disabled"}, {"title"}, {"desc"}, {"ext"}, {"android"}, {"apns"}}};
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
        default:
          return apns(v, here);
      }
    });
  }

  bool android(od::value value, const Path& at) {
    static constexpr std::array<Member, 2> kMembers = {{{"title"}, {"desc"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      return text(v, here, which == 0 ? event_.android.title : event_.android.desc);
    });
  }

  bool apns(od::value value, const Path& at) {
    static constexpr std::array<Member, 5> kMembers = {
        {{"title"}, {"desc"}, {"sound"}, {"badge"}, {"mutable_content"}}};
    static constexpr std::array<std::string_view, 2> kBadges = {"ignore", "count"};
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
        default:
          return boolean(v, here, event_.apns_mutable_content);
      }
    });
  }

  bool receivers(od::value value, const Path& at) {
    static constexpr std::array<Member, 3> kMembers = {{{"user_id", true}, {"unread"}, {"mentioned"}}};
    const auto one = [&](od::value each, const Path& item) {
      EventReceiver receiver;
      const auto visit = [&](std::size_t which, od::value v, const Path& here) {
        if (which == 0) return id(v, here, receiver.user_id);
        if (which == 2) return boolean(v, here, receiver.mentioned);
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

  od::parser& parser_;
  OfflineEvent& event_;
  std::size_t receivers_max_;
  std::vector<std::uint32_t>& seen_;
  std::uint8_t* out_;  // where the next unescaped text goes
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
  Reader reader(memory_->parser, event, receivers_max_, memory_->seen);
  if (reader.run()) return {};
  return fail(Errc::Malformed, std::move(reader.fault));
}

}  // namespace nightpost::dispatch
