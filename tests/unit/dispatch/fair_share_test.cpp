// Who may wait in a shard.
#include "dispatch/fair_share.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::SendingBed;

namespace {

struct Shares : SendingBed {
  std::shared_ptr<Route> other = nightpost::testing::World::route(2, 8);
  Shares() {
    options.events_open_max = 40;
    options.pushes_queued_max = 1'000;
  }
  SignerPace& signer_of(const Route& one) { return pacers.of(one, now.mono).signer(); }
  SignerPace& signer() { return signer_of(*route); }
  /// Both send something.
  void both_active() {
    pass(seconds(1));
    signer().asked(now.mono);
    signer_of(*other).asked(now.mono);
  }
  Push& held(SignerPace& by) {
    Push& one = push();
    one.route = route;
    pushes.count_with(one, by);
    return one;
  }
};

}  // namespace

TEST_CASE("shares: a signer that is alone may hold all", "[dispatch][shares]") {
  Shares bed;
  bed.pass(seconds(1));
  bed.signer().asked(bed.now.mono);
  for (int i = 0; i < 40; ++i) bed.pushes.wait_began(bed.held(bed.signer()));
  bed.pass(seconds(3));
  CHECK_FALSE(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
  CHECK_FALSE(bed.shares.defer_until(bed.signer(), Audience::Few, bed.now.mono));  // though nothing goes at all
  SECTION("until another one comes") {
    bed.both_active();
    CHECK(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
    CHECK(bed.shares.defer_until(bed.signer(), Audience::Few, bed.now.mono));
    CHECK_FALSE(bed.shares.is_over(bed.signer_of(*bed.other), Audience::Few, bed.now.mono));
  }
  SECTION("and again, once that has been quiet for a while") {
    bed.both_active();
    bed.pass(seconds(6));
    bed.signer().asked(bed.now.mono);
    CHECK_FALSE(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
  }
}

TEST_CASE("shares: while there is room, whoever holds it", "[dispatch][shares]") {
  Shares bed;
  bed.both_active();
  for (int i = 0; i < 30; ++i) bed.held(bed.signer());
  CHECK_FALSE(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));  // three quarters
  Push& one_more = bed.held(bed.signer_of(*bed.other));
  CHECK(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
  CHECK_FALSE(bed.shares.is_over(bed.signer_of(*bed.other), Audience::Few, bed.now.mono));
  CHECK(bed.shares.defer_until(bed.signer(), Audience::Few, bed.now.mono) ==
        bed.now.mono + bed.options.signer_wait_max);
  bed.pushes.count_with(one_more, bed.signer());  // its certificate was replaced
  CHECK(bed.signer().held() == 31);
  CHECK(bed.signer_of(*bed.other).held() == 0);
  bed.pushes.end(one_more, ending_of(Rule::InternalError));
  CHECK(bed.signer().held() == 30);
  CHECK_FALSE(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
}

TEST_CASE("shares: pushes that wait count as well as events", "[dispatch][shares]") {
  Shares bed;
  bed.options.events_open_max = 1'000;
  bed.options.pushes_queued_max = 20;
  bed.both_active();
  for (int i = 0; i < 15; ++i) bed.held(bed.signer());
  CHECK_FALSE(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
  bed.held(bed.signer());
  CHECK(bed.shares.is_over(bed.signer(), Audience::Few, bed.now.mono));
}

TEST_CASE("shares: nobody waits for longer than `signer_wait_max`", "[dispatch][shares]") {
  struct Row {
    int sent_in_a_second;
    bool waits;
  };
  const auto row = GENERATE(values<Row>({{0, false}, {1, false}, {2, true}, {10, true}}));
  CAPTURE(row.sent_in_a_second);
  Shares bed;
  bed.both_active();
  std::vector<Push*> waiting;
  for (int i = 0; i < 9 + row.sent_in_a_second; ++i) {
    waiting.push_back(&bed.held(bed.signer()));
    bed.pushes.wait_began(*waiting.back());
  }
  CHECK_FALSE(bed.shares.defer_until(bed.signer(), Audience::Few, bed.now.mono));  // nobody knows yet
  bed.both_active();
  for (int i = 0; i < row.sent_in_a_second; ++i) bed.pushes.wait_ended(*waiting[std::size_t(i)], true);
  const auto until = bed.shares.defer_until(bed.signer(), Audience::Few, bed.now.mono);
  CHECK(until.has_value() != row.waits);
  if (until) CHECK(*until > bed.now.mono + bed.options.signer_wait_max);
  if (until) CHECK(*until <= bed.now.mono + bed.options.probe_max);
}

TEST_CASE("shares: bulk that waits makes nobody else leave", "[dispatch][shares][bulk]") {
  Shares bed;
  bed.options.events_open_max = 1'000;
  bed.options.pushes_queued_max = 100;
  bed.both_active();
  SignerPace& signer = bed.signer();
  for (int i = 0; i < 90; ++i) {
    signer.hold(Audience::Many);
    signer.wait_began(Audience::Many, bed.now.mono);
    bed.held(bed.signer_of(*bed.other));
  }
  bed.both_active();  // and none of it has left for a second
  CHECK(bed.shares.defer_until(signer, Audience::Many, bed.now.mono));
  CHECK(bed.shares.is_over(signer, Audience::Many, bed.now.mono));
  CHECK_FALSE(bed.shares.defer_until(signer, Audience::Few, bed.now.mono));
  CHECK_FALSE(bed.shares.is_over(signer, Audience::Few, bed.now.mono));
  SECTION("while others that are many count for all") {
    for (int i = 0; i < 51; ++i) signer.hold(Audience::Few);
    CHECK(bed.shares.is_over(signer, Audience::Few, bed.now.mono));
    for (int i = 0; i < 51; ++i) signer.let_go(Audience::Few);
  }
  for (int i = 0; i < 90; ++i) {
    signer.wait_ended(Audience::Many, false, bed.now.mono);
    signer.let_go(Audience::Many);
  }
}
