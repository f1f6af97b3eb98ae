// A loop whose clock moves only from one thing that is due to the next: what stands on EventLoop runs on it without
// waiting.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/event_loop.h"

namespace nightpost::support {

class ManualLoop {
 public:
  MonoTime now() const noexcept { return now_; }
  void at(MonoTime due, std::move_only_function<void()> what) { enter(due, std::move(what)); }
  void after(milliseconds delay, std::move_only_function<void()> what) { at(now_ + delay, std::move(what)); }
  /// Moves to what is due next and runs it. False: nothing is due by `until`, where the clock then stands.
  bool step(MonoTime until) {
    if (next() > until) {
      now_ = std::max(now_, until);
      return false;
    }
    auto first = agenda_.extract(agenda_.begin());
    now_ = first.key().first;
    first.mapped()();
    return true;
  }
  /// All that is due by then.
  void pass(milliseconds time) {
    for (const MonoTime until = now_ + time; step(until);) {
    }
  }
  /// When the next thing is due; max(): nothing is.
  MonoTime next() const noexcept { return agenda_.empty() ? MonoTime::max() : agenda_.begin()->first.first; }
  /// What a lane or a shard is given: a view of this loop, which outlives it. What was posted to it goes with it.
  std::unique_ptr<EventLoop> port() { return std::make_unique<Port>(*this); }

 private:
  using Key = std::pair<MonoTime, std::uint64_t>;
  Key enter(MonoTime due, std::move_only_function<void()> what) {
    return agenda_.emplace(Key(std::max(due, now_), order_++), std::move(what)).first->first;
  }

  class Timer final : public LoopTimer {
   public:
    Timer(ManualLoop& loop, std::function<void()> fire)
        : loop_(loop), armed_(std::make_shared<Armed>(Armed{std::move(fire), {}})) {}
    ~Timer() override { disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm(MonoTime due) override {
      disarm();
      armed_->key = loop_.enter(due, [armed = armed_] {
        armed->key.reset();
        armed->fire();
      });
    }

   private:
    struct Armed {
      std::function<void()> fire;
      std::optional<Key> key;
    };
    void disarm() {
      if (const auto key = std::exchange(armed_->key, std::nullopt)) loop_.agenda_.erase(*key);
    }
    ManualLoop& loop_;
    const std::shared_ptr<Armed> armed_;  // shared with the call of `fire`, in which its owner may destroy the timer
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
  std::map<Key, std::move_only_function<void()>> agenda_;
};

}  // namespace nightpost::support
