#include "bench/im/book.h"

#include <fmt/format.h>

#include <stdexcept>

namespace nightpost::bench {

void Book::came(std::int64_t number, std::string_view id) {
  const auto refuse = [&](std::string_view what) {
    throw std::runtime_error(
        fmt::format("message {} ({}) {}: {} were sent, {} had come", number, id, what, sent_, arrived_));
  };
  if (number <= arrived_) refuse("is doubled or out of order");
  if (number > sent_) refuse("was never sent");
  if (number != arrived_ + 1) refuse("came before another");
  const std::string_view conv = id.substr(0, id.find('-'));
  if (id != fmt::format("{}-{}", conv, number)) refuse("has another seq");
  if (conv_.empty()) conv_ = conv;
  if (conv != conv_) refuse("is of another conversation");
  arrived_ = number;
}

}  // namespace nightpost::bench
