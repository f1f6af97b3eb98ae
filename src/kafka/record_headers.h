// What the headers of a record say to us. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nightpost::kafka {

/// Where the first record of an event stood: what was deferred, or is replayed, carries it on.
struct Origin {
  std::string_view topic;  // empty: the record is the first
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// Views into the headers.
class RecordHeaders {
 public:
  /// One header; of a name that comes twice the last one counts. Others are passed over.
  void take(std::string_view name, std::string_view value) noexcept;

  std::string_view traceparent() const noexcept { return traceparent_; }
  std::string_view remainder() const noexcept { return remainder_; }
  std::string_view due_at() const noexcept { return due_at_; }
  /// Of source_topic, source_partition and source_offset. None, unless all three are there and well-formed.
  Origin origin() const noexcept;

 private:
  std::string_view traceparent_, remainder_, due_at_, source_topic_, source_partition_, source_offset_;
};

}  // namespace nightpost::kafka
