// A number with one writer and any reader: a relaxed load and store cost less than a locked add.
#pragma once

#include <atomic>
#include <cstdint>

namespace nightpost {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// One writer's share of a gauge that several on one thread make up; what it held goes with it. The gauge outlives it.
class GaugeShare {
 public:
  explicit GaugeShare(Counter& gauge) noexcept : gauge_(gauge) {}
  ~GaugeShare() { set(0); }
  GaugeShare(const GaugeShare&) = delete;
  GaugeShare& operator=(const GaugeShare&) = delete;
  void set(std::uint64_t n) noexcept {
    gauge_.add(n - share_);  // modulo 2^64, so that less is added too
    share_ = n;
  }

 private:
  Counter& gauge_;
  std::uint64_t share_ = 0;
};

}  // namespace nightpost
