// A vendor that has had enough of one kind of message: that kind rests, and the others go on.
#include <catch2/catch.hpp>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::FakeProvider;
using nightpost::testing::Fixture;
using nlohmann::json;

namespace {

struct TwoKinds : Fixture {
  TwoKinds() {
    auto provider = std::make_shared<FakeProvider>();
    provider->counts_titles = true;
    world.routes[1]->provider = std::move(provider);
    world.add("vinson");
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
  }
  static json event_titled(const std::string& title) {
    json event = event_for({"vinson"});
    event["push"]["title"] = title;
    return event;
  }
};

}  // namespace

TEST_CASE("class: one kind rests as long as the vendor says, the other goes on", "[dispatch][class]") {
  TwoKinds f;
  f.accept(f.event_titled("sale"));
  f.world.answer(429, "Class 600");
  CHECK(f.only_outcome()["outcome"] == "retrying");
  CHECK(f.only_outcome()["rule"] == "class_throttled");
  CHECK(f.only_outcome()["reason"].get<std::string>().find("messages titled sale") != std::string::npos);
  CHECK(f.world.metrics.classes_rested.read() == 1);

  f.accept(f.event_titled("order"));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.world.outcomes.back()["rule"] == "accepted");

  f.accept(f.event_titled("sale"));
  CHECK(f.world.sent.size() == 2);  // not asked for again
  CHECK(f.world.outcomes.back()["rule"] == "class_throttled");
  CHECK(f.world.outcomes.back()["attempt"] == 0);
  CHECK(f.world.outcomes.back()["reason"].get<std::string>().find("takes no more messages titled sale for now.") !=
        std::string::npos);
  CHECK(f.world.deferrals.size() == 2);

  f.pass(seconds(600));
  f.accept(f.event_titled("sale"));
  CHECK(f.world.sent.size() == 3);
  f.world.answer(200);
  CHECK(f.all_over());
}

TEST_CASE("class: a short rest is waited for in memory", "[dispatch][class]") {
  TwoKinds f;
  f.accept(f.event_titled("sale"));
  f.world.answer(429, "Class 3");
  f.accept(f.event_titled("sale"));
  CHECK(f.world.sent.size() == 1);
  f.pass(seconds(6));
  REQUIRE(f.world.sent.size() == 3);
  CHECK(f.world.outcomes.empty());
  f.world.answer(200, "id", 1);
  f.world.answer(200, "id", 2);
  CHECK(f.all_over());
}

TEST_CASE("class: the certificates of the signer share it, others do not", "[dispatch][class]") {
  TwoKinds f;
  f.accept(f.event_titled("sale"));
  f.world.answer(429, "Class 600");
  f.world.routes[2] = f.world.route(2, 8);  // it names no signer, so it shares with nobody
  f.world.routes[2]->provider = f.world.routes[1]->provider;
  f.world.add("ann").devices.front().certificate = {2};
  json event = f.event_titled("sale");
  event["to"][0]["user_id"] = "ann";
  f.accept(event);
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200);
}

TEST_CASE("class: without a name it is the push alone that waits", "[dispatch][class]") {
  TwoKinds f;
  f.world.routes[1]->provider = std::make_shared<FakeProvider>();
  f.accept(f.event_titled("sale"));
  f.world.answer(429, "Class 600");
  CHECK(f.only_outcome()["rule"] == "vendor_throttled");
  CHECK(f.world.metrics.classes_rested.read() == 0);
  f.accept(f.event_titled("sale"));
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200);
}

TEST_CASE("class: where stored contents are used up, nobody shares one for the rest of the day",
          "[dispatch][class][batch]") {
  BatchFixture f;
  f.provider->saves_first = true;
  f.options.retry_for = std::chrono::hours(24);
  f.accept(f.members(3));
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(434);
  f.pass(seconds(5));
  REQUIRE(f.paths() == std::vector<std::string>{"/save", "/push", "/push", "/push"});
  for (std::size_t i = 1; i < 4; ++i) f.world.answer(200, "", i);
  CHECK(f.outcomes("accepted") == 3);
  CHECK(f.world.metrics.classes_rested.read() == 1);

  f.accept(f.members(3));
  CHECK(f.paths() == std::vector<std::string>{"/save", "/push", "/push", "/push", "/push", "/push", "/push"});
  for (std::size_t i = 4; i < 7; ++i) f.world.answer(200, "", i);

  f.pass(std::chrono::hours(15));  // it was 09:51 in China
  f.accept(f.members(3));
  CHECK(f.paths().back() == "/save");
  f.world.answer(200, "saved 5");
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 9);
  CHECK(f.all_over());
}

