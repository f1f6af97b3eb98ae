// Which partition of which of the topics that a consumer reads.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace nightpost::kafka {

/// The topic of fresh events and the delay topics.
inline constexpr std::size_t kSourceTopicsMax = 5;

struct TopicPartition {
  std::uint32_t topic = 0;  // as ConsumerOptions lists them; 0: fresh events
  std::int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace nightpost::kafka
