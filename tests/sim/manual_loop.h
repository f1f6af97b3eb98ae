// A loop whose clock moves only from one thing that is due to the next: what stands on EventLoop runs on it without
// waiting.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "core/event_loop.h"

namespace nightpost::sim {

class ManualLoop {
 public:
  MonoTime now() const noexcept { return now_; }
  void at(MonoTime due, std::move_only_function<void()> what) {
    agenda_.emplace(std::pair(std::max(due, now_), order_++), std::move(what));
  }
  void after(milliseconds delay, std::move_only_function<void()> what) { at(now_ + delay, std::move(what)); }
  /// Moves to what is due next and runs it. False: nothing is due by `until`, where the clock then stands.
  bool step(MonoTime until) {
    if (agenda_.empty() || agenda_.begin()->first.first > until) {
      now_ = std::max(now_, until);
      return false;
    }
    auto first = agenda_.extract(agenda_.begin());
    now_ = first.key().first;
    first.mapped()();
    return true;
  }
  /// What a lane or a shard is given: a view of this loop, which outlives it. What was posted to it goes with it.
  std::unique_ptr<EventLoop> port() { return std::make_unique<Port>(*this); }

 private:
  class Timer final : public LoopTimer {
   public:
    Timer(ManualLoop& loop, std::function<void()> fire)
        : loop_(loop), armed_(std::make_shared<Armed>(Armed{std::move(fire)})) {}
    void arm(MonoTime due) override {
      loop_.at(due, [weak = std::weak_ptr(armed_), turn = ++armed_->turn] {
        const auto armed = weak.lock();
        if (armed && armed->turn == turn) armed->fire();
      });
    }

   private:
    struct Armed {
      std::function<void()> fire;
      std::uint64_t turn = 0;  // of the last arm(): earlier ones are void
    };
    ManualLoop& loop_;
    std::shared_ptr<Armed> armed_;  // shared with the call of `fire`, in which its owner may destroy the timer
  };
  class Port final : public EventLoop {
   public:
    explicit Port(ManualLoop& loop) : loop_(loop) {}
    MonoTime now() const noexcept override { return loop_.now(); }
    void post(std::move_only_function<void()> work) override {
      loop_.at(loop_.now(), [life = std::weak_ptr(life_), work = std::move(work)]() mutable {
        if (!life.expired()) work();
      });
    }
    std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) override {
      return std::make_unique<Timer>(loop_, std::move(fire));
    }

   private:
    ManualLoop& loop_;
    const std::shared_ptr<bool> life_ = std::make_shared<bool>();
  };

  MonoTime now_ = MonoTime(std::chrono::hours(1));
  std::uint64_t order_ = 0;
  std::map<std::pair<MonoTime, std::uint64_t>, std::move_only_function<void()>> agenda_;
};

}  // namespace nightpost::sim
