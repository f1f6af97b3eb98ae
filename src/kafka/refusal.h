// Messages that a topic refuses: why, when they are tried again, and what a dead letter is cut to. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace nightpost::kafka {

/// Names are static.
using Headers = std::vector<std::pair<std::string_view, std::string>>;

enum class Refusal : std::uint8_t {
  TooLarge,      // the request, or the message alone, is above the topic's max.message.bytes
  TopicMissing,  // no such topic
  Forbidden,     // we may not write to it
  Other,
};
std::string_view name_of(Refusal refusal) noexcept;    // "too_large", "topic_missing", "forbidden", "other"
std::string_view remedy_of(Refusal refusal) noexcept;  // what ops can do, one sentence

/// Half of first · 2^(refusals − 1), at most of `max`, plus as much again by chance: never less than half, so that no
/// loop is tight. refusals ≥ 1.
milliseconds refusal_backoff(int refusals, milliseconds first, milliseconds max, std::minstd_rand& rng);

inline constexpr std::size_t kShortenedBytes = 1024;

struct ShortMessage {
  std::string key, value;
  Headers headers;
};
/// A dead letter that fits into any topic: the first KiB of the key, the value and of each header, and `truncated`,
/// `original_bytes` (of the value) and, if the key was cut, `original_key_bytes`. The headers name the record where
/// the whole letter still is.
ShortMessage shortened(std::string_view key, std::string_view value, const Headers& headers);

}  // namespace nightpost::kafka
