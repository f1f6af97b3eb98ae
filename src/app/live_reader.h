// Reads the results topic for those who watch, from its end, on a thread of its own; while nobody does, nothing is
// read.
#pragma once

#include <optional>
#include <string_view>
#include <thread>

#include "admin/live_tail.h"
#include "app/config.h"
#include "core/time.h"

namespace nightpost::app {

/// A record of the topic as a row; nullopt: it is no outcome, or too long. Pure.
std::optional<admin::LiveRow> live_row_of(std::string_view json);

/// Borrows all.
class LiveReader {
 public:
  LiveReader(const Config& config, const Clock& clock, admin::LiveTail& tail);

 private:
  void run(const std::stop_token& stop);
  /// Until nobody watches, or the stop.
  void read(const std::stop_token& stop);

  const Config& config_;
  const Clock& clock_;
  admin::LiveTail& tail_;
  std::jthread thread_;  // last: it ends first
};

}  // namespace nightpost::app
