#include "net/asio_loop.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost;
using namespace nightpost::net;

TEST_CASE("asio loop: work runs in order, and never from inside post()", "[net][loop]") {
  boost::asio::io_context context;
  AsioLoop loop(context);
  std::string ran;
  loop.post([&] {
    loop.post([&] { ran += 'c'; });
    ran += 'a';
  });
  loop.post([&] { ran += 'b'; });
  CHECK(ran.empty());
  context.run();
  CHECK(ran == "abc");
}

TEST_CASE("asio loop: a timer fires once for the last time that it was armed for", "[net][loop]") {
  boost::asio::io_context context;
  AsioLoop loop(context);
  int fired = 0;
  MonoTime at{};
  const auto timer = loop.make_timer([&] {
    ++fired;
    at = loop.now();
  });
  const MonoTime start = loop.now();
  timer->arm(start + std::chrono::hours(1));
  timer->arm(start + milliseconds(2));
  context.run();
  CHECK(fired == 1);
  CHECK(at >= start + milliseconds(2));

  context.restart();
  timer->arm(loop.now());
  context.run();
  CHECK(fired == 2);
}

TEST_CASE("asio loop: a timer that is gone does not fire, though it was due", "[net][loop]") {
  boost::asio::io_context context;
  AsioLoop loop(context);
  bool fired = false;
  auto timer = loop.make_timer([&] { fired = true; });
  timer->arm(loop.now() - milliseconds(1));
  loop.post([&] { timer.reset(); });  // runs first; the timer's own call is on its way by then
  context.run();
  CHECK_FALSE(fired);
}

TEST_CASE("asio loop: a timer may be destroyed by what it calls", "[net][loop]") {
  boost::asio::io_context context;
  AsioLoop loop(context);
  int fired = 0;
  std::unique_ptr<LoopTimer> timer;
  timer = loop.make_timer([&] {
    timer.reset();
    ++fired;
  });
  timer->arm(loop.now());
  context.run();
  CHECK(fired == 1);
}
