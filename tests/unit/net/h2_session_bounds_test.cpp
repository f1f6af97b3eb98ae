// What a session holds while its wire takes nothing.
#include <catch2/catch.hpp>

#include "net/h2_session.h"
#include "support/h2_peer.h"

namespace nightpost::net {
namespace {

TEST_CASE("session: requests cancelled before the wire took them are bounded", "[net][h2]") {
  H2Session session({.authority = "api.example", .streams_max = 10});
  support::H2Peer peer({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}});
  const auto move = [&] {
    for (auto out = session.next_output(); !out.empty(); out = session.next_output()) {
      REQUIRE(peer.feed(out));
      session.mark_sent(out.size());
    }
    REQUIRE(session.feed(peer.output()));
  };
  for (int i = 0; i < 3; ++i) move();
  const HttpRequest request{.path = "/3/device/aa", .body = "{}"};
  std::uint64_t taken = 0;
  for (; taken < 1'000; ++taken) {  // each one's time is up before the full wire takes a byte
    const auto stream = session.submit(request, taken);
    if (!stream) {
      CHECK(stream.error().code == Errc::Overloaded);
      break;
    }
    CHECK(session.cancel(*stream) == H2Session::Fate::NeverSent);
  }
  CHECK(taken == 20);  // twice streams_max
  CHECK(session.streams_open() == 0);
  for (int i = 0; i < 3; ++i) move();  // the wire takes something again
  CHECK(session.submit(request, 2'000).has_value());
}

}  // namespace
}  // namespace nightpost::net
