// Answers of one turn: in a batch for whoever takes batches, one by one for the others.
#include "net/lane_turns.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "net/asio_loop.h"

namespace nightpost::net {
namespace {

class Turns final : public LaneTurns {
 public:
  explicit Turns(boost::asio::io_context& loop) : LaneTurns(std::make_unique<AsioLoop>(loop)) {}
  using LaneTurns::end_turn;
  using LaneTurns::end_turns;
  void answer(LaneHandler& handler, std::uint64_t tag) {
    collect_answer(handler, tag, {.response = HttpResponse{.status = static_cast<int>(tag)}});
  }
  int pumps = 0;

 private:
  void pump() override { ++pumps; }
  void on_time(MonoTime) override {}
};

/// Writes down what it was called with: "1 2" alone, "[1 2]" together.
struct Handler final : LaneHandler {
  explicit Handler(bool takes_batches) : batches(takes_batches) {}
  void on_lane_reply(std::uint64_t tag, LaneReply reply) override {
    CHECK(reply.response->status == static_cast<int>(tag));
    heard += std::to_string(tag) + " ";
    if (then) then();
  }
  bool on_lane_replies(std::span<LaneAnswer> answers) override {
    if (!batches) return false;
    heard += "[ ";
    for (LaneAnswer& each : answers) on_lane_reply(each.tag, std::move(each.reply));
    heard += "] ";
    return true;
  }
  const bool batches;
  std::string heard;
  std::function<void()> then;
};

TEST_CASE("lane turns: all answers of a turn come in one call", "[net]") {
  boost::asio::io_context loop;
  const auto turns = std::make_shared<Turns>(loop);
  Handler handler(true);
  turns->end_turn();
  CHECK(handler.heard.empty());  // no call without answers
  for (std::uint64_t tag = 1; tag <= 3; ++tag) turns->answer(handler, tag);
  turns->end_turn();
  CHECK(handler.heard == "[ 1 2 3 ] ");
  turns->answer(handler, 4);
  turns->end_turn();
  CHECK(handler.heard == "[ 1 2 3 ] [ 4 ] ");
  CHECK(turns->pumps == 3);
  turns->end_turns();
}

TEST_CASE("lane turns: handlers keep their order, and each gets its own", "[net]") {
  boost::asio::io_context loop;
  const auto turns = std::make_shared<Turns>(loop);
  Handler batch(true), single(false);
  turns->answer(batch, 1);
  turns->answer(batch, 2);
  turns->answer(single, 3);
  turns->answer(single, 4);
  turns->answer(batch, 5);
  single.then = [&] { CHECK(batch.heard == "[ 1 2 ] "); };
  turns->end_turn();
  CHECK(batch.heard == "[ 1 2 ] [ 5 ] ");
  CHECK(single.heard == "3 4 ");
  turns->end_turns();
}

TEST_CASE("lane turns: a handler that ends the lane hears nothing more", "[net]") {
  const bool takes_batches = GENERATE(false, true);
  boost::asio::io_context loop;
  const auto turns = std::make_shared<Turns>(loop);
  Handler first(takes_batches), second(takes_batches);
  first.then = [&] { turns->end_turns(); };
  turns->answer(first, 1);
  turns->answer(first, 2);
  turns->answer(second, 3);
  turns->end_turn();
  CHECK(first.heard == (takes_batches ? "[ 1 2 ] " : "1 "));
  CHECK(second.heard.empty());
  CHECK(turns->pumps == 0);
}

TEST_CASE("lane turns: answers that a batch causes come with a later turn", "[net]") {
  boost::asio::io_context loop;
  const auto turns = std::make_shared<Turns>(loop);
  Handler handler(true);
  handler.then = [&, once = false]() mutable {
    if (!std::exchange(once, true)) turns->answer(handler, 9);
  };
  turns->answer(handler, 1);
  turns->end_turn();
  CHECK(handler.heard == "[ 1 ] ");
  CHECK_FALSE(turns->delivering());
  loop.poll();
  CHECK(handler.heard == "[ 1 ] [ 9 ] ");
  turns->end_turns();
}

}  // namespace
}  // namespace nightpost::net
