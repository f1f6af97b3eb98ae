// The real EventLoop: Boost.Asio's io_context and the steady clock.
#pragma once

#include <boost/asio/io_context.hpp>

#include "core/event_loop.h"

namespace nightpost::net {

/// The clock that Asio's timers go by.
inline MonoTime clock_now() noexcept { return std::chrono::steady_clock::now(); }

/// A view of the context, which outlives it. post(): any thread.
class AsioLoop final : public EventLoop {
 public:
  explicit AsioLoop(boost::asio::io_context& context) : context_(context) {}
  MonoTime now() const noexcept override { return clock_now(); }
  void post(std::move_only_function<void()> work) override;
  std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) override;

 private:
  boost::asio::io_context& context_;
};

}  // namespace nightpost::net
