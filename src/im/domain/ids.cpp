#include "im/domain/ids.h"

#include <charconv>

namespace nightpost::im {
namespace {

/// A positive number, in digits alone and without leading zeros.
std::optional<std::int64_t> number_from(std::string_view text) noexcept {
  std::int64_t value = 0;
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string text_of(MessageId id) { return std::to_string(id.conv.value) + "-" + std::to_string(id.seq.value); }

std::optional<MessageId> message_id_from(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto conv = number_from(text.substr(0, dash));
  const auto seq = number_from(text.substr(dash + 1));
  if (!conv || !seq) return std::nullopt;
  return MessageId{ConvId{*conv}, Seq{*seq}};
}

}  // namespace nightpost::im
