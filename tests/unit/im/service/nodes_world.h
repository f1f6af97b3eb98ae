// Two IM servers on one PostgreSQL, and what they tell each other.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "group_world.h"

namespace nightpost::im {

inline ServiceOptions node_options(std::string name, milliseconds lease = milliseconds(15'000)) {
  ServiceOptions options;
  options.node_name = std::move(name);
  options.node_lease = lease;
  options.reconnect = {.first = milliseconds(5), .max = milliseconds(50)};
  return options;
}

/// What one node tells the other, which hears it when its loop is turned.
struct Wire final : Peers {
  void tell(const Committed& commit) override {
    if (lost) return;
    to->loop.post([to = to, commit] {
      if (to->service) to->service->heard(commit);
    });
  }
  bool hears() const noexcept override { return does_hear; }
  std::int64_t live_elsewhere(ConvId room) const override {
    if (lost || !to->service) return 0;
    for (const LiveRooms::Count& each : to->service->live_counts(1'000))
      if (each.room == room) return each.users;
    return 0;
  }
  World* to = nullptr;
  bool lost = false, does_hear = true;
};

/// Node a is first. Anna's phone is at a, denny's at b.
struct Nodes {
  explicit Nodes(milliseconds lease = milliseconds(15'000))
      : a(node_options("a", lease), StoreKind::Postgres), b(node_options("b", lease), a) {
    wire_a.to = &b;
    wire_b.to = &a;
    a.service->set_peers(&wire_a);
    b.service->set_peers(&wire_b);
    a.turn_others = [this] { turn(b); };
    b.turn_others = [this] { turn(a); };
    anna = a.login("anna");
    denny = b.login("denny");
    settle();
    a.news();
    b.news();
  }
  ~Nodes() {
    // Each may still be told by the other.
    wire_a.lost = wire_b.lost = true;
    if (a.service) a.service->set_peers(nullptr);
    if (b.service) b.service->set_peers(nullptr);
  }
  std::int64_t last() const { return a.number("SELECT number FROM im_commits"); }
  /// Runs what is posted now.
  static void turn(World& world) {
    bool ran = false;
    world.loop.post([&ran] { ran = true; });
    world.loop.until([&ran] { return ran; });
  }
  /// Turns both loops: what one of them waits for may be the other's to tell.
  void until(const std::function<bool()>& reached) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!reached()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      turn(a);
      turn(b);
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  template <class T, class Call>
  Answer<T> ask(Call call) {
    const auto answer = std::make_shared<std::optional<Answer<T>>>();
    call(Reply<T>([answer](Answer<T> got) { answer->emplace(std::move(got)); }));
    until([&] { return answer->has_value(); });
    return std::move(**answer);
  }
  /// Both have been told of all.
  void settle() {
    const std::int64_t all = last();
    until([&] { return a.service->told_up_to() >= all && b.service->told_up_to() >= all; });
  }
  /// One turn of the upkeep of nodes, at that one.
  static void keep(World& world) {
    const std::uint64_t before = world.metrics.commands.read();
    for (int tries = 0; world.metrics.commands.read() == before; ++tries) {
      REQUIRE(tries < 10'000);
      world.loop.pass(std::max(world.options.node_lease / 4, milliseconds(100)));
      turn(world);
      std::this_thread::sleep_for(milliseconds(1));
    }
    world.try_send(Terminal{{kApp, "nobody"}, "x", Epoch{1}}, world.text("x"));  // the answers of before have come
  }

  /// As a process that is killed now: nothing that a stop would save.
  void kill_a() {
    wire_b.lost = true;
    a.service->set_peers(nullptr);
    b.sql("UPDATE im_nodes SET process = 'killed' WHERE name = 'a'");  // whose commits are no more
    a.service.reset();
  }

  World a, b;
  Wire wire_a, wire_b;
  Terminal anna, denny;
};

}  // namespace nightpost::im
