// Pushes to all: who is come to, step by step, also across a kill; what is stored; what is counted; what is refused.
#include <nlohmann/json.hpp>
#include <set>

#include "service_world.h"

namespace nightpost::im {
namespace {

using nlohmann::json;
using Users = std::vector<std::string>;
using CondIs = PushCondition::Is;

ServiceOptions small_chunks(std::size_t chunk = 2, std::size_t tasks = 2) {
  ServiceOptions options;
  options.mass_push.chunk_users = chunk;
  options.mass_push.stored_chunk = chunk;
  options.mass_push.tasks_max = tasks;
  return options;
}

/// Five users, of whom three have a phone.
struct MassWorld : World {
  explicit MassWorld(ServiceOptions with = small_chunks()) : World(std::move(with)) {
    for (const char* const user : {"admin", "ann", "bob", "cat", "dan"}) REQUIRE(import(user));
    for (const char* const user : {"ann", "bob", "dan"}) login(user);
    news();
  }
  Answer<std::int64_t> try_push(MassPush push, AppId app = kApp) {
    return ask<std::int64_t>([&](auto reply) { service->push_to_all(app, std::move(push), std::move(reply)); });
  }
  std::int64_t push(MassPush push) {
    const auto task = try_push(std::move(push));
    if (!task) FAIL(task.error().why);
    return *task;
  }
  MassPush words(PushCondition to = {}) {
    return {.from = "admin",
            .random = ++random_,
            .elements = R"([{"type":"text","text":"sale"}])",
            .push = R"({"title":"T"})",
            .lifetime = {},
            .to = std::move(to)};
  }
  MassPushStep step(std::int64_t task) {
    const auto done = ask<MassPushStep>([&](auto reply) { service->mass_push_step(task, std::move(reply)); });
    if (!done) FAIL(done.error().why);
    return *done;
  }
  std::optional<MassPushChunk> chunk(std::int64_t task, std::int64_t number) {
    auto found = ask<std::optional<MassPushChunk>>(
        [&](auto reply) { service->mass_push_chunk(task, number, std::move(reply)); });
    REQUIRE(found);
    return *std::move(found);
  }
  /// Steps to the end: the users of each chunk, logged in ones alone.
  std::vector<Users> all_chunks(std::int64_t task) {
    std::vector<Users> out;
    for (bool last = false; !last;) {
      const MassPushStep done = step(task);
      last = done.begun_all;
      if (done.chunk == 0) continue;
      out.emplace_back();
      for (const MassReceiver& receiver : chunk(task, done.chunk)->receivers) out.back().push_back(receiver.user);
    }
    return out;
  }
  std::vector<MassPushTask> tasks() {
    auto found = ask<std::vector<MassPushTask>>([&](auto reply) { service->mass_pushes(std::move(reply)); });
    REQUIRE(found);
    return *std::move(found);
  }
  MassPushReport report(std::int64_t task) {
    auto found =
        ask<std::vector<MassPushReport>>([&](auto reply) { service->push_reports(kApp, {task}, std::move(reply)); });
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    return found->front();
  }
  /// Saved, too.
  void done(std::int64_t task, std::int64_t number) {
    service->mass_push_chunk_done(task, number);
    loop.pass(options.intents_saved);
    REQUIRE(import("admin"));  // behind it
    CHECK_FALSE(chunk(task, number));
  }
  void tag(const std::string& user, Users tags) {
    REQUIRE(ask<void>([&](auto reply) { service->add_tags(kApp, {{user, std::move(tags)}}, std::move(reply)); }));
  }
  Answer<void> cancel(std::int64_t task, AppId app = kApp) {
    return ask<void>([&](auto reply) { service->cancel_push(app, task, std::move(reply)); });
  }

