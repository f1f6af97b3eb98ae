// Requests and the places they take; what a pacer decided and who hears of it.
#include "dispatch/sender.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::SendingBed;
using Words = std::vector<std::string>;

namespace {

struct Ops final : Watcher {
  Words heard;
  void breaker_opened(const Route&, std::string_view code, std::string_view, milliseconds open_for) override {
    heard.push_back("opened " + std::string(code) + " " + std::to_string(open_for.count()));
  }
  void breaker_closed(const Route&) override { heard.push_back("closed"); }
  void credential_throttled(const Route&, std::string_view code, std::string_view, milliseconds pause) override {
    heard.push_back("throttled " + std::string(code) + " " + std::to_string(pause.count()));
  }
  void signer_fell(const Route&, Rule rule, milliseconds probe_in) override {
    heard.push_back("fell " + std::string(name_of(rule)) + " " + std::to_string(probe_in.count()));
  }
  void signer_recovered(const Route&) override { heard.push_back("recovered"); }
  void class_rests(const Route&, std::string_view kind, std::string_view, std::string_view, milliseconds) override {
    heard.push_back("rests " + std::string(kind));
  }
  void removals_held(const Route&, milliseconds) override { heard.push_back("held"); }
  void removals_released(const Route&) override { heard.push_back("released"); }
  void dead_letter(const DeadLetter&) override { heard.push_back("letter"); }
};

}  // namespace

TEST_CASE("sender: a request takes a place of its credential and of the shard until it is answered",
          "[dispatch][sender]") {
  SendingBed bed;
  const std::size_t room = bed.pacer().room();
  CHECK_FALSE(bed.sender.send(bed.pacer(), bed.route, {}, bed.now.mono + seconds(5), 77, Probe::None));
  CHECK(bed.slots.in_flight() == 1);
  CHECK(bed.pacer().room() == room - 1);
  REQUIRE(bed.world.sent.size() == 1);
  CHECK(bed.world.sent[0].tag == 77);
  CHECK(bed.world.sent[0].handler == &bed);
  CHECK(bed.world.sent[0].deadline == bed.now.mono + seconds(5));
  bed.pass(milliseconds(30));
  bed.sender.answered(*bed.route, bed.now.mono - milliseconds(30), {.response = HttpResponse{.status = 200}});
  CHECK(bed.slots.empty());
  CHECK(bed.pacer().room() == room);
  CHECK(bed.world.metrics.vendor_latency[std::size_t(Vendor::Apns)].sum_ms() == 30);
  CHECK(bed.world.metrics.requests[std::size_t(Vendor::Apns)].read() == 1);
}

TEST_CASE("sender: one that the transport throws at takes none", "[dispatch][sender]") {
  SendingBed bed;
  bed.world.throws_in = "send";
  const bool is_probe = GENERATE(false, true);
  Probe probe = Probe::None;
  if (is_probe) {
    bed.pacer().refuse(Probe::None, "bad", "", bed.now.mono);
    bed.pass(bed.options.breaker_first);
    probe = bed.pacer().begin_probe(bed.now.mono);
    REQUIRE(probe != Probe::None);
  }
  CHECK(bed.sender.send(bed.pacer(), bed.route, {}, bed.now.mono, 1, probe) == "a bug in send");
  CHECK(bed.slots.empty());
  CHECK(bed.pacer().room() == bed.options.credential_in_flight_first);
  if (!is_probe) return;
  CHECK_FALSE(bed.pacer().breaker_admits(bed.now.mono));
  bed.pass(bed.options.breaker_first);
  CHECK(bed.pacer().begin_probe(bed.now.mono) != Probe::None);  // another one may try
}

TEST_CASE("sender: places for what is being put together", "[dispatch][sender]") {
  SendingBed bed;
  bed.sender.reserve(*bed.route);
  CHECK(bed.slots.reserved() == 1);
  CHECK(bed.pacer().room() == bed.options.credential_in_flight_first - 1);
  bed.sender.unreserve(*bed.route);
  CHECK(bed.slots.empty());
  CHECK(bed.pacer().is_idle(bed.now.mono));
}

TEST_CASE("sender: flushes once, and only if something went", "[dispatch][sender]") {
  SendingBed bed;
  bed.sender.flush();
  CHECK(bed.world.flushes == 0);
  bed.sender.send(bed.pacer(), bed.route, {}, bed.now.mono, 1, Probe::None);
  bed.sender.send(bed.pacer(), bed.route, {}, bed.now.mono, 2, Probe::None);
  bed.sender.flush();
  bed.sender.flush();
  CHECK(bed.world.flushes == 1);
}

TEST_CASE("sender: what a pacer decides is told, and the lane gives back", "[dispatch][sender]") {
  struct Row {
    Pacer::Decision decision;
    Words heard;
    std::size_t withdrawn;
  };
  const auto row = GENERATE(values<Row>({
      {{}, {}, 0},
      {{.closed = true}, {"closed"}, 0},
      {{.recovered = true}, {"recovered"}, 0},
      {{.fell = milliseconds(5)}, {"fell signer_failing 5"}, 1},
      {{.pause = milliseconds(7)}, {"throttled busy 7"}, 1},
      {{.open = milliseconds(9)}, {"opened bad 9"}, 1},
      {{.pause = milliseconds(7), .open = milliseconds(9)}, {"throttled busy 7", "opened bad 9"}, 2},
  }));
  SendingBed bed;
  Ops ops;
  Sender told(bed.now, bed.world, bed, bed.pacers, bed.slots, bed.timers, bed.world.metrics, &ops);
  bed.pacer().remember(bed.route);
  for (Sender* const sender : {&told, &bed.sender}) {  // the other one tells nobody
    bed.world.withdrawn.clear();
    sender->carry_out(*bed.route, row.decision, {.code = "busy"}, {.code = "bad"});
    CHECK(bed.world.withdrawn.size() == row.withdrawn);
  }
  CHECK(ops.heard == row.heard);
  CHECK(bed.world.metrics.breakers_opened.read() == (row.decision.open ? 2 : 0));
}

TEST_CASE("sender: a refused credential is a breaker that opens once", "[dispatch][sender]") {
  SendingBed bed;
  bed.sender.refuse(*bed.route, Probe::None, {.code = "unauthorized", .meaning = "wrong secret"});
  bed.sender.refuse(*bed.route, Probe::None, {.code = "unauthorized", .meaning = "again"});
  CHECK(bed.pacer().refusal() == "unauthorized: wrong secret");
  CHECK(bed.world.metrics.breakers_opened.read() == 1);
  CHECK(bed.world.withdrawn.size() == 1);
}

TEST_CASE("sender: a connection is left, and a bug in that is only counted", "[dispatch][sender]") {
  SendingBed bed;
  bed.sender.drain_connection(*bed.route, 3);
  CHECK(bed.world.left == std::vector<std::uint64_t>{3});
  bed.world.throws_in = "drain_connection";
  bed.sender.drain_connection(*bed.route, 3);
  CHECK(bed.world.metrics.internal_errors.read() == 1);
}
