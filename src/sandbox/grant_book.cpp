#include "sandbox/grant_book.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

#include "core/text.h"

namespace nightpost::sandbox {

std::string GrantBook::issue(std::string_view shape, Grant grant) {
  std::array<unsigned char, 48> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) throw std::runtime_error("no random bytes");
  std::string token(shape);
  token += base64url({reinterpret_cast<const char*>(random.data()), random.size()});
  grants_.emplace(token, std::move(grant));
  order_.push_back(token);
  if (order_.size() > kGrantsMax) {
    grants_.erase(order_.front());
    order_.pop_front();
  }
  return token;
}

const GrantBook::Grant* GrantBook::find(std::string_view token) const {
  const auto found = grants_.find(token);
  return found == grants_.end() ? nullptr : &found->second;
}

void GrantBook::clear() {
  grants_.clear();
  order_.clear();
}

std::string_view bearer_token(std::string_view authorization) noexcept {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(authorization[i])) != kScheme[i]) return {};
  authorization.remove_prefix(kScheme.size());
  const bool good = std::ranges::all_of(authorization, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("-._~+/=").contains(static_cast<char>(c));
  });
  return good ? authorization : std::string_view();
}

}  // namespace nightpost::sandbox
