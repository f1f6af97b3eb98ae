// The sink over the wire, by a client that is not ours.
#include <catch2/catch.hpp>

#include "support/spine/rig.h"

namespace nightpost::support {
namespace {

using namespace std::chrono_literals;

Ran post(const Sink& sink, const std::string& path, const std::string& body, const std::string& id,
         const std::vector<std::string>& protocol = {"--http2"}) {
  std::vector<std::string> argv{"curl", "--silent", "--cacert", sink.ca_file(), "--data", body};
  argv.insert(argv.end(), protocol.begin(), protocol.end());
  for (const std::string& more : std::vector<std::string>{
           "--header", "apns-id: " + id, "--header", "apns-collapse-id: c-" + id, "--output", "/dev/null",
           "--write-out", "%{http_version} %{http_code} %header{apns-id}", sink.origin() + path})
    argv.push_back(more);
  return run_command(argv, 10s);
}

TEST_CASE("sink: answers 200 with the apns-id, counts and remembers", "[bench]") {
  const TempFolder folder("sink");
  Sink sink({.program = NIGHTPOST_SINK, .records_max = 10}, folder);
  CHECK(sink.stats().requests == 0);
  CHECK(post(sink, "/3/device/aa", "hello", "1").out == "2 200 1");
  CHECK(post(sink, "/3/device/bb", std::string(100'000, 'x'), "2").out == "2 200 2");
  CHECK(post(sink, "/3/device/aa", "", "3").out == "2 200 3");
  const Sink::Stats stats = sink.stats();
  CHECK(stats.requests == 3);
  CHECK(stats.distinct == 2);
  CHECK(stats.connections == 3);
  CHECK(stats.body_bytes == 100'005);
  CHECK(stats.first <= stats.last);
  const auto seen = sink.seen();
  REQUIRE(seen.size() == 3);
  CHECK(seen[1].token == "bb");
  CHECK(seen[1].apns_id == "2");
  CHECK(seen[1].collapse_id == "c-2");

  sink.reset();
  CHECK(sink.stats().requests == 0);
  CHECK(sink.seen().empty());
}

TEST_CASE("sink: speaks HTTP/2 over TLS 1.3 and nothing else", "[bench]") {
  const TempFolder folder("sink");
  Sink sink({.program = NIGHTPOST_SINK}, folder);
  CHECK(post(sink, "/3/device/aa", "x", "1", {"--http1.1"}).exit_code == 35);
  CHECK(post(sink, "/3/device/aa", "x", "1", {"--http2", "--tls-max", "1.2"}).exit_code == 35);
  CHECK(run_command({"curl", "--silent", "--http2", sink.origin()}, 10s).exit_code == 60);  // not our trust anchor
  CHECK(sink.stats().requests == 0);
  CHECK(post(sink, "/3/device/aa", "x", "1").out == "2 200 1");
}

}  // namespace
}  // namespace nightpost::support
