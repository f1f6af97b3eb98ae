// Where a push of a shared request is left, whatever becomes of the others. What goes over the wire is batch_test's.
#include "dispatch/shipping.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"
#include "support/fake_batch_provider.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::FakeBatchProvider;
using nightpost::testing::SendingBed;

namespace {

struct Dock : SendingBed {
  std::shared_ptr<FakeBatchProvider> vendor = std::make_shared<FakeBatchProvider>();
  Shipping shipping{options, now, pushes, batcher, attempts, replies, sender, timers, world.metrics};

  Dock() { world.routes[1]->provider = vendor; }
  void on_reply(std::uint64_t tag, Reply reply) override { shipping.on_reply(tag, reply); }
  /// Pushes of one event, gathered.
  std::vector<std::uint64_t> gather(std::size_t count) {
    OpenEvent& open = begin({"a", "b", "c", "d", "e"});
    std::vector<std::uint64_t> tags;
    for (std::size_t i = 0; i < count; ++i) {
      Push& one = push(open, i);
      tags.push_back(one.tag);
      attempts.attempt(one);
      REQUIRE(one.state == Push::State::Gathered);
    }
    events.all_planned(open);
    return tags;
  }
  std::size_t in_state(const std::vector<std::uint64_t>& tags, Push::State state) {
    return std::size_t(std::ranges::count_if(tags, [&](std::uint64_t tag) {
      const Push* const one = pushes.find(tag);
      return one != nullptr && one->state == state;
    }));
  }
  std::size_t outcomes(const char* rule) {
    return std::size_t(
        std::ranges::count_if(world.outcomes, [&](const nlohmann::json& each) { return each["rule"] == rule; }));
  }
};

}  // namespace

TEST_CASE("shipping: what is gathered is in the air, in as few requests as its room makes", "[dispatch][shipping]") {
  Dock bed;
  bed.vendor->chunk = GENERATE(2, 1000);
  const auto tags = bed.gather(5);
  CHECK(bed.slots.reserved() == 1);
  bed.shipping.ship();
  bed.shipping.ship();
  CHECK(bed.world.sent.size() == (bed.vendor->chunk == 2 ? 3 : 1));
  CHECK(bed.slots.reserved() == 0);
  CHECK(bed.slots.in_flight() == bed.world.sent.size());
  CHECK(bed.in_state(tags, Push::State::InFlight) == 5);
  for (std::size_t i = 0; i < bed.world.sent.size(); ++i) bed.world.answer(200, "", i);
  CHECK(bed.outcomes("accepted") == 5);
  CHECK(bed.slots.empty());
  CHECK(bed.world.released.size() == 1);
}

TEST_CASE("shipping: each push of an answer goes its own way", "[dispatch][shipping]") {
  Dock bed;
  const auto tags = bed.gather(4);
  bed.shipping.ship();
  bed.world.answer(200, " token-of-b-phone:gone token-of-c-phone:later token-of-d-phone:asleep");
  CHECK(bed.outcomes("accepted") == 1);
  CHECK(bed.outcomes("token_gone") == 1);
  CHECK(bed.outcomes("vendor_suppressed") == 1);
  CHECK(bed.in_state(tags, Push::State::Waiting) == 1);
}

TEST_CASE("shipping: what cannot be built or sent ends what it was for", "[dispatch][shipping]") {
  Dock bed;
  const auto tags = bed.gather(3);
  SECTION("the transport throws") {
    bed.world.throws_in = "send";
    bed.shipping.ship();
    CHECK(bed.outcomes("internal_error") == 3);
  }
  SECTION("its room forgets the last token") {
    bed.vendor->forgets_last = true;
    bed.shipping.ship();
    CHECK(bed.in_state(tags, Push::State::InFlight) == 2);
    CHECK(bed.outcomes("payload_unbuildable") == 1);
    bed.world.answer(200);
  }
  SECTION("the breaker opened meanwhile") {
    bed.pacer().refuse(Probe::None, "bad", "", bed.now.mono);
    bed.shipping.ship();
    CHECK(bed.outcomes("credential_breaker_open") == 3);
  }
  CHECK(bed.slots.empty());
  CHECK(bed.events.open() == 0);
}

TEST_CASE("shipping: a reply to nothing in the air is ignored", "[dispatch][shipping]") {
  Dock bed;
  bed.gather(2);
  bed.shipping.ship();
  Reply reply{.response = HttpResponse{.status = 200}};
  bed.shipping.on_reply(kShipment | 4711, reply);
  CHECK(bed.world.outcomes.empty());
  bed.world.answer(200);
  bed.world.answer(200);
  CHECK(bed.world.outcomes.size() == 2);
  CHECK(bed.slots.empty());
}

