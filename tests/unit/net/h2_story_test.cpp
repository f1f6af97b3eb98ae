// Stories picked at random. See support/story_seeds.h.
#include <nghttp2/nghttp2.h>

#include <catch2/catch.hpp>
#include <optional>
#include <random>

#include "net/h2_session.h"
#include "support/h2_frames.h"
#include "support/h2_story.h"
#include "support/story_seeds.h"

namespace nightpost::support {
namespace {

std::string story_of(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::size_t left = 20 + random() % 2'000;
  return tell_h2_story([&]() -> std::optional<std::uint8_t> {
    if (left == 0) return std::nullopt;
    --left;
    return static_cast<std::uint8_t>(random());
  });
}

Bytes settings_of(std::uint8_t streams_max) {
  return frame(NGHTTP2_SETTINGS, 0, 0, Bytes{0, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0, 0, 0, streams_max});
}

TEST_CASE("h2 session: what was withdrawn from a peer that grants no stream is not open", "[net][story]") {
  net::H2Session client({.authority = "api.example"});
  const auto flush = [&] {
    for (auto out = client.next_output(); !out.empty(); out = client.next_output()) client.mark_sent(out.size());
  };
  flush();
  REQUIRE(client.feed(settings_of(2)));
  const HttpRequest request{.path = "/3/device/aa", .body = "{}"};
  REQUIRE(client.submit(request, 1));
  REQUIRE(client.submit(request, 2));
  REQUIRE(client.feed(settings_of(0)));
  flush();
  CHECK(client.streams_open() == 2);  // nghttp2 holds them back
  client.withdraw_unsent();
  flush();
  CHECK(client.streams_open() == 0);
  std::vector<net::H2Session::Done> done;
  client.take_done(done);
  REQUIRE(done.size() == 2);
  for (const auto& one : done) CHECK(one.fate == net::H2Session::Fate::NeverSent);
  client.trim(0);  // nghttp2 still points at them

  REQUIRE(client.feed(settings_of(1)));
  const auto stream = client.submit(request, 3);
  REQUIRE(stream);
  flush();
  CHECK(client.streams_open() == 1);
  REQUIRE(client.feed(headers_frame(*stream, {{":status", "200"}}, true)));
  flush();
  client.take_done(done);
  REQUIRE(done.size() == 1);
  CHECK(done[0].tag == 3);
  CHECK(client.streams_open() == 0);
}

TEST_CASE("h2 stories: whatever a server says, each request ends once and says the truth", "[net][story]") {
  const StorySeeds seeds = story_seeds(1'000);
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    const std::string broken = story_of(seed);
    if (broken.empty()) continue;
    CAPTURE(seed, broken);
    FAIL_CHECK("H2_SEED=" << seed << " repeats it");
  }
}

}  // namespace
}  // namespace nightpost::support
