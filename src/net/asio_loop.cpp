#include "net/asio_loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace nightpost::net {
namespace {

class AsioTimer final : public LoopTimer {
 public:
  AsioTimer(boost::asio::io_context& context, std::function<void()> fire)
      : armed_(std::make_shared<Armed>(context, std::move(fire))) {}

  void arm(MonoTime due) override {
    armed_->timer.expires_at(due);
    armed_->timer.async_wait([weak = std::weak_ptr(armed_)](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      if (const auto armed = weak.lock()) armed->fire();
    });
  }

 private:
  struct Armed {
    Armed(boost::asio::io_context& context, std::function<void()> f) : timer(context), fire(std::move(f)) {}
    boost::asio::steady_timer timer;
    std::function<void()> fire;
  };
  std::shared_ptr<Armed> armed_;  // shared with the call of `fire`, in which its owner may destroy the timer
};

}  // namespace

void AsioLoop::post(std::move_only_function<void()> work) { boost::asio::post(context_, std::move(work)); }

std::unique_ptr<LoopTimer> AsioLoop::make_timer(std::function<void()> fire) {
  return std::make_unique<AsioTimer>(context_, std::move(fire));
}

}  // namespace nightpost::net
