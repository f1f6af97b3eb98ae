// What chance says. A seed fixes the numbers, not the story: how fast servers answer decides what they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace nightpost::e2e::checker {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::mt19937_64& source() { return random_; }
  template <class Some>
  auto& one_of(Some& some) {
    return some[below(some.size())];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace nightpost::e2e::checker
