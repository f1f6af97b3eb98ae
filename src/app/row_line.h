// A device, or a user's settings and mutes, as a line of NDJSON (one JSON object a line) and back. Pure. The lines hold
// device tokens in full.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "store/store.h"

namespace nightpost::app {

// Of a line that is read: a user with some hundred mutes, all letters written as \uXXXX.
inline constexpr std::size_t kRowLineBytesMax = 1 << 20;
inline constexpr std::size_t kMutesPerLine = 500;  // of a line that is written

/// Reads lines strictly: a member that is unknown, missing, there twice, of a wrong type or out of range is refused,
/// with
/// "$.badge_base: expected an integer, found a string" as the error's detail. Lengths are the store's to check. Keeps
/// its parser's memory. Single-threaded.
class RowDecoder {
 public:
  RowDecoder();
  ~RowDecoder();

  /// Required: app_id, user_id, device_id, platform, registered_at.
  Result<store::Store::DeviceRow> device(std::string_view line);
  /// Required: app_id, user_id, and a setting or `mutes`. One setting named: those that are not get their defaults.
  Result<store::Store::UserRow> user(std::string_view line);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

/// Appends the row with its line break. REQUIRED: as a store has it (valid UTF-8).
void append_line(std::string& out, const store::Store::DeviceRow& row);
/// Likewise; a user with more than kMutesPerLine mutes makes several lines.
void append_line(std::string& out, const store::Store::UserRow& row);

}  // namespace nightpost::app
