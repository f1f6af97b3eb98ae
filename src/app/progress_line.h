// How a long command goes, on stderr: one line that is written over on a terminal, else a line now and then.
#pragma once

#include <functional>
#include <string>

#include "core/time.h"

namespace nightpost::app {

class ProgressLine {
 public:
  /// Borrows the clock. It begins now.
  explicit ProgressLine(const Clock& clock);

  /// `line` is asked for the text, with the seconds that have passed, if it is time for one.
  void tell(const std::function<std::string(double passed_s)>& line);
  /// Before anything else is written to the terminal.
  void end_line();

 private:
  const Clock& clock_;
  const bool on_terminal_;
  const MonoTime began_;
  MonoTime said_;
  bool line_is_open_ = false;
};

}  // namespace nightpost::app
