// The system conversation: what the app says as "@TIM#SYSTEM", which nobody answers.
#include "im/domain/names.h"
#include "im/service/admin_service.h"
#include "im/service/mass_push.h"
#include "service_world.h"

namespace nightpost::im {
namespace {

const std::string kSystem(kSystemUser);

struct SystemWorld : Two {
  AdminSend notice(const std::string& words = "welcome") {
    AdminSend message;
    message.to = "denny";
    message.elements = R"([{"type":"text","text":")" + words + R"("}])";
    message.wire_random = ++random_;
    return message;
  }
  Answer<AdminSent> say(AdminSend message) {
    return ask<AdminSent>([&](auto reply) { service->send_as({kApp, kSystem}, std::move(message), std::move(reply)); });
  }
  AdminSent said(const std::string& words = "welcome") {
    auto sent = say(notice(words));
    if (!sent) FAIL(sent.error().why);
    return *sent;
  }
  std::int64_t total() { return sync(denny).unread_total; }

 private:
  std::uint32_t random_ = 0;
};

TEST_CASE("im system: a notice is there, unread in its conversation, no push and no part of the total",
          "[im][service][system]") {
  SystemWorld world;
  world.said();
  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 1);  // there is no other side
  CHECK(news.deliveries[0].to.user == "denny");
  CHECK(news.deliveries[0].unread_total == 0);
  CHECK(std::get<NewMessage>(news.deliveries[0].item).message->from == kSystem);
  CHECK(std::get<NewMessage>(news.deliveries[0].item).unread == 1);
  CHECK(news.intents.empty());
  CHECK(world.intents().empty());
  world.said("again");
  const Chat chat = world.chat(world.denny, kSystem);
  CHECK(chat.unread == 2);
  CHECK(world.total() == 0);
  CHECK(world.pull(world.denny, {.peer = kSystem}).messages.size() == 2);
  CHECK(world.number("SELECT count(*) FROM im_accounts WHERE user_id = '@TIM#SYSTEM'") == 0);
  world.send(world.anna, "denny");
  CHECK(world.total() == 1);
}

TEST_CASE("im system: read, removed, expired and recalled, it leaves the total alone", "[im][service][system]") {
  SystemWorld world;
  world.send(world.anna, "denny");
  world.said("one");
  const AdminSent two = world.said("two");
  AdminSend fleeting = world.notice("three");
  fleeting.lifetime = milliseconds(1'000);
  REQUIRE(world.say(fleeting));
  world.news();
  REQUIRE(world.ask<void>(
      [&](auto reply) { world.service->recall_as({kApp, kSystem}, "denny", two.wire, std::move(reply)); }));
  CHECK(world.chat(world.denny, kSystem).unread == 2);
  CHECK(world.total() == 1);
  world.clock.pass(milliseconds(1'001));
  world.loop.pass(world.options.pruned_every);
  REQUIRE(world.import("behind"));
  CHECK(world.chat(world.denny, kSystem).unread == 1);
  CHECK(world.total() == 1);
  SECTION("read") {
    const auto read = world.read(world.denny, {.peer = kSystem});
    REQUIRE(read);
    CHECK(read->unread == 0);
    CHECK(read->unread_total == 1);
  }
  SECTION("removed") {
    REQUIRE(world.change(world.denny, {.peer = kSystem, .pinned = {}, .mark = {}, .remove = true}));
    CHECK(world.chat(world.denny, kSystem).gone);
  }
  CHECK(world.total() == 1);
  CHECK(world.follow_ups().empty());  // no push of it was ever made
}

TEST_CASE("im system: nobody answers it, logs in as it or is it", "[im][service][system]") {
  SystemWorld world;
  world.said();
  CHECK(code_of(world.try_send(world.denny, world.text(kSystem))) == Code::Malformed);
  CHECK(code_of(world.block(world.denny, kSystem)) == Code::Malformed);
  CHECK(code_of(world.try_login(world.login_request(kSystem, "phone", Platform::Ios))) == Code::Malformed);
  CHECK(code_of(world.import(kSystem)) == Code::Malformed);
  AdminSend back = world.notice();
  back.to = kSystem;
  CHECK(code_of(world.ask<AdminSent>(
            [&](auto reply) { world.service->send_as({kApp, "denny"}, back, std::move(reply)); })) == Code::Malformed);
  CHECK(code_of(world.try_pull(world.denny, {.peer = "@TIM#OTHER"})) == Code::Malformed);
  AdminSend nowhere = world.notice();
  nowhere.to = "nobody";
  CHECK(code_of(world.say(nowhere)) == Code::ReceiverUnknown);
}

TEST_CASE("im system: repeats, online-only notices, pins", "[im][service][system]") {
  SystemWorld world;
  const AdminSend notice = world.notice();
  const auto first = world.say(notice), again = world.say(notice);
  REQUIRE(again);
  CHECK(again->id == first->id);
  CHECK(world.chat(world.denny, kSystem).unread == 1);
  AdminSend live = world.notice("now");
  live.online_only = true;
  world.news();
  REQUIRE(world.say(live));
  CHECK(world.news().deliveries.size() == 1);
  REQUIRE(world.change(world.denny, {.peer = kSystem, .pinned = true, .mark = {}}));
  world.restart();
  CHECK(world.chat(world.login("denny"), kSystem).pinned);
}

TEST_CASE("im system: it may say something to all", "[im][service][system]") {
  SystemWorld world;
  const auto task = world.ask<std::int64_t>([&](auto reply) {
    world.service->push_to_all(kApp,
                               {.from = kSystem,
                                .random = 1,
                                .elements = R"([{"type":"text","text":"sale"}])",
                                .push = "",
                                .lifetime = std::chrono::hours(1),
                                .to = {}},
                               std::move(reply));
  });
  REQUIRE(task);
  REQUIRE(world.ask<MassPushStep>([&](auto reply) { world.service->mass_push_step(*task, std::move(reply)); }));
  CHECK(world.chat(world.denny, kSystem).unread == 1);
  CHECK(world.total() == 0);
}

}  // namespace
}  // namespace nightpost::im