TEST_CASE("shipping: content that is stored first, then addressed", "[dispatch][shipping]") {
  Dock bed;
  bed.vendor->saves_first = true;
  const auto tags = bed.gather(3);
  bed.shipping.ship();
  REQUIRE(bed.world.sent.size() == 1);
  SECTION("one attempt") {
    bed.world.answer(200, "saved 5");
    REQUIRE(bed.world.sent.size() == 2);
    CHECK(bed.slots.in_flight() == 1);
    CHECK(bed.pushes.find(tags[0])->progress.attempts == 1);
    bed.world.answer(200);
    CHECK(bed.outcomes("accepted") == 3);
  }
  SECTION("handed back meanwhile: nobody is addressed") {
    bed.events.hand_back([](RecordId) { return true; });
    bed.world.answer(200, "saved 5");
    CHECK(bed.world.sent.size() == 1);
    CHECK(bed.pushes.open() == 0);
    CHECK(bed.world.released.empty());
  }
  SECTION("the answer is lost: it reached nobody, so a repeat is free") {
    bed.world.lose(Errc::Timeout, true);
    CHECK(bed.in_state(tags, Push::State::Waiting) == 3);
    CHECK(bed.pushes.find(tags[0])->progress.unheard == 0);
  }
}

TEST_CASE("shipping: letters wait in a bin, and leave in time", "[dispatch][shipping]") {
  Dock bed;
  bed.vendor->wants = {.tokens = true, .tokens_min = 3, .mixed_max = 4};
  bed.options.mixed_linger = milliseconds(50);
  const auto tags = bed.gather(2);
  bed.shipping.ship();
  CHECK(bed.world.sent.empty());
  CHECK(bed.in_state(tags, Push::State::Gathered) == 2);
  CHECK(bed.slots.reserved() == 1);
  const std::uint64_t route = bed.route->id;
  SECTION("not before its time") {
    bed.pass(milliseconds(49));
    bed.shipping.wake_bin(route);
    CHECK(bed.world.sent.empty());
  }
  SECTION("when it is time") {
    bed.pass(milliseconds(50));
    bed.shipping.wake_bin(route);
    bed.shipping.wake_bin(route);
    CHECK(bed.world.sent.size() == 1);
  }
  SECTION("when it is full") {
    bed.gather(2);
    bed.shipping.ship();
    CHECK(bed.world.sent.size() == 1);
    CHECK(bed.world.sent[0].http.path == "/mixed");
  }
  SECTION("throttled meanwhile: they wait") {
    Pacer::Feedback feedback;
    const Answer full{.verdict = Verdict::Throttled, .retry_after = seconds(5), .scope = Scope::Credential};
    bed.pacer().count_answer(feedback, full, {}, nullptr, bed.now.mono);
    bed.pacer().conclude(feedback, Probe::None, 1, bed.now.mono, bed.now.mono);
    bed.pass(milliseconds(50));
    bed.shipping.wake_bin(route);
    CHECK(bed.world.sent.empty());
    CHECK(bed.in_state(tags, Push::State::Waiting) == 2);
    CHECK(bed.slots.empty());
  }
  SECTION("one of them dropped meanwhile") {
    bed.pushes.drop(*bed.pushes.find(tags[0]));
    bed.pass(milliseconds(50));
    bed.shipping.wake_bin(route);
    CHECK(bed.in_state(tags, Push::State::InFlight) == 1);
  }
}

TEST_CASE("shipping: bulk counts as the requests that it became", "[dispatch][shipping][bulk]") {
  Dock bed;
  bed.vendor->chunk = GENERATE(1, 2, 1000);
  OpenEvent& group = bed.begin({"a", "b", "c", "d"});
  bed.events.set_aside_as_bulk(group);
  for (std::size_t i = 0; i < 4; ++i) bed.attempts.attempt(bed.push(group, i));
  bed.events.all_planned(group);
  const SignerPace& signer = bed.pacer().signer();
  CHECK(signer.bulk_in_air() == 4);
  bed.shipping.ship();
  const std::size_t requests = bed.world.sent.size();
  CHECK(requests == (bed.vendor->chunk == 1 ? 4 : bed.vendor->chunk == 2 ? 2 : 1));
  CHECK(signer.bulk_in_air() == requests * kBulkAlone);
  for (std::size_t i = 0; i < requests; ++i) bed.world.answer(200, "", i);
  CHECK(signer.bulk_in_air() == 0);
  CHECK(bed.outcomes("accepted") == 4);
}
