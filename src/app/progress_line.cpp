#include "app/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace nightpost::app {

ProgressLine::ProgressLine(const Clock& clock)
    : clock_(clock), on_terminal_(::isatty(STDERR_FILENO) == 1), began_(clock.mono()), said_(began_) {}

void ProgressLine::tell(const std::function<std::string(double)>& line) {
  const MonoTime now = clock_.mono();
  if (now - said_ < (on_terminal_ ? milliseconds(250) : milliseconds(2'000))) return;
  said_ = now;
  fmt::print(stderr, "{}{}{}", on_terminal_ ? "\r" : "", line(std::chrono::duration<double>(now - began_).count()),
             on_terminal_ ? "  " : "\n");
  std::fflush(stderr);
  line_is_open_ = on_terminal_;
}

void ProgressLine::end_line() {
  if (line_is_open_) fmt::print(stderr, "\n");
  line_is_open_ = false;
}

}  // namespace nightpost::app
