// all_member_push and timpush as business servers call them, with the words of several SDKs.
#include "rest_bed.h"

namespace nightpost::im {
namespace {

struct MassRestBed : RestBed {
  explicit MassRestBed(ServiceOptions with = {}) : RestBed({}, std::move(with)) { import_users({"ann", "bob", "cat"}); }
  Json push(Json more = Json::object()) {
    Json body = {{"MsgRandom", ++random_}, {"MsgBody", text_body("sale")}};
    body.update(more);
    return body;
  }
  Json report(const std::string& task) {
    const Json reply = done("all_member_push/im_get_push_report", {{"TaskIds", {task}}});
    REQUIRE(reply.at("Reports").size() == 1);
    return reply.at("Reports").at(0);
  }
  std::vector<std::string> receivers(const std::string& task) {
    std::vector<std::string> out;
    for (bool last = false; !last;) {
      const auto step = ask<MassPushStep>(
          [&](auto reply) { service->mass_push_step(mass_push_of_event(task).value(), std::move(reply)); });
      REQUIRE(step);
      last = step->begun_all;
      if (step->chunk == 0) continue;
      const auto chunk = ask<std::optional<MassPushChunk>>([&](auto reply) {
        service->mass_push_chunk(mass_push_of_event(task).value(), step->chunk, std::move(reply));
      });
      for (const MassReceiver& receiver : (*chunk)->receivers) out.push_back(receiver.user);
    }
    return out;
  }
  std::string task(const std::string& command, const Json& body) { return done(command, body).at("TaskId"); }

