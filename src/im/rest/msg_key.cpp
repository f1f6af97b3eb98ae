#include "im/rest/msg_key.h"

#include <charconv>
#include <limits>

namespace nightpost::im {
namespace {

constexpr std::int64_t kSecondMax = 253'402'300'799;  // 9999-12-31

template <class Int>
bool read_number(std::string_view& text, Int& out, bool last) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || length == 0 || text.front() == '-') return false;
  if (last) return length == text.size();
  if (length == text.size() || text[length] != '_') return false;
  text.remove_prefix(length + 1);
  return !text.empty();
}

}  // namespace

std::string msg_key(const WireId& id) {
  return std::to_string(id.seq) + "_" + std::to_string(id.random) + "_" + std::to_string(id.second);
}

std::optional<WireId> msg_key_from(std::string_view key) noexcept {
  WireId out;
  if (key.empty() || !read_number(key, out.seq, false) || !read_number(key, out.random, false) ||
      !read_number(key, out.second, true) || out.second > kSecondMax)
    return std::nullopt;
  return out;
}

}  // namespace nightpost::im
