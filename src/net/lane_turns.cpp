#include "net/lane_turns.h"

#include <algorithm>
#include <span>
#include <utility>

namespace nightpost::net {

LaneTurns::LaneTurns(std::unique_ptr<EventLoop> loop)
    : loop_(std::move(loop)), timer_(loop_->make_timer([this] { on_timer(); })) {}

void LaneTurns::end_turn() {
  const auto self = shared_from_this();  // a handler may destroy the lane
  deliver();
  if (!ended_) pump();
}

void LaneTurns::deliver() {
  if (answers_.empty()) return;
  std::vector<LaneAnswer> batch = std::exchange(answers_, {});
  delivering_ = true;
  for (auto from = batch.begin(); from != batch.end();) {
    LaneHandler* const handler = from->handler;
    const auto to = std::find_if(from, batch.end(), [&](const LaneAnswer& one) { return one.handler != handler; });
    const bool all = handler->on_lane_replies(std::span(from, to));
    if (ended_) return;
    for (; from != to; ++from) {
      if (all) continue;
      handler->on_lane_reply(from->tag, std::move(from->reply));
      if (ended_) return;
    }
  }
  delivering_ = false;
  // Answers caused by handlers go out on a later turn, so that a full queue cannot keep the loop here for ever.
  if (!answers_.empty()) return post_turn();
  batch.clear();
  answers_.swap(batch);  // keeps the memory
}

void LaneTurns::post_turn() {
  if (std::exchange(turn_posted_, true)) return;
  loop_->post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->ended_) return;
    self->turn_posted_ = false;
    self->end_turn();
  });
}

void LaneTurns::wake_at(MonoTime due) {
  if (due >= timer_due_) return;  // an early wake-up only looks again
  timer_due_ = due;
  timer_->arm(due);
}

void LaneTurns::on_timer() {
  const auto self = shared_from_this();  // a handler may destroy the lane
  timer_due_ = MonoTime::max();
  on_time(loop_->now());
  end_turn();
}

void LaneTurns::end_turns() {
  ended_ = true;
  timer_.reset();
}

}  // namespace nightpost::net
