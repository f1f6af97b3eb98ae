#include "bench/im/rest_book.h"

#include <fmt/format.h>

#include <stdexcept>

namespace nightpost::bench {
namespace {

[[noreturn]] void refuse_message(std::size_t number, std::string_view what) {
  throw std::runtime_error(fmt::format("message {} {}", number, what));
}

}  // namespace

void RestBook::answered(std::size_t number, std::string_view key) {
  if (number >= keys_.size()) refuse_message(number, "was answered and never sent");
  if (key.empty()) refuse_message(number, "has no key in its answer");
  if (!keys_[number].empty()) refuse_message(number, "was answered twice");
  keys_[number] = key;
}

void RestBook::in_history(std::size_t pair, std::size_t number, std::string_view key) {
  if (number >= keys_.size()) refuse_message(number, "is in history and was never sent");
  if (pair_of(number) != pair) refuse_message(number, fmt::format("is in the history of conversation {}", pair));
  found_.resize(keys_.size());
  if (found_[number]) refuse_message(number, "is doubled in history");
  if (keys_[number].empty()) refuse_message(number, "is in history and was not answered");
  if (keys_[number] != key) refuse_message(number, fmt::format("was answered {} and is {}", keys_[number], key));
  found_[number] = true;
}

void RestBook::close() const {
  for (std::size_t number = 0; number < keys_.size(); ++number) {
    if (keys_[number].empty()) refuse_message(number, "was not answered");
    if (number >= found_.size() || !found_[number]) refuse_message(number, "was answered and is lost");
  }
}

}  // namespace nightpost::bench
