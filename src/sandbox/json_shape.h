// What a JSON body may look like, as tables: the members of an object, their types and ranges. One checker for every
// vendor whose bodies are nested; it builds nothing and allocates only to name a fault.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nightpost::sandbox {

struct Shape;

enum class Is : std::uint8_t {
  Text,        // string; least..most UTF-8 bytes
  Letters,     // string; least..most code points
  Word,        // string out of `words`, or, with least <= most given, their numbers
  Integer,     // least..most
  Number,      // least..most
  Flag,        // true or false
  Duration,    // "<seconds>[.fraction]s"; least..most whole seconds
  Timestamp,   // RFC 3339, "2026-01-01T00:00:00.000Z"
  Color,       // "#rrggbb"
  WebUrl,      // "http…://…"
  SecureUrl,   // "https://…"
  Texts,       // array of strings; least..most of them
  Durations,   // array of durations; at most `most`
  TextMap,     // object whose values are strings
  Object,      // of the shape `inside`
  Objects,     // array of those; at most `most`
  FreeObject,  // any object
  Any,
};

struct Member {
  std::string_view name;
  Is is;
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const Shape* inside = nullptr;
  std::span<const std::string_view> words = {};
};

/// REQUIRED: at most 64 members, sorted by name.
struct Shape {
  std::span<const Member> members;
};

/// How names and values are spelt.
enum class Spelling : std::uint8_t {
  Exact,
  /// Protobuf's JSON: snake_case names also in lowerCamelCase, words in any case, integers also in strings, null is
  /// absent.
  Proto,
};

struct ShapeFault {
  enum class Kind : std::uint8_t { Unknown, Repeated, Type, Value };
  Kind kind;
  std::string path;       // "message.android.ttl"; of the object around it where the name is unknown
  std::string name;       // the last part of it
  std::string_view what;  // "not a duration in range"; static
};

/// The first fault; nullopt: as it should be.
std::optional<ShapeFault> fault_of(const simdjson::dom::element& value, const Shape& shape, Spelling spelling);

/// The member by its table name, in either spelling; an error if there is none or it is null.
simdjson::simdjson_result<simdjson::dom::element> member_of(const simdjson::dom::element& object, std::string_view name,
                                                            Spelling spelling = Spelling::Exact);
/// Likewise; empty if it is no string.
std::string_view text_of(const simdjson::dom::element& object, std::string_view name,
                         Spelling spelling = Spelling::Exact);

/// "3600s" and "3.5s" are 3600 and 3; nullopt: no such thing.
std::optional<std::int64_t> duration_seconds(std::string_view text) noexcept;
bool is_timestamp(std::string_view text) noexcept;
bool is_color(std::string_view text) noexcept;

}  // namespace nightpost::sandbox