 private:
  std::uint32_t random_ = 100;
};

PushCondition tagged(CondIs is, Users tags) {
  PushCondition out{.is = is, .keys = {}};
  for (std::string& tag : tags) out.keys.push_back({std::move(tag), ""});
  return out;
}

}  // namespace

TEST_CASE("mass push: all users are come to, chunk by chunk, and then it is over", "[im][service][mass]") {
  MassWorld world;
  const std::int64_t task = world.push(world.words());
  CHECK(world.news().mass_push);
  REQUIRE(world.tasks().size() == 1);
  const MassPushStep first = world.step(task);
  CHECK(first.chunk == 1);
  CHECK(first.users == 2);  // admin, ann
  CHECK_FALSE(first.begun_all);
  const auto chunk = world.chunk(task, 1);
  REQUIRE(chunk);
  REQUIRE(chunk->receivers.size() == 1);  // the sender is none
  CHECK(chunk->receivers[0].user == "ann");
  REQUIRE(chunk->receivers[0].targets.size() == 1);
  CHECK(chunk->receivers[0].targets[0].device == "phone");
  CHECK(chunk->message.from == "admin");
  CHECK(chunk->message.elements == R"([{"type":"text","text":"sale"}])");
  CHECK(chunk->message.push == R"({"title":"T"})");
  CHECK_FALSE(chunk->stored);
  CHECK_FALSE(world.chunk(task, 2));
  const MassPushStep second = world.step(task);
  CHECK(second.chunk == 2);  // bob, cat
  const MassPushStep third = world.step(task);
  CHECK(third.users == 1);  // dan
  CHECK(third.begun_all);
  CHECK(world.step(task).begun_all);
  CHECK(world.step(task).chunk == 0);
  CHECK(world.report(task).state == MassPushState::Runs);  // three events are not durable
  CHECK(world.report(task).users == 5);
  CHECK(world.tasks().at(0).open == std::vector<std::int64_t>{1, 2, 3});
  for (const std::int64_t number : {3, 1, 2}) world.done(task, number);
  CHECK(world.report(task).state == MassPushState::Over);
  CHECK(world.tasks().empty());
  CHECK(world.news().deliveries.empty());  // nothing was stored for anybody
}

TEST_CASE("mass push: a kill goes on at the cursor, with the same chunks", "[im][service][mass]") {
  MassWorld world;
  const std::int64_t task = world.push(world.words());
  world.step(task);
  world.step(task);
  world.done(task, 1);
  world.crash();
  const auto left = world.tasks();
  REQUIRE(left.size() == 1);
  CHECK(left[0].id == task);
  CHECK(left[0].open == std::vector<std::int64_t>{2});
  CHECK_FALSE(left[0].begun_all);
  const auto again = world.chunk(task, 2);
  REQUIRE(again);
  REQUIRE(again->receivers.size() == 1);
  CHECK(again->receivers[0].user == "bob");
  const MassPushStep next = world.step(task);
  CHECK(next.chunk == 3);
  CHECK(world.chunk(task, 3)->receivers.at(0).user == "dan");
}

TEST_CASE("mass push: who the condition names is come to", "[im][service][mass]") {
  MassWorld world;
  world.tag("ann", {"vip", "old"});
  world.tag("bob", {"vip"});
  world.tag("dan", {"old"});
  REQUIRE(
      world.ask<void>([&](auto reply) { world.service->set_attribute_names(kApp, {{0, "sex"}}, std::move(reply)); }));
  REQUIRE(world.ask<void>([&](auto reply) {
    world.service->set_attributes(kApp, {{"ann", {{"sex", "f"}}}, {"dan", {{"sex", "m"}}}}, std::move(reply));
  }));
  struct Row {
    const char* name;
    PushCondition to;
    std::vector<Users> want;
  };
  const std::vector<Row> rows = {
      {"any tag", tagged(CondIs::TagsOr, {"vip", "old"}), {{"ann", "bob"}, {"dan"}}},
      {"all tags", tagged(CondIs::TagsAnd, {"vip", "old"}), {{"ann"}}},
      {"a tag of nobody", tagged(CondIs::TagsAnd, {"new"}), {}},
      {"an attribute", {CondIs::AttrsOr, {{"sex", "m"}, {"sex", "f"}}}, {{"ann", "dan"}}},
      {"attributes that nobody has both of", {CondIs::AttrsAnd, {{"sex", "m"}, {"sex", "f"}}}, {}},
      {"named users", tagged(CondIs::Users, {"dan", "nobody", "ann", "ann"}), {{"ann", "dan"}, {}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::int64_t task = world.push(world.words(row.to));
    CHECK(world.all_chunks(task) == row.want);
    REQUIRE(world.cancel(task));
  }
}

TEST_CASE("mass push: with a lifetime each user has it as a message, once", "[im][service][mass]") {
  MassWorld world;
  MassPush stored = world.words();
  stored.lifetime = std::chrono::hours(1);
  const std::int64_t task = world.push(stored);
  world.step(task);
  const auto chunk = world.chunk(task, 1);
  REQUIRE(chunk);
  CHECK(chunk->stored);
  REQUIRE(chunk->receivers.size() == 1);
  CHECK(chunk->receivers[0].unread_total == 1);
  CHECK(chunk->message.expires == chunk->at + std::chrono::hours(1));
  const Committed news = world.news();
  CHECK(news.intents.empty());  // the chunk's event is its push
  REQUIRE(news.deliveries.size() == 1);
  CHECK(news.deliveries[0].to.user == "ann");
  world.clock.pass(std::chrono::minutes(50));
  world.step(task);
  CHECK(world.chunk(task, 2)->message.expires == chunk->at + std::chrono::minutes(110));  // as its messages do
  while (!world.step(task).begun_all) {
  }
  for (const char* const user : {"ann", "bob", "dan"}) {
    CAPTURE(user);
    const Terminal phone = world.login(user);
    const auto messages = world.pull(phone, {.peer = "admin"}).messages;
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].elements == stored.elements);
    CHECK(messages[0].expires.has_value());
  }
  CHECK(world.sync(world.login("admin")).chats.empty());  // not a list of all users
  world.clock.pass(std::chrono::hours(2));
  CHECK(world.pull(world.login("ann"), {.peer = "admin"}).messages.empty());
}

TEST_CASE("mass push: what is refused", "[im][service][mass]") {
  MassWorld world;
  struct Row {
    const char* name;
    std::function<void(MassPush&)> change;
    Code code;
    std::string why;
  };
  const std::vector<Row> rows = {
      {"no such sender", [](MassPush& p) { p.from = "eve"; }, Code::AccountUnknown, "From_Account"},
      {"no sender", [](MassPush& p) { p.from = ""; }, Code::Malformed, "From_Account"},
      {"no elements", [](MassPush& p) { p.elements = "[{}]"; }, Code::Malformed, "elements[0]"},
      {"a wish that is none", [](MassPush& p) { p.push = R"({"x":1})"; }, Code::Malformed, "push"},
      {"nothing to show", [](MassPush& p) { p.elements.clear(); }, Code::Malformed, "push.desc"},
      {"no tags", [](MassPush& p) { p.to.is = CondIs::TagsOr; }, Code::Malformed, "Condition"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    MassPush push = world.words();
    row.change(push);
    const auto task = world.try_push(push);
    REQUIRE_FALSE(task);
    CHECK(task.error().code == row.code);
    CHECK(task.error().why.contains(row.why));
  }
  CHECK(world.tasks().empty());
  MassPush notification = world.words();
  notification.elements.clear();
  notification.push = R"({"desc":"D"})";
  world.push(notification);
}

TEST_CASE("mass push: its random is taken for seven days, and few run at once", "[im][service][mass]") {
  MassWorld world;
  const MassPush push = world.words();
  const std::int64_t task = world.push(push);
  const auto again = world.try_push(push);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::PushRandomUsed);
  CHECK(again.error().why.contains("mass-" + std::to_string(task)));
  const std::int64_t other = world.push(world.words());
  CHECK(code_of(world.try_push(world.words())) == Code::PushTasksFull);
  REQUIRE(world.cancel(other));
  REQUIRE(world.cancel(task));
  world.clock.pass(world.options.mass_push.kept + milliseconds(1));
  CHECK(world.push(push) > task);
}

TEST_CASE("mass push: a server without it says so", "[im][service][mass]") {
  MassWorld world(small_chunks(2, 0));
  CHECK(code_of(world.try_push(world.words())) == Code::PushOff);
}

TEST_CASE("mass push: one that is canceled begins no further chunk", "[im][service][mass]") {
  MassWorld world;
  const std::int64_t task = world.push(world.words());
  world.step(task);
  world.news();
  CHECK(code_of(world.cancel(task, AppId{7})) == Code::Malformed);
  CHECK(code_of(world.cancel(task + 1)) == Code::Malformed);
  REQUIRE(world.cancel(task));
  CHECK(world.news().mass_push);
  CHECK(world.step(task).begun_all);
  CHECK(world.step(task).chunk == 0);
  REQUIRE(world.tasks().size() == 1);  // its chunk is open
  CHECK(world.tasks()[0].begun_all);
  world.done(task, 1);
  CHECK(world.tasks().empty());
  CHECK(world.report(task).state == MassPushState::Canceled);
  REQUIRE(world.cancel(task));
}

TEST_CASE("mass push: what became of its pushes is counted, and told where the app wants to know",
          "[im][service][mass]") {
  ServiceOptions options = small_chunks();
  options.callbacks.wanted = {{kApp, CallbackSet::all()}};
  MassWorld world(options);
  const std::int64_t task = world.push(world.words());
  const std::string event = mass_push_name(task) + ".1";
  const auto jobs = [&](std::int64_t after) {
    auto found = world.ask<std::vector<CallbackJob>>(
        [&](auto reply) { world.service->callbacks(kApp, after, 100, std::move(reply)); });
    REQUIRE(found);
    return *std::move(found);
  };
  const auto before = jobs(0);
  const std::int64_t seen = before.empty() ? 0 : before.back().id;
  const auto tell = [&](PushOutcome outcome) {
    outcome.app = outcome.app.value == 0 ? kApp : outcome.app;
    outcome.at = wall_from_ms(1'795'225'900'999);
    REQUIRE(world.ask<void>([&](auto reply) { world.service->push_outcomes({outcome}, std::move(reply)); }));
  };
  tell({.event_id = event, .user = "ann", .device = "phone", .platform = 1, .push_id = "p"});
  tell({.event_id = event, .user = "bob", .device = "phone", .platform = 2, .code = 7, .info = "bad"});
  tell({.event_id = event, .user = "ann", .device = "phone", .platform = 1, .stage = 2});
  tell({.event_id = event, .user = "ann", .device = "phone", .platform = 1, .stage = 3});
  tell({.app = AppId{7}, .event_id = event, .user = "ann", .device = "phone"});  // another app's
  tell({.event_id = mass_push_name(task + 9) + ".1", .user = "ann", .device = "phone"});
  const MassPushReport report = world.report(task);
  CHECK(report.pushed == 1);
  CHECK(report.failed == 1);
  CHECK(report.delivered == 1);
  CHECK(report.clicked == 1);
  const auto told = jobs(seen);
  REQUIRE(told.size() == 4);
  CHECK(told[1].command == "Push.AllMemberPush");
  CHECK(json::parse(told[1].body)["Events"] == json::array({{{"CallbackCommand", "Push.AllMemberPush"},
                                                             {"EventType", 1},
                                                             {"TaskId", mass_push_name(task)},
                                                             {"TaskTime", 1'795'225'887},
                                                             {"EventTime", 1'795'225'900},
                                                             {"To_Account", "bob"},
                                                             {"PushPlatform", 2},
                                                             {"PushStage", 1},
                                                             {"PushID", ""},
                                                             {"ErrCode", 7},
                                                             {"ErrInfo", "bad"},
                                                             {"EventId", event + "/bob/phone/1"}}}));
  const auto taken = [&](const char* user) {
    return PushOutcome{.app = kApp, .event_id = event, .user = user, .device = "phone", .at = world.clock.wall()};
  };
  REQUIRE(world.ask<void>(
      [&](auto reply) { world.service->push_outcomes({taken("ann"), taken("bob"), taken("dan")}, std::move(reply)); }));
  CHECK(world.report(task).pushed == 4);
}

TEST_CASE("mass push: old ones are forgotten, those that run are not", "[im][service][mass]") {
  MassWorld world;
  const std::int64_t over = world.push(world.words());
  const std::int64_t runs = world.push(world.words());
  REQUIRE(world.cancel(over));
  world.clock.pass(world.options.mass_push.kept + milliseconds(1));
  world.loop.pass(world.options.pruned_every);
  const auto rows = [&] { return world.number("SELECT count(*) FROM im_mass_tasks"); };
  REQUIRE(world.import("admin"));  // behind it
  CHECK(rows() == 1);
  REQUIRE(world.tasks().size() == 1);
  CHECK(world.tasks()[0].id == runs);
}

TEST_CASE("mass push: tags and attributes are of known users, and few", "[im][service][mass]") {
  MassWorld world;
  const auto add = [&](std::vector<UserTags> all) {
    return world.ask<void>([&](auto reply) { world.service->add_tags(kApp, std::move(all), std::move(reply)); });
  };
  const auto set = [&](std::vector<UserAttributes> all) {
    return world.ask<void>([&](auto reply) { world.service->set_attributes(kApp, std::move(all), std::move(reply)); });
  };
  const auto name = [&](std::map<std::int64_t, std::string> names) {
    return world.ask<void>(
        [&](auto reply) { world.service->set_attribute_names(kApp, std::move(names), std::move(reply)); });
  };
  CHECK(code_of(add({{"ann", {"a"}}, {"eve", {"a"}}})) == Code::AccountUnknown);
  CHECK(code_of(add({{"ann", {""}}})) == Code::Malformed);
  CHECK(code_of(add({{"@TIM#", {"a"}}})) == Code::Malformed);
  Users many;
  for (std::size_t i = 0; i <= kUserTagsMax; ++i) many.push_back("t" + std::to_string(i));
  CHECK(code_of(add({{"ann", many}})) == Code::Malformed);
  many.pop_back();
  REQUIRE(add({{"ann", many}}));
  REQUIRE(add({{"ann", {"t1"}}}));  // has it already
  CHECK(code_of(add({{"ann", {"one more"}}})) == Code::Malformed);
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_tags(kApp, {{"ann", {"t1"}}}, std::move(reply)); }));
  REQUIRE(add({{"ann", {"one more"}}}));
  const auto tags = world.ask<std::vector<UserTags>>(
      [&](auto reply) { world.service->tags(kApp, {"ann", "bob"}, std::move(reply)); });
  REQUIRE(tags);
  CHECK(tags->at(0).tags.size() == kUserTagsMax);
  CHECK(tags->at(1).tags.empty());
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_all_tags(kApp, {"ann"}, std::move(reply)); }));

  CHECK(code_of(set({{"ann", {{"sex", "f"}}}})) == Code::Malformed);  // the app has not named it
  CHECK(code_of(name({{10, "sex"}})) == Code::Malformed);
  CHECK(code_of(name({{-1, "sex"}})) == Code::Malformed);
  CHECK(code_of(name({{0, ""}})) == Code::Malformed);
  CHECK(code_of(name({{0, "sex"}, {1, "sex"}})) == Code::Malformed);
  REQUIRE(name({{0, "sex"}, {9, "city"}}));
  CHECK(code_of(set({{"eve", {{"sex", "f"}}}})) == Code::AccountUnknown);
  CHECK(code_of(set({{"ann", {{"sex", ""}}}})) == Code::Malformed);
  REQUIRE(set({{"ann", {{"sex", "f"}, {"city", "oslo"}}}}));
  REQUIRE(world.ask<void>(
      [&](auto reply) { world.service->remove_attributes(kApp, {{"ann", {{"city", ""}}}}, std::move(reply)); }));
  const auto attributes = world.ask<std::vector<UserAttributes>>(
      [&](auto reply) { world.service->attributes(kApp, {"ann"}, std::move(reply)); });
  REQUIRE(attributes);
  CHECK(attributes->at(0).attributes == std::map<std::string, std::string>{{"sex", "f"}});
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "ann"}, std::move(reply)); }));
  CHECK(world.number("SELECT count(*) FROM im_user_attributes") == 0);
}

