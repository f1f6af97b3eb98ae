// Which partition of which of the topics that a consumer reads.
#pragma once

#include <array>
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

/// The consumer groups a worker is a member of. The assignor balances the sum of a group's partitions, so in one group
/// a worker might be dealt those of delay topics alone.
enum class Group : std::uint8_t { Fresh, Delays };
inline constexpr std::array kGroups{Group::Fresh, Group::Delays};
constexpr Group group_of(TopicPartition at) noexcept { return at.topic == 0 ? Group::Fresh : Group::Delays; }

}  // namespace nightpost::kafka
