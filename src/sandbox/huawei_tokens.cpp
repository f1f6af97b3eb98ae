#include <unordered_set>

#include "sandbox/huawei_message.h"

namespace nightpost::sandbox::huawei {

std::optional<Refusal> read_tokens(const simdjson::dom::element& value, std::string_view path,
                                   std::vector<std::string_view>& tokens) {
  simdjson::dom::array items;
  if (value.get(items) != simdjson::SUCCESS) return Refusal{kStructure, std::string(path) + ": not an array"};
  tokens.reserve(std::min(items.size(), kTokensMax));
  for (const simdjson::dom::element& item : items) {
    std::string_view token;
    if (item.get(token) != simdjson::SUCCESS) return Refusal{kStructure, std::string(path) + ": not strings"};
    if (tokens.size() == kTokensMax) return Refusal{kTokenCount, std::string(path) + ": more than 1000"};
    tokens.push_back(token);
  }
  if (tokens.empty()) return Refusal{kTokenCount, std::string(path) + ": empty"};
  std::unordered_set<std::string_view> seen(tokens.size() * 2);
  for (const std::string_view token : tokens) {
    if (token.empty()) return Refusal{kParameter, std::string(path) + ": an empty token"};
    if (!seen.insert(token).second) return Refusal{kParameter, std::string(path) + ": one token twice"};
  }
  return std::nullopt;
}

std::size_t size_without(const std::vector<std::string_view>& tokens, std::string_view body) {
  std::size_t size = 0;
  for (const std::string_view token : tokens) size += token.size() + 3;  // quotes and a comma
  return body.size() - std::min(size, body.size());
}

}  // namespace nightpost::sandbox::huawei