TEST_CASE("class: a room that throws when it is asked for the kind loses no push", "[dispatch][class]") {
  struct Throws final : Provider {
    FakeProvider real;
    Vendor vendor() const noexcept override { return real.vendor(); }
    const std::string& origin() const noexcept override { return real.origin(); }
    Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                       const Grant& grant) const override {
      return real.build(notification, tokens, grant);
    }
    std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                                 const HttpResponse& reply) const override {
      return real.classify(kind, tokens, reply);
    }
    bool well_formed(const DeviceToken&) const noexcept override { return true; }
    std::string quota_class(const Notification&) const override { throw std::runtime_error("a bug"); }
  };
  TwoKinds f;
  f.world.routes[1]->provider = std::make_shared<Throws>();
  f.accept(f.event_titled("sale"));
  f.world.answer(429, "Class 3");
  CHECK(f.world.metrics.internal_errors.read() == 1);
  f.pass(seconds(6));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.only_outcome()["rule"] == "accepted");
}

namespace {

/// Letters of two titles that wait for company, a bin a credential.
struct Waiting : BatchFixture {
  Waiting() {
    provider->counts_titles = true;
    provider->wants = {.tokens = false, .mixed_max = 100};
    options.mixed_linger = milliseconds(50);
    options.retry_for = std::chrono::hours(24);
  }
  json titled(const std::string& title, int user) {
    json event = members(1, user);
    event["push"]["title"] = title;
    return event;
  }
  /// What the request says, and to which token.
  bool is_sent(std::size_t place, const std::string& title, const std::string& token) const {
    const std::string& body = world.sent.at(place).http.body;
    return body.starts_with(title + "|") && body.ends_with("," + token);
  }
};

}  // namespace

TEST_CASE("class: a kind that begins to rest while a push waits for company leaves without it",
          "[dispatch][class][batch]") {
  Waiting f;
  f.accept(f.titled("sale", 0));
  f.pass(milliseconds(50));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.is_sent(0, "sale", "t0"));
  f.accept(f.titled("sale", 1));
  f.accept(f.titled("order", 2));
  f.accept(f.titled("sale", 3));
  f.world.answer(432);  // of the first: sales rest
  CHECK(f.world.metrics.classes_rested.read() == 1);
  f.pass(milliseconds(50));
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.is_sent(1, "order", "t2"));
  f.world.answer(200, "", 1);
  CHECK(f.outcomes("class_throttled") == 3);
  CHECK(f.outcomes("accepted") == 1);
  CHECK(f.world.deferrals.size() == 3);
  CHECK(f.all_over());
}

TEST_CASE("class: a request that was dropped in part is told so, is not repeated, and its kind rests",
          "[dispatch][class][batch]") {
  BatchFixture f;
  f.provider->counts_titles = true;
  f.options.retry_for = std::chrono::hours(24);
  f.accept(f.members(4));
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200, " t0:partly t1:gone t2:partly t3:doubted");
  CHECK(f.outcomes("accepted_in_part") == 2);
  CHECK(f.outcomes("token_gone") == 1);
  CHECK(f.world.outcomes[0]["outcome"] == "accepted");
  CHECK(f.world.outcomes[0]["reason"].get<std::string>().ends_with(": one of them was dropped."));
  CHECK(f.world.metrics.classes_rested.read() == 1);
  CHECK(f.world.deferrals.empty());

  f.accept(f.members(1));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.outcomes("class_throttled") == 1);
  f.pass(std::chrono::hours(15));  // another day in China
  f.accept(f.members(1));
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200);
}

TEST_CASE("class: one of a request that was dropped in part is not above doubt by that",
          "[dispatch][suspects][batch]") {
  BatchFixture f;
  f.accept(f.members(1));
  f.world.answer(200, " t0:doubted");
  f.pass(seconds(1));
  f.accept(f.members(1));
  f.world.answer(200, " t0:partly");
  CHECK(f.outcomes("accepted_in_part") == 1);
  f.accept(f.members(1, 1));
  f.world.answer(200);
  f.pass(seconds(1));
  f.accept(f.members(1));
  f.world.answer(200, " t0:doubted");
  CHECK(f.outcomes("token_doubted_twice") == 1);
}
