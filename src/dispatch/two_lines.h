// First come, first served, once for events that few receive and once for those that many do: so a push to a large
// group delays no message from one to another by more than its turns. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace nightpost::dispatch {

/// How many an event is for; `bulk_receivers_min` parts them.
enum class Audience : std::uint8_t { Few, Many };

/// Whose turn it is: while both want one, every 1 / `share_of_many`-th is for the many.
class Turns {
 public:
  explicit Turns(double share_of_many) noexcept : share_(share_of_many) {}
  /// REQUIRED: one of them wants a turn.
  Audience next(bool few, bool many) noexcept {
    if (!few || !many) return few ? Audience::Few : Audience::Many;
    credit_ += share_;
    if (credit_ < 1) return Audience::Few;
    credit_ -= 1;
    return Audience::Many;
  }

 private:
  double share_;
  double credit_ = 0;
};

template <class T>
class TwoLines {
 public:
  explicit TwoLines(double share_of_many) : turns_(share_of_many) {}

  void push_back(Audience whose, T value) { line(whose).push_back(std::move(value)); }
  std::deque<T>& line(Audience whose) noexcept { return lines_[static_cast<std::size_t>(whose)]; }
  bool empty() const noexcept { return lines_[0].empty() && lines_[1].empty(); }
  std::size_t size() const noexcept { return lines_[0].size() + lines_[1].size(); }
  /// Whose front is next; each call is a turn. REQUIRED: not empty.
  Audience turn() noexcept { return turns_.next(!lines_[0].empty(), !lines_[1].empty()); }
  /// The next, taken out. REQUIRED: not empty.
  T take() {
    std::deque<T>& from = line(turn());
    T value = std::move(from.front());
    from.pop_front();
    return value;
  }
  template <class Gone>
  void erase_if(Gone gone) {
    for (std::deque<T>& each : lines_) std::erase_if(each, gone);
  }

 private:
  std::array<std::deque<T>, 2> lines_;
  Turns turns_;
};

}  // namespace nightpost::dispatch
