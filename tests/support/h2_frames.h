// HTTP/2 frames written by hand (RFC 9113 §4, §6): what nghttp2 would not let a server say. Header fields go as
// literals that are never indexed (RFC 7541 §6.2.3), so HPACK's tables stay as the other frames of the connection left
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::support {

using Bytes = std::vector<std::uint8_t>;
using Fields = std::vector<std::pair<std::string, std::string>>;

Bytes frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream, std::span<const std::uint8_t> payload);
/// Names and values shorter than 127 bytes each.
Bytes headers_frame(std::int32_t stream, const Fields& fields, bool end_stream);
Bytes data_frame(std::int32_t stream, const std::string& body, bool end_stream);

/// A response that breaks HTTP (RFC 9113 §8), while the frames themselves are good ones: one stream's trouble, not the
/// connection's.
struct BrokenResponse {
  const char* name;
  Bytes (*frames)(std::int32_t stream);
};
std::span<const BrokenResponse> broken_responses();

}  // namespace nightpost::support
