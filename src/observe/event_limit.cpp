#include "observe/event_limit.h"

namespace nightpost::observe {
namespace {

constexpr std::string_view kTheRest = "(other)";

}  // namespace

EventLimit::Window& EventLimit::window_of(std::string_view event, MonoTime now) {
  auto at = windows_.find(event);
  if (at == windows_.end() && windows_.size() >= kEventsMax)
    std::erase_if(windows_,
                  [&](const auto& each) { return each.second.dropped == 0 && now - each.second.opened >= window_; });
  if (at == windows_.end() && windows_.size() >= kEventsMax) at = windows_.find(event = kTheRest);
  if (at == windows_.end()) at = windows_.emplace(event, Window{.opened = now}).first;
  return at->second;
}

EventLimit::Verdict EventLimit::admit(std::string_view event, MonoTime now) {
  Window& window = window_of(event, now);
  if (now - window.opened >= window_) {
    window.opened = now;
    window.passed = 0;
  }
  if (window.passed >= per_window_max_) {
    ++window.dropped;
    return {.passes = false};
  }
  ++window.passed;
  return {.passes = true, .dropped = std::exchange(window.dropped, 0)};
}

std::vector<std::pair<std::string, std::uint64_t>> EventLimit::take_dropped() {
  std::vector<std::pair<std::string, std::uint64_t>> all;
  for (auto& [event, window] : windows_)
    if (window.dropped > 0) all.emplace_back(event, std::exchange(window.dropped, 0));
  return all;
}

}  // namespace nightpost::observe
