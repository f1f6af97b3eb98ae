// Judges the bodies of messages:send, v1/v2 and v3 (Huawei, Push Kit REST API).
#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>
#include <vector>

#include "sandbox/huawei_answer.h"

namespace nightpost::sandbox::huawei {

inline constexpr std::size_t kTokensMax = 1000;

/// What both APIs tell their simulator. The views point into `parser` until it is used again.
struct Message {
  std::vector<std::string_view> tokens;  // in order; none: a topic or condition
  std::string_view bi_tag;
  std::string_view receipt_id;
  bool validate_only = false;
  bool high_priority = false;
  bool test = false;
  std::optional<Refusal> refusal;
};

/// `parser` is scratch memory.
Message read_v1(std::string_view body, simdjson::dom::parser& parser);
/// `push_type` is the header's text.
Message read_v3(std::string_view body, std::string_view push_type, simdjson::dom::parser& parser);

/// The strings of the array `value`, their count within 1…1000, none empty and none twice. Also Honor's rule.
std::optional<Refusal> read_tokens(const simdjson::dom::element& value, std::string_view path,
                                   std::vector<std::string_view>& tokens);
/// Bytes of `body` but for its token array.
std::size_t size_without(const std::vector<std::string_view>& tokens, std::string_view body);

}  // namespace nightpost::sandbox::huawei
