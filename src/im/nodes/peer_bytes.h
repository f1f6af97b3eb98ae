// Values to bytes and back, for peer_message.h: numbers in base 128 with the low bits first, texts with their length
// before them. One list of members serves both ways: out(value) appends, in(value) reads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "core/text.h"

namespace nightpost::im {

class BytesOut {
 public:
  explicit BytesOut(std::string& out) : out_(out) {}
  static constexpr bool kReads = false;

  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  void number(std::uint64_t value) {
    for (; value >= 128; value >>= 7) byte(static_cast<std::uint8_t>(value | 128));
    byte(static_cast<std::uint8_t>(value));
  }
  void fixed(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) byte(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }

 private:
  std::string& out_;
};

/// Bytes from outside. After the first that does not fit, it fails and reads zeros and empty texts.
class BytesIn {
 public:
  explicit BytesIn(std::string_view bytes) : left_(bytes) {}
  static constexpr bool kReads = true;

  bool failed() const noexcept { return failed_; }
  std::size_t left() const noexcept { return left_.size(); }
  void refuse() noexcept {
    failed_ = true;
    left_ = {};
  }

  std::uint8_t byte() {
    if (left_.empty()) return refuse(), 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  /// In its shortest form alone.
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      if (failed_) return 0;
      if (shift == 63 && part > 1) break;
      value |= static_cast<std::uint64_t>(part & 127) << shift;
      if (part < 128) {
        if (part == 0 && shift > 0) break;
        return value;
      }
    }
    return refuse(), 0;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(byte()) << (8 * i);
    return value;
  }
  /// How many follow, each of one byte at least.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > left_.size()) return refuse(), 0;
    return static_cast<std::size_t>(value);
  }
  /// UTF-8 alone: what goes on to clients is JSON.
  std::string text() {
    const std::size_t size = count();
    std::string value(left_.substr(0, size));
    left_.remove_prefix(size);
    if (!is_valid_utf8(value)) return refuse(), std::string();
    return value;
  }

 private:
  std::string_view left_;
  bool failed_ = false;
};

// Small numbers of either sign stay short.
constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace nightpost::im
