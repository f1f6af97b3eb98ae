// A log line is an event and its fields: one JSON object a line on stderr, through spdlog.
//   log.warn("apns.goaway", {kv("last_stream", id), kv("open", n)});
// error wakes a person, warn is a degraded minute, info a life event, debug one message. Tokens, secrets and bodies
// never appear.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "core/time.h"

namespace nightpost::observe {

enum class Level : std::uint8_t { Debug, Info, Warn, Error, Off };
std::string_view name_of(Level level) noexcept;  // "debug", "info", "warn", "error", "off"
std::optional<Level> level_from(std::string_view name) noexcept;

struct Field {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;
};
inline Field kv(std::string_view key, std::string_view value) { return {key, std::string(value)}; }
inline Field kv(std::string_view key, const std::string& value) { return {key, value}; }
inline Field kv(std::string_view key, const char* value) { return {key, std::string(value)}; }
inline Field kv(std::string_view key, bool value) { return {key, value}; }
inline Field kv(std::string_view key, double value) { return {key, value}; }
template <class Int>
  requires std::is_integral_v<Int>
Field kv(std::string_view key, Int value) {
  return {key, static_cast<std::int64_t>(value)};
}

/// Thread-safe, shared by the process; built in main() and passed down. Equal events are limited to
/// `per_event_per_second_max` lines a second; the next line that passes says how many were dropped, and what was never
/// told so is told by a last "log.dropped" line for each event when the log ends. A line that cannot be written is
/// lost in silence: nowhere is left to say so.
class Log {
 public:
  explicit Log(Level level, std::uint32_t per_event_per_second_max = 10);
  /// Writes to `to` by the time of `clock`; both are borrowed and must outlive it.
  Log(Level level, std::uint32_t per_event_per_second_max, std::ostream& to, const Clock& clock);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  void debug(std::string_view event, std::initializer_list<Field> fields = {});
  void info(std::string_view event, std::initializer_list<Field> fields = {});
  void warn(std::string_view event, std::initializer_list<Field> fields = {});
  void error(std::string_view event, std::initializer_list<Field> fields = {});

 private:
  struct Impl;
  void write(Level level, std::string_view event, std::initializer_list<Field> fields);
  std::unique_ptr<Impl> impl_;
};

/// The JSON object of a line, without the newline: at, level, event, the fields in their order, and `dropped` unless 0.
/// Pure. Text is repaired to valid UTF-8; a double that JSON cannot say is null.
std::string line_of(Level level, std::string_view at, std::string_view event, std::initializer_list<Field> fields,
                    std::uint64_t dropped);
/// "2026-11-21T11:52:00.123Z": RFC 3339, UTC, milliseconds.
std::string rfc3339(WallTime at);

}  // namespace nightpost::observe
