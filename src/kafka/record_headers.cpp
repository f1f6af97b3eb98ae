#include "kafka/record_headers.h"

#include <charconv>
#include <optional>

namespace nightpost::kafka {
namespace {

constexpr std::size_t kTopicBytesMax = 249;  // Kafka's limit

template <class Number>
std::optional<Number> decimal(std::string_view text) noexcept {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

void RecordHeaders::take(std::string_view name, std::string_view value) noexcept {
  if (name == "traceparent")
    traceparent_ = value;
  else if (name == "remainder")
    remainder_ = value;
  else if (name == "due_at")
    due_at_ = value;
  else if (name == "source_topic")
    source_topic_ = value;
  else if (name == "source_partition")
    source_partition_ = value;
  else if (name == "source_offset")
    source_offset_ = value;
}

Origin RecordHeaders::origin() const noexcept {
  if (source_topic_.empty() || source_topic_.size() > kTopicBytesMax) return {};
  const auto partition = decimal<std::int32_t>(source_partition_);
  const auto offset = decimal<std::int64_t>(source_offset_);
  if (!partition || !offset) return {};
  return {source_topic_, *partition, *offset};
}

}  // namespace nightpost::kafka