TEST_CASE("mass push: values of an attribute that is the app's no more go, a few at a time", "[im][service][mass]") {
  ServiceOptions options = small_chunks();
  options.pruned_max = 2;
  MassWorld world(options);
  const auto name = [&](std::map<std::int64_t, std::string> names) {
    return world.ask<void>(
        [&](auto reply) { world.service->set_attribute_names(kApp, std::move(names), std::move(reply)); });
  };
  const auto set = [&](std::vector<UserAttributes> all) {
    return world.ask<void>([&](auto reply) { world.service->set_attributes(kApp, std::move(all), std::move(reply)); });
  };
  const auto city_of_ann = [&] {
    const auto all = world.ask<std::vector<UserAttributes>>(
        [&](auto reply) { world.service->attributes(kApp, {"ann"}, std::move(reply)); });
    REQUIRE(all);
    return all->at(0).attributes;
  };
  const auto rows = [&] { return world.number("SELECT count(*) FROM im_user_attributes"); };
  REQUIRE(name({{0, "city"}, {1, "sex"}}));
  for (const char* const user : {"ann", "bob", "cat", "dan", "admin"})
    REQUIRE(set({{user, {{"city", "oslo"}, {"sex", "f"}}}}));
  REQUIRE(name({{0, "sex"}, {1, "town"}}));  // moved, gone, new
  CHECK(city_of_ann() == std::map<std::string, std::string>{{"sex", "f"}});
  CHECK(rows() == 10);
  CHECK(code_of(name({{0, "city"}})) == Code::Busy);  // what it has is going still
  std::vector<std::int64_t> left;
  for (int i = 0; i < 4; ++i) {
    world.loop.pass(i == 0 ? milliseconds(0) : milliseconds(100));
    REQUIRE(world.import("behind"));
    REQUIRE(world.import("behind"));  // so the answer of the pruning is there, too
    left.push_back(rows());
  }
  CHECK(left == std::vector<std::int64_t>{8, 6, 5, 5});
  REQUIRE(name({{0, "city"}}));  // and then it begins anew
  CHECK(city_of_ann().empty());
  REQUIRE(set({{"ann", {{"city", "rome"}}}}));
  world.restart();
  world.loop.pass(world.options.pruned_every);
  for (int i = 0; i < 6; ++i) {
    REQUIRE(world.import("behind"));
    world.loop.pass(milliseconds(100));
  }
  CHECK(city_of_ann() == std::map<std::string, std::string>{{"city", "rome"}});
  CHECK(rows() == 1);
}

TEST_CASE("mass push: the names of events", "[im][service][mass]") {
  CHECK(mass_push_name(12) == "mass-12");
  CHECK(mass_push_of_event("mass-12.3") == 12);
  CHECK(mass_push_of_event("mass-12") == 12);
  for (const char* const text :
       {"", "mass-", "mass-0", "mass-x.1", "mass--1.1", "12-5", "12-5.0", "mass-99999999999999999999.1"})
    CHECK_FALSE(mass_push_of_event(text));
}

}  // namespace nightpost::im
