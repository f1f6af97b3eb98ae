// What a peak leaves behind: memory, and connections that wait for answers.
#include <catch2/catch.hpp>

#include "core/c_handle.h"
#include "net/curl_transfer.h"
#include "net/peak_watch.h"
#include "unit/net/memory_rig.h"

namespace nightpost::net {
namespace {

using support::H2Peer;
using support::PeerRequest;
constexpr MonoTime kOpened{seconds(1000)};

TEST_CASE("peak watch: looks while something was in use, and once more", "[net][peaks]") {
  PeakWatch peaks;
  CHECK_FALSE(peaks.look(kOpened, 0));
  CHECK(peaks.due() == MonoTime::max());  // idle from the start: no timer
  peaks.saw(5);
  peaks.saw(3);
  CHECK_FALSE(peaks.look(kOpened, 2));
  CHECK(peaks.due() == kOpened + PeakWatch::kInterval);
  CHECK_FALSE(peaks.look(kOpened + PeakWatch::kInterval - milliseconds(1), 2));
  CHECK(peaks.look(kOpened + PeakWatch::kInterval, 2) == 5);
  CHECK(peaks.look(kOpened + 2 * PeakWatch::kInterval, 0) == 2);  // what was open all the time counts
  CHECK(peaks.look(kOpened + 3 * PeakWatch::kInterval, 0) == 0);
  CHECK(peaks.due() == MonoTime::max());
  peaks.saw(1);
  CHECK_FALSE(peaks.look(kOpened + 9 * PeakWatch::kInterval, 0));
  CHECK(peaks.due() == kOpened + 10 * PeakWatch::kInterval);
}

TEST_CASE("peak watch: what is trimmed", "[net][peaks]") {
  struct Row {
    const char* name;
    std::size_t kept, peak;
    bool goes;
  };
  const Row row = GENERATE(values<Row>({{"little", kEntriesKept, 0, false},
                                        {"more than that", kEntriesKept + 1, 0, true},
                                        {"four times the peak", 400, 100, false},
                                        {"more than that of a peak", 401, 100, true}}));
  CAPTURE(row.name);
  CHECK(outgrew(row.kept, row.peak) == row.goes);
  std::vector<char> entries;
  entries.reserve(row.kept);
  trim(entries, row.peak);
  CHECK((entries.capacity() == 0) == row.goes);
  entries.resize(1'000);
  trim(entries, 0);
  CHECK(entries.size() == 1'000);  // in use
}

TEST_CASE("lane memory: a peak's goes once it was not needed for a while", "[net][lane][peaks]") {
  MemoryRig rig;
  for (std::uint64_t tag = 0; tag < 1'000; ++tag) rig.send(tag);
  rig.lane->flush();
  rig.loop.pass(milliseconds(0));
  REQUIRE(rig.answers.size() == 1'000);
  rig.loop.pass(PeakWatch::kInterval);
  const std::uint64_t peak = rig.metrics.kept_bytes.read();
  CHECK(peak > 300'000);  // it is kept for the next burst
  rig.send(1'000);
  rig.lane->flush();
  rig.loop.pass(2 * PeakWatch::kInterval);
  const std::uint64_t kept = rig.metrics.kept_bytes.read();
  CHECK(kept < peak / 8);
  CHECK(rig.answers.size() == 1'001);

  for (std::uint64_t tag = 2'000; tag < 3'000; ++tag) rig.send(tag);  // it still works
  rig.lane->flush();
  rig.loop.pass(milliseconds(0));
  CHECK(rig.answers.size() == 2'001);
  CHECK(rig.connections.size() == 1);
  for (const auto& [tag, reply] : rig.answers) CHECK(reply.response.has_value());
  rig.lane.reset();
  CHECK(rig.metrics.kept_bytes.read() == 0);
}

TEST_CASE("lane memory: a load that swings keeps what it needs", "[net][lane][peaks]") {
  MemoryRig rig;
  std::uint64_t tag = 0;
  std::uint64_t first = 0;
  for (int burst = 0; burst < 5; ++burst) {
    for (int i = 0; i < 1'000; ++i) rig.send(++tag);
    rig.lane->flush();
    rig.loop.pass(PeakWatch::kInterval);
    if (first == 0) first = rig.metrics.kept_bytes.read();
    CHECK(rig.metrics.kept_bytes.read() >= first);
  }
  CHECK(first > 300'000);
}

TEST_CASE("lane memory: a request that stays open does not keep the rest", "[net][lane][peaks]") {
  MemoryRig rig([](LaneOptions& o) { o.response_timeout = seconds(600); });
  rig.script = [](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") != "/3/device/7") p.respond(r.stream, 200, std::string(100, 'r'));
  };
  for (std::uint64_t tag = 0; tag < 1'000; ++tag) rig.send(tag, seconds(600));
  rig.lane->flush();
  rig.loop.pass(PeakWatch::kInterval);
  const std::uint64_t peak = rig.metrics.kept_bytes.read();
  rig.loop.pass(2 * PeakWatch::kInterval);
  CHECK(rig.metrics.kept_bytes.read() < peak);  // all but the exchanges, of which it is one
  CHECK(rig.answers.size() == 999);
  rig.connections[0]->peer().respond(15, 200);  // its stream: 2 * 7 + 1
  rig.connections[0]->pump_peer();
  rig.loop.pass(3 * PeakWatch::kInterval);
  CHECK(rig.answers.at(7).response.has_value());
  CHECK(rig.metrics.kept_bytes.read() < peak / 8);
}

TEST_CASE("lane memory: so does that of answers that need no connection", "[net][lane][peaks]") {
  MemoryRig rig([](LaneOptions& o) { o.queue_max = 0; });
  for (std::uint64_t tag = 0; tag < 5'000; ++tag) rig.send(tag);
  rig.loop.pass(PeakWatch::kInterval);
  CHECK(rig.answers.size() == 5'000);
  rig.loop.pass(2 * PeakWatch::kInterval);
  CHECK(rig.metrics.kept_bytes.read() < 100'000);
  CHECK(rig.loop.next() == MonoTime::max());  // and the lane wakes up no more
}

TEST_CASE("peak watch: release() frees what an assignment keeps", "[net][peaks]") {
  struct Watched {
    std::string body;
  } one{std::string(100'000, 'b')};
  release(one);
  CHECK(one.body.capacity() < 100);
  one.body.assign(100'000, 'b');
  one = {};
  CHECK(one.body.capacity() >= 100'000);  // why release() is there
}

TEST_CASE("curl transfer: an unusual request leaves nothing to the next one", "[net][curl][peaks]") {
  const Handle<X509_STORE, X509_STORE_free> trust(X509_STORE_new());
  const CurlLaneOptions options{.origin = "https://localhost:1"};
  CurlTransfer transfer(options, trust.get());
  const HttpRequest usual{.path = "/", .headers = {{"authorization", "bearer x"}}, .body = "{}"};
  const HttpRequest unusual{.path = "/", .headers = {{"authorization", std::string(200'000, 'x')}}, .body = "{}"};
  REQUIRE(transfer.begin(usual));
  const std::size_t little = transfer.kept_bytes();
  CHECK(little > 0);
  transfer.trim();
  CHECK(transfer.kept_bytes() == little);
  REQUIRE(transfer.begin(unusual));
  CHECK(transfer.kept_bytes() > 200'000);
  transfer.trim();
  CHECK(transfer.kept_bytes() < 100);
  CHECK(transfer.begin(usual));
}

TEST_CASE("lane: draining connections are bounded, and the first of them says what it knows", "[net][lane]") {
  MemoryRig rig([](LaneOptions& o) {
    o.draining_max = 2;
    o.response_timeout = seconds(600);
    o.goaway_linger = seconds(500);
    o.reconnect_first = milliseconds(1);
    o.reconnect_max = milliseconds(2);
  });
  // Each connection takes one request, says that it will answer that one, and goes away.
  rig.script = [](std::size_t, H2Peer& p, const PeerRequest& r) { p.goaway(NGHTTP2_NO_ERROR, "", r.stream); };
  std::uint64_t tag = 0;
  for (; tag < 3; ++tag) {
    rig.send(tag, seconds(600));
    rig.lane->flush();
    rig.loop.pass(milliseconds(10));
  }
  REQUIRE(rig.connections.size() >= 3);
  CHECK(rig.metrics.draining.read() == 2);
  REQUIRE(rig.answers.size() == 1);
  REQUIRE(rig.answers.contains(0));
  CHECK(rig.answers.at(0).response.error().code == Errc::ConnectionLost);
  CHECK(rig.answers.at(0).response.error().detail.contains("too many replaced connections"));
  CHECK(rig.answers.at(0).maybe_sent);  // it was written whole
  CHECK(rig.connections[0]->state() == LaneConnection::State::Closed);
  CHECK(rig.connections[1]->state() == LaneConnection::State::Draining);

  for (; tag < 20; ++tag) {
    rig.send(tag, seconds(600));
    rig.lane->flush();
    rig.loop.pass(milliseconds(10));
    CHECK(rig.metrics.draining.read() <= 2);
  }
  CHECK(rig.answers.size() == 18);
  rig.connections[18]->peer().respond(1, 200);  // one that waits still gets its answer
  rig.connections[18]->pump_peer();
  rig.loop.pass(milliseconds(10));
  CHECK(rig.answers.at(18).response.has_value());
  rig.lane.reset();
  CHECK(rig.metrics.draining.read() == 0);
}

}  // namespace
}  // namespace nightpost::net