 private:
  std::uint32_t random_ = 5;
};

using UserNames = std::vector<std::string>;

}  // namespace

TEST_CASE("mass push commands: to all, its report, its end", "[im][rest][mass]") {
  MassRestBed bed;
  for (const char* const user : {"ann", "bob"}) bed.login(user);
  const std::string task = bed.task("all_member_push/im_push", bed.push({{"From_Account", "cat"}}));
  CHECK(task.starts_with("mass-"));
  Json report = bed.report(task);
  CHECK(report.at("Status") == 0);
  CHECK(report.at("Finished") == 0);
  CHECK(report.at("StartTime") == 1'795'225'887);
  CHECK(bed.receivers(task) == UserNames{"ann", "bob"});
  report = bed.report(task);
  CHECK(report.at("Finished") == 4);  // the administrator, too
  bed.done("all_member_push/im_cancel_push", {{"TaskId", task}});
  CHECK(bed.report(task).at("Status") == 2);
  CHECK(bed.done("all_member_push/im_get_push_report", {{"TaskIds", {"mass-99"}}}).at("Reports").empty());
}

TEST_CASE("mass push commands: by tags and attributes, by new and old words", "[im][rest][mass]") {
  MassRestBed bed;
  for (const char* const user : {"ann", "bob", "cat"}) bed.login(user);
  bed.done("all_member_push/im_set_attr_name", {{"AttrNames", {{"0", "sex"}, {"9", "city"}}}});
  CHECK(bed.done("openim/im_get_attr_name", Json::object()).at("AttrNames") == Json({{"0", "sex"}, {"9", "city"}}));
  bed.done("all_member_push/im_set_attr",
           {{"UserAttrs", Json::array({{{"To_Account", "ann"}, {"Attrs", {{"sex", "f"}, {"city", "oslo"}}}}})}});
  bed.done("openim/im_set_attr", {{"Attrs", Json::array({{{"To_Account", "bob"}, {"Attrs", {{"sex", "f"}}}}})}});
  bed.done("all_member_push/im_add_tag", {{"UserTags", Json::array({{{"To_Account", "bob"}, {"Tags", {"vip", "old"}}},
                                                                    {{"To_Account", "cat"}, {"Tags", {"vip"}}}})}});
  CHECK(bed.done("all_member_push/im_get_attr", {{"To_Account", {"ann", "cat"}}}).at("UserAttrs") ==
        Json::array({{{"To_Account", "ann"}, {"Attrs", {{"city", "oslo"}, {"sex", "f"}}}},
                     {{"To_Account", "cat"}, {"Attrs", Json::object()}}}));
  CHECK(bed.done("all_member_push/im_get_tag", {{"To_Account", {"bob"}}}).at("UserTags") ==
        Json::array({{{"To_Account", "bob"}, {"Tags", {"old", "vip"}}}}));
  const auto to = [&](const Json& condition) {
    return bed.receivers(bed.task("all_member_push/im_push", bed.push({{"Condition", condition}})));
  };
  CHECK(to({{"TagsOr", {"vip", "none"}}}) == UserNames{"bob", "cat"});
  CHECK(to({{"TagsAnd", {"vip", "old"}}}) == UserNames{"bob"});
  CHECK(to({{"AttrsAnd", {{"sex", "f"}, {"city", "oslo"}}}}) == UserNames{"ann"});
  CHECK(to({{"AttrsOr", {{"sex", "f"}}}}) == UserNames{"ann", "bob"});
  CHECK(to(Json::object()) == UserNames{"ann", "bob", "cat"});
  bed.done("all_member_push/im_remove_tag", {{"Tags", Json::array({{{"To_Account", "bob"}, {"Tags", {"vip"}}}})}});
  bed.done("all_member_push/im_remove_attr",
           {{"UserAttrs", Json::array({{{"To_Account", "ann"}, {"Attrs", {"sex"}}}})}});
  bed.done("all_member_push/im_remove_all_tags", {{"To_Account", {"cat"}}});
  CHECK(to({{"TagsOr", {"vip"}}}).empty());
  CHECK(to({{"AttrsOr", {{"sex", "f"}}}}) == UserNames{"bob"});
}

TEST_CASE("mass push commands: notifications", "[im][rest][mass]") {
  MassRestBed bed;
  for (const char* const user : {"ann", "bob"}) bed.login(user);
  const Json info = {{"Title", "T"}, {"Desc", "D"}};
  CHECK(bed.receivers(bed.task("timpush/push", {{"MsgRandom", 1}, {"OfflinePushInfo", info}})) ==
        UserNames{"ann", "bob"});
  CHECK(bed.receivers(bed.task("timpush/batch", {{"From_Account", "cat"},
                                                 {"To_Account", {"bob", "nobody"}},
                                                 {"MsgRandom", 2},
                                                 {"OfflinePushInfo", info},
                                                 {"DataId", "d"}})) == UserNames{"bob"});
}

TEST_CASE("mass push commands: what is refused, and by which code", "[im][rest][mass]") {
  MassRestBed bed;
  bed.done("all_member_push/im_set_attr_name", {{"AttrNames", {{"0", "sex"}}}});
  const Json info = {{"Desc", "D"}};
  const auto without = [](Json body, const char* name) {
    body.erase(name);
    return body;
  };
  struct Row {
    const char* name;
    std::string command;
    Json body;
    int code;
    std::string why;
  };
  const std::vector<Row> rows = {
      {"no random", "all_member_push/im_push", without(bed.push(), "MsgRandom"), 90005, "MsgRandom"},
      {"no body", "all_member_push/im_push", without(bed.push(), "MsgBody"), 90002, "MsgBody"},
      {"a body that is none", "all_member_push/im_push", bed.push({{"MsgBody", "x"}}), 90007, "MsgBody"},
      {"too long a life", "all_member_push/im_push", bed.push({{"MsgLifeTime", 604'801}}), 90026, "MsgLifeTime"},
      {"a life that is none", "all_member_push/im_push", bed.push({{"MsgLifeTime", "x"}}), 90044, "MsgLifeTime"},
      {"two conditions", "all_member_push/im_push", bed.push({{"Condition", {{"TagsOr", {"a"}}, {"TagsAnd", {"b"}}}}}),
       90001, "more than one"},
      {"a condition that is misspelt is not all", "all_member_push/im_push",
       bed.push({{"Condition", {{"TagOr", {"a"}}}}}), 90001, "Condition"},
      {"tags that are none", "all_member_push/im_push", bed.push({{"Condition", {{"TagsOr", "a"}}}}), 90001, "TagsOr"},
      {"no tags", "all_member_push/im_push", bed.push({{"Condition", {{"TagsOr", Json::array()}}}}), 90001,
       "Condition"},
      {"a value that is a number", "all_member_push/im_push", bed.push({{"Condition", {{"AttrsOr", {{"sex", 1}}}}}}),
       90001, "sex"},
      {"attributes that are an array", "all_member_push/im_push", bed.push({{"Condition", {{"AttrsOr", {"sex"}}}}}),
       90001, "AttrsOr"},
      {"no such sender", "all_member_push/im_push", bed.push({{"From_Account", "eve"}}), 90048, "From_Account"},
      {"a notification without words", "timpush/push", {{"MsgRandom", 1}}, 90001, "OfflinePushInfo"},
      {"a notification without a text",
       "timpush/push",
       {{"MsgRandom", 1}, {"OfflinePushInfo", {{"Title", "T"}}}},
       90001,
       "push.desc"},
      {"nobody named", "timpush/batch", {{"MsgRandom", 1}, {"OfflinePushInfo", info}}, 90003, "To_Account"},
      {"too many named",
       "timpush/batch",
       {{"MsgRandom", 1}, {"OfflinePushInfo", info}, {"To_Account", std::vector<std::string>(501, "ann")}},
       90011,
       "To_Account"},
      {"a long DataId",
       "timpush/batch",
       {{"MsgRandom", 1}, {"OfflinePushInfo", info}, {"To_Account", {"ann"}}, {"DataId", std::string(65, 'x')}},
       90001,
       "DataId"},
      {"no task", "all_member_push/im_cancel_push", {{"TaskId", "mass-77"}}, 90001, "TaskId"},
      {"a task that is none", "all_member_push/im_cancel_push", {{"TaskId", "mass-01"}}, 90001, "TaskId"},
      {"a chunk is no task", "all_member_push/im_get_push_report", {{"TaskIds", {"mass-1.1"}}}, 90001, "TaskIds"},
      {"a place beyond ten", "all_member_push/im_set_attr_name", {{"AttrNames", {{"10", "a"}}}}, 90001, "AttrNames"},
      {"a place that is none", "all_member_push/im_set_attr_name", {{"AttrNames", {{"x", "a"}}}}, 90001, "AttrNames"},
      {"an attribute without a name",
       "all_member_push/im_set_attr",
       {{"UserAttrs", Json::array({{{"To_Account", "ann"}, {"Attrs", {{"age", "7"}}}}})}},
       90001,
       "age"},
      {"attributes of nobody",
       "all_member_push/im_set_attr",
       {{"UserAttrs", Json::array({{{"To_Account", "eve"}, {"Attrs", {{"sex", "f"}}}}})}},
       90048,
       "eve"},
      {"a long tag",
       "all_member_push/im_add_tag",
       {{"UserTags", Json::array({{{"To_Account", "ann"}, {"Tags", {std::string(51, 'x')}}}})}},
       90001,
       "Tags"},
      {"eleven tags",
       "all_member_push/im_add_tag",
       {{"UserTags", Json::array({{{"To_Account", "ann"}, {"Tags", std::vector<std::string>(11, "x")}}})}},
       90001,
       "Tags"},
      {"an id with U+0000",
       "all_member_push/im_remove_all_tags",
       {{"To_Account", {std::string("a\0b", 3)}}},
       90001,
       "To_Account"},
      {"tags of nobody", "all_member_push/im_get_tag", {{"To_Account", {"eve"}}}, 90048, "eve"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Json reply = bed.call(row.command, row.body);
    CHECK(reply.at("ErrorCode") == row.code);
    CHECK(reply.at("ErrorInfo").get<std::string>().contains(row.why));
  }
  const Json once = bed.push();
  const std::string task = bed.task("all_member_push/im_push", once);
  const Json again = bed.call("all_member_push/im_push", once);
  CHECK(again.at("ErrorCode") == 90005);
  CHECK(again.at("ErrorInfo").get<std::string>().contains(task));
}

TEST_CASE("mass push commands: a life makes it a message", "[im][rest][mass]") {
  MassRestBed bed;
  bed.login("ann");
  const std::string task =
      bed.task("all_member_push/im_push", bed.push({{"From_Account", "cat"}, {"MsgLifeTime", 3'600}}));
  bed.receivers(task);
  CHECK(RestBed::texts(bed.roam("ann", "cat")) == std::vector<std::string>{"sale"});
  CHECK(RestBed::texts(bed.roam("bob", "cat")) == std::vector<std::string>{"sale"});
  const std::string live = bed.task("all_member_push/im_push", bed.push({{"From_Account", "cat"}, {"MsgLifeTime", 0}}));
  bed.receivers(live);
  CHECK(RestBed::texts(bed.roam("ann", "cat")).size() == 1);
}

TEST_CASE("mass push commands: a server without them", "[im][rest][mass]") {
  ServiceOptions options;
  options.mass_push.tasks_max = 0;
  MassRestBed bed(options);
  CHECK(bed.code("all_member_push/im_push", bed.push()) == 90045);
  bed.api = std::make_unique<RestApi>(RestApi::Parts{.loop = bed.loop,
                                                     .clock = bed.clock,
                                                     .service = *bed.service,
                                                     .presence = bed.presence,
                                                     .metrics = bed.metrics},
                                      bed.rest_options);
  CHECK(bed.code("all_member_push/im_push", bed.push()) == 90045);
  CHECK(bed.code("all_member_push/im_get_attr_name", Json::object()) == 90045);
}

TEST_CASE("rest: ForbidCallbackControl says who is not asked and not told", "[im][rest][callbacks]") {
  ServiceOptions options;
  BeforeSet sends;
  sends.add(Before::Send);
  options.before.wanted = {{kApp, sends}};
  options.callbacks.wanted = {{kApp, CallbackSet::all()}};
  RestBed bed({}, options);
  struct No final : BeforeAsker {
    EventLoop* loop = nullptr;
    void ask(BeforeQuestion, Heard heard) override {
      loop->post([heard = std::move(heard)]() mutable {
        heard({.is = BeforeVerdict::Is::Refused, .refusal = {static_cast<Code>(125'000), "no"}});
      });
    }
  } asker;
  asker.loop = &bed.loop;
  bed.import_users({"ann", "bob"});
  bed.service->set_asker(&asker);
  const auto told = [&] { return bed.number("SELECT count(*) FROM im_callbacks WHERE command LIKE 'C2C.%'"); };
  Json message = bed.message("ann", "bob");
  CHECK(bed.code("openim/sendmsg", message) == 125'000);  // as it is
  message["ForbidCallbackControl"] = {"ForbidBeforeSendMsgCallback"};
  bed.done("openim/sendmsg", message);
  CHECK(told() == 1);
  Json silent = bed.message("ann", "bob", "other");
  silent["ForbidCallbackControl"] = {"ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"};
  bed.done("openim/sendmsg", silent);
  CHECK(told() == 1);
  Json batch = bed.message("ann", "bob", "to many");  // never asked about, never told of
  batch["To_Account"] = {"bob"};
  bed.done("openim/batchsendmsg", batch);
  CHECK(told() == 1);
  bed.service->set_asker(nullptr);
}

}  // namespace nightpost::im
