// What every lane does the same way: answers are collected while the loop works and go out in one batch at the end of
// its turn, and one timer stands for whatever is due next. The loop's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/event_loop.h"
#include "core/time.h"
#include "net/lane.h"
#include "net/peak_watch.h"

namespace nightpost::net {

class LaneTurns : public std::enable_shared_from_this<LaneTurns> {
 public:
  LaneTurns(const LaneTurns&) = delete;
  LaneTurns& operator=(const LaneTurns&) = delete;
  /// Answers are being given out: what a handler asks for now is begun when they all are.
  bool delivering() const noexcept { return delivering_; }
  /// As soon as the loop comes to it: a turn that only gives out answers and pumps.
  void post_turn();
  EventLoop& loop() noexcept { return *loop_; }

 protected:
  explicit LaneTurns(std::unique_ptr<EventLoop> loop);
  virtual ~LaneTurns() = default;

  /// Begins what may begin, writes it, and calls wake_at() for what is due next. Never inside a handler.
  virtual void pump() = 0;
  /// A time given to wake_at() has come.
  virtual void on_time(MonoTime now) = 0;

  /// The answer goes out at the end of the turn.
  void collect_answer(LaneHandler& handler, std::uint64_t tag, LaneReply reply) {
    answers_.push_back({&handler, tag, std::move(reply)});
  }
  bool has_answers() const noexcept { return !answers_.empty(); }
  /// Gives the memory for answers back if it outgrew `peak` of them.
  void trim_answers(std::size_t peak) { trim(answers_, peak); }
  std::size_t answers_kept_bytes() const noexcept { return bytes_of(answers_); }
  /// Every entry from the loop ends here: answers out in a batch, then what they caused begins at once.
  void end_turn();
  void wake_at(MonoTime due);
  /// No handler is called and nothing pumped from now on.
  void end_turns();

 private:
  void deliver();
  void on_timer();

  const std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<LoopTimer> timer_;  // null once ended
  std::vector<LaneAnswer> answers_;
  MonoTime timer_due_ = MonoTime::max();
  bool delivering_ = false;
  bool turn_posted_ = false;
  bool ended_ = false;
};

}  // namespace nightpost::net
