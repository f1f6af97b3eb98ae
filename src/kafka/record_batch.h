// A batch that owns copies of its records' bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "kafka/consumer.h"

namespace nightpost::kafka {

/// Copies rather than librdkafka's messages: a shard then frees memory of its own only, at any time, even after the
/// client is gone; the fetch buffer behind a slow record is not kept whole; and the byte limit counts what is held.
class RecordBatch final : public Batch {
 public:
  std::span<const SourceRecord> records() const noexcept override { return records_; }
  void erase_if(std::size_t first, const std::function<bool(const SourceRecord&)>& which) override {
    const auto from = records_.begin() + static_cast<std::ptrdiff_t>(first);
    records_.erase(std::remove_if(from, records_.end(), which), records_.end());
  }

  void add(PendingRecord* pending, Stay stay, std::int64_t offset, std::string_view key, std::string_view value,
           std::string_view traceparent, std::string_view remainder, WallTime written_at) {
    records_.push_back({pending, copy(key), copy(value), copy(traceparent), copy(remainder), stay, offset, written_at});
  }

 private:
  static constexpr std::size_t kFirstChunk = std::size_t{16} * 1024;

  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {};
    char* const to = static_cast<char*>(arena_.allocate(bytes.size(), 1));
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  std::pmr::monotonic_buffer_resource arena_{kFirstChunk};
  std::vector<SourceRecord> records_;
};

}  // namespace nightpost::kafka
