// Bytes to an OfflineEvent, strictly: a known member that is missing, of a wrong type, out of range or there twice is
// refused with its JSON path; an unknown member is skipped without being looked at.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/result.h"
#include "dispatch/event.h"

namespace nightpost::dispatch {

/// Holds the parser's memory, grown to the largest ordinary event seen. Single-threaded.
class Decoder {
 public:
  /// Larger events, or ones for more receivers, are refused. Both come from Options.
  Decoder(std::size_t event_bytes_max, std::size_t receivers_max);
  ~Decoder();

  /// Overwrites `event`, copying `value` into its buffer. Malformed, with "$.to[3].user_id: missing" as its detail;
  /// then `event` holds the bytes and, if it was read by then, the event id, nothing else to rely on.
  /// A user who stands twice in `to` is taken once, the first time. Lone surrogates in escapes become U+FFFD.
  Result<void> decode(std::string_view value, OfflineEvent& event);

 private:
  struct Memory;
  std::size_t event_bytes_max_;
  std::size_t receivers_max_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace nightpost::dispatch
