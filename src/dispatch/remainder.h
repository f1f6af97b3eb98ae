// The remainder of an event: the devices that are not finished, with their progress. It stands in the header
// `remainder` of records in the delay topics and the dead topic, beside the event's own bytes:
// config/schemas/remainder.schema.json. Pure; nobody else reads or writes it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::dispatch {

/// In bytes; a longer one is refused. Below the largest record that a worker writes.
inline constexpr std::size_t kRemainderBytesMax = std::size_t{8} << 20;
/// Of a vendor's word for a failure: what is over is cut when it is written.
inline constexpr std::size_t kCodeBytesMax = 64;

/// How far one device has come. Times that are WallTime{} are not known.
struct DeviceLeft {
  std::string device_id;
  int sent = 0;            // requests of which something went out
  int unheard = 0;         // of those: unanswered, and maybe processed
  int hops = 0;            // times it was put off
  WallTime tried_since{};  // when its vendor was first asked
  WallTime not_before{};   // nothing is sent to it earlier
  // Of the last time it was put off, or why it was given up; empty: not known.
  std::string rule, vendor, code;
  bool operator==(const DeviceLeft&) const = default;
};

struct ReceiverLeft {
  std::string user_id;
  std::vector<DeviceLeft> devices;  // empty: all devices; they were not looked at
  bool operator==(const ReceiverLeft&) const = default;
};

struct Remainder {
  WallTime first_at{};    // when the event was first accepted; WallTime{}: now
  int hops = 0;           // delay topics passed
  WallTime not_before{};  // nothing of it is sent earlier
  std::vector<ReceiverLeft> left;
  bool operator==(const Remainder&) const = default;
};

/// Strict: a known member that is missing, of a wrong type or out of range, and a user or device named twice, is
/// Malformed, with its path as detail ("$.left[0].user_id: missing"). Unknown members are skipped.
Result<Remainder> read_remainder(std::string_view json);

/// One line that read_remainder() takes. Members that say nothing are left out; text that is not UTF-8 is repaired.
/// REQUIRED: `left` is not empty.
std::string to_json(const Remainder& remainder);

}  // namespace nightpost::dispatch
