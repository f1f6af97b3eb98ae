// Strict reading of one JSON text with simdjson on demand: typed members with the path of whatever is wrong. For .cpp
// files only, decode.cpp and the app's row_line.cpp, which are compiled with the same instruction set.
#pragma once

#include <simdjson.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "core/time.h"

namespace nightpost::dispatch {

namespace od = simdjson::ondemand;

inline constexpr std::size_t kIdMax = 255;  // bytes of UTF-8, as in the store
// 2000-01-01 and 9999-12-31 in ms: a producer that writes seconds is told so, not called "expired".
inline constexpr std::int64_t kTimeMin = 946'684'800'000;
inline constexpr std::int64_t kTimeMax = 253'402'300'799'999;

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
inline std::string_view token_of(od::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

inline std::string_view kind_of(std::string_view token) {
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

inline std::optional<unsigned> hex4(std::string_view text) {
  const std::string_view digits = text.substr(0, 4);
  unsigned code = 0;
  const auto [end, ec] = std::from_chars(digits.begin(), digits.end(), code, 16);
  if (digits.size() < 4 || ec != std::errc() || end != digits.end()) return std::nullopt;
  return code;
}

/// `raw`, the inside of a JSON string, with every lone surrogate escape made \uFFFD: half an emoji cut off by a
/// producer in UTF-16 must not cost the whole event. Same length, and a quote and padding behind it.
inline std::string without_lone_surrogates(std::string_view raw) {
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

/// A JSON number whose value is an integer, exactly, whatever its form. nullopt: it is not, or it has more than 64
/// bits. REQUIRED: a number by JSON's grammar.
inline std::optional<std::int64_t> whole_number(std::string_view token) {
  const bool negative = token.starts_with('-');
  token.remove_prefix(negative ? 1 : 0);
  const std::size_t e = token.find_first_of("eE");
  int exponent = 0;
  if (e != token.npos) {
    std::string_view digits = token.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, ec] = std::from_chars(digits.begin(), digits.end(), exponent);
    if (ec != std::errc() || end != digits.end()) return std::nullopt;
    token = token.substr(0, e);
  }
  const std::string_view before = token.substr(0, token.find('.'));
  const std::string_view after = before.size() < token.size() ? token.substr(before.size() + 1) : std::string_view();
  std::string digits(before);
  digits += after;
  exponent -= static_cast<int>(after.size());
  for (; exponent < 0 && digits.ends_with('0'); ++exponent) digits.pop_back();
  if (digits.find_first_not_of('0') == digits.npos) return 0;
  constexpr int kDigitsMax = 19;
  if (exponent < 0 || exponent > kDigitsMax) return std::nullopt;
  digits.append(static_cast<std::size_t>(exponent), '0');
  if (negative) digits.insert(0, 1, '-');
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// Every function returns false once `fault` is set; the first fault stays.
class JsonReader {
 public:
  std::string fault;

 protected:
  enum class Unknown : std::uint8_t { Skip, Refuse };  // members that nobody asked for
  /// `out`: room for all text that has to be unescaped, with simdjson's padding behind it.
  JsonReader(od::parser& parser, std::uint8_t* out, Unknown unknown = Unknown::Skip)
      : parser_(parser), out_(out), unknown_(unknown) {}
  ~JsonReader() = default;

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
      if (i == N && unknown_ == Unknown::Refuse) return wrong(Path{&at, key.substr(0, kIdMax)}, "unknown member");
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
    if (!any_id(value, at, out, bytes_max)) return false;
    return !has_control(out) || wrong(at, "has a control character");
  }
  /// Control characters, too.
  bool any_id(od::value value, const Path& at, std::string_view& out, std::size_t bytes_max = kIdMax) {
    if (!text(value, at, out)) return false;
    if (out.empty()) return wrong(at, "empty");
    return out.size() <= bytes_max || wrong(at, "longer than " + std::to_string(bytes_max) + " bytes");
  }

  bool integer(od::value value, const Path& at, std::int64_t min, std::int64_t max, std::int64_t& out) {
    const std::string_view token = token_of(value);
    const char first = token.empty() ? '\0' : token.front();
    if (first != '-' && (first < '0' || first > '9')) return mistyped(at, "an integer", token);
    if (value.get_int64().get(out) != simdjson::SUCCESS) {
      // 1795225887405.0 and 1.795e12 are integers to JSON Schema, and what some producers write.
      double number = 0;  // only to have the form of it checked
      const auto whole = value.get_double().get(number) == simdjson::SUCCESS ? whole_number(token) : std::nullopt;
      if (!whole) return wrong(at, std::string(token.substr(0, 40)) + " is no 64-bit integer");
      out = *whole;
    }
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

  od::parser& parser_;

 private:
  std::uint8_t* out_;  // where the next unescaped text goes
  Unknown unknown_;
};

}  // namespace nightpost::dispatch
