// What a turn's answers cost together: the clocks, the slots and the flush once, not once each.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::World;

namespace {

TaggedReply accepted(const World::Sent& sent) {
  return {sent.tag, {.response = HttpResponse{.status = 200, .body = "id"}, .connection = 1}};
}

/// The answers to all requests from `first` on, at once.
void answer_all(Fixture& f, std::size_t first = 0) {
  std::vector<TaggedReply> replies;
  for (std::size_t i = first; i < f.world.sent.size(); ++i) replies.push_back(accepted(f.world.sent[i]));
  f.dispatcher().on_replies(replies);
}

}  // namespace

TEST_CASE("turns: two hundred answers read each clock once and flush once", "[dispatch]") {
  Fixture f;
  f.options.pushes_in_flight_max = 200;
  f.world.add("vinson");
  for (int i = 0; i < 300; ++i) f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 200);
  const int reads = f.world.clock.reads, flushes = f.world.flushes;
  answer_all(f);
  CHECK(f.world.outcomes.size() == 200);
  CHECK(f.world.released.size() == 200);
  CHECK(f.world.sent.size() == 300);  // the slots are filled again in the same call
  CHECK(f.world.clock.reads == reads + 2);
  CHECK(f.world.flushes == flushes + 1);
  answer_all(f, 200);
  CHECK(f.all_over());
}

TEST_CASE("turns: answers that come together are judged in order", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  for (int i = 0; i < 3; ++i) f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 3);
  std::vector<TaggedReply> replies;
  for (const World::Sent& sent : f.world.sent) replies.push_back(accepted(sent));
  replies[0].reply.response = HttpResponse{.status = 403, .body = "Forbidden"};  // opens the breaker
  replies[1].reply.response = HttpResponse{.status = 400, .body = "PayloadEmpty"};
  f.dispatcher().on_replies(replies);
  REQUIRE(f.world.outcomes.size() == 3);
  CHECK(f.world.outcomes[0]["rule"] == "credential_bad");
  CHECK(f.world.outcomes[1]["rule"] == "vendor_rejected");
  CHECK(f.world.outcomes[2]["rule"] == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("turns: what is unknown, or answered twice, is passed over", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.accept(event_for({"vinson"}));
  std::vector<TaggedReply> replies;
  replies.push_back({.tag = 0, .reply = {.response = HttpResponse{.status = 200}}});
  for (std::size_t i : {0, 0, 1}) replies.push_back(accepted(f.world.sent[i]));
  replies.push_back({.tag = ~std::uint64_t{0}, .reply = {.response = HttpResponse{.status = 200}}});
  f.dispatcher().on_replies(replies);
  CHECK(f.world.outcomes.size() == 2);
  CHECK(f.all_over());
  f.dispatcher().on_replies({});
  CHECK(f.all_over());
}

TEST_CASE("turns: repeats of several requests for one event share the next request", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->chunk = 5;
  f.options.backoff_first = milliseconds(0);
  f.accept(f.members(20));
  REQUIRE(f.world.sent.size() == 4);
  std::vector<TaggedReply> replies;
  for (const World::Sent& sent : f.world.sent) replies.push_back({sent.tag, {.response = HttpResponse{.status = 500}}});
  const int reads = f.world.clock.reads;
  f.dispatcher().on_replies(replies);
  CHECK(f.world.clock.reads == reads + 2);
  f.pass(milliseconds(1));
  REQUIRE(f.world.sent.size() == 8);
  answer_all(f, 4);
  CHECK(f.outcomes("accepted") == 20);
  CHECK(f.all_over());
}
