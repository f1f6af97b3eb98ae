// A loop and a clock that only the test moves.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/event_loop.h"

namespace nightpost::net {

/// What is posted runs in run(); time passes in pass(), from timer to timer. EventLoops that it gives out stand for it;
/// it outlives them and their timers.
class ManualLoop {
 public:
  MonoTime now{seconds(1'000'000)};

  std::unique_ptr<EventLoop> loop() { return std::make_unique<Loop>(*this); }
  void post(std::move_only_function<void()> work) { posted_.push_back(std::move(work)); }
  /// Until nothing is posted and no timer is due.
  void run() {
    for (;;) {
      while (!posted_.empty()) {
        auto work = std::move(posted_.front());
        posted_.pop_front();
        work();
      }
      const auto due = std::ranges::find_if(timers_, [&](const Timer* timer) { return timer->due <= now; });
      if (due == timers_.end()) return;
      (*due)->due = MonoTime::max();
      (*due)->fire();
    }
  }
  void pass(milliseconds time) {
    const MonoTime end = now + time;
    run();
    while (next() <= end) {
      now = std::max(now, next());
      run();
    }
    now = end;
  }
  /// When the first timer fires; max(): none is armed.
  MonoTime next() const {
    MonoTime first = MonoTime::max();
    for (const Timer* timer : timers_) first = std::min(first, timer->due);
    return first;
  }

 private:
  struct Timer final : LoopTimer {
    Timer(ManualLoop& of, std::function<void()> call) : loop(of), fire(std::move(call)) {
      loop.timers_.push_back(this);
    }
    ~Timer() override { std::erase(loop.timers_, this); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm(MonoTime at) override { due = at; }
    ManualLoop& loop;
    std::function<void()> fire;
    MonoTime due = MonoTime::max();
  };
  struct Loop final : EventLoop {
    explicit Loop(ManualLoop& of) : owner(of) {}
    MonoTime now() const noexcept override { return owner.now; }
    void post(std::move_only_function<void()> work) override { owner.post(std::move(work)); }
    std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) override {
      return std::make_unique<Timer>(owner, std::move(fire));
    }
    ManualLoop& owner;
  };

  std::deque<std::move_only_function<void()>> posted_;
  std::vector<Timer*> timers_;
};

}  // namespace nightpost::net
