#include "im/store/schema.h"
#include "service_world.h"

namespace nightpost::im {
namespace {

std::vector<Answer<SendReply>> send_many(Two& world, std::vector<SendRequest> requests) {
  std::vector<Answer<SendReply>> out;
  for (SendRequest& each : requests)
    world.service->send(world.anna, std::move(each),
                        [&out](Answer<SendReply> reply) { out.push_back(std::move(reply)); });
  REQUIRE(world.loop.until([&] { return out.size() == requests.size(); }));
  return out;
}

/// Another process that writes.
class Lock {
 public:
  explicit Lock(const World& world) {
    if (world.on_server()) {
      server_.emplace(world.url.place);
      server_->run("BEGIN; LOCK TABLE im_commits IN EXCLUSIVE MODE");
      return;
    }
    file_.emplace(store::Connection::open(world.url.place, world.store_options).value());
    transaction_.emplace(store::Transaction::begin(file_->get(), store::Transaction::Kind::Write).value());
  }
  void release() {
    transaction_.reset();
    server_.reset();
  }

 private:
  std::optional<store::Connection> file_;
  std::optional<store::Transaction> transaction_;
  std::optional<support::PostgresClient> server_;
};

/// An intent of a message whose cloud data is "break" cannot be written: its command fails, or the whole transaction.
void break_intents(const World& world, bool whole_transaction) {
  const std::string when =
      "EXISTS (SELECT 1 FROM im_messages WHERE conv = new.conv AND seq = new.seq AND cloud_data = 'break')";
  if (world.on_server())
    world.sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF " + when + " THEN " +
              (whole_transaction ? "PERFORM pg_terminate_backend(pg_backend_pid());"
                                 : "RAISE EXCEPTION USING ERRCODE = '23514';") +
              " END IF; RETURN new; END $$; CREATE TRIGGER broken BEFORE INSERT ON im_intents FOR EACH ROW EXECUTE "
              "FUNCTION broken()");
  else
    world.sql("CREATE TRIGGER broken BEFORE INSERT ON im_intents WHEN " + when + " BEGIN SELECT RAISE(" +
              (whole_transaction ? "ROLLBACK" : "ABORT") + ", 'broken'); END");
}
void mend_intents(const World& world) {
  world.sql(world.on_server() ? "DROP TRIGGER broken ON im_intents" : "DROP TRIGGER broken");
}

TEST_CASE("im failures: while another process holds the store, all are answered busy and nothing happened",
          "[im][service]") {
  Two world;
  const SendRequest request = world.text("denny");
  Lock lock(world);
  for (const auto& reply : send_many(world, {request, world.text("nobody")})) CHECK(code_of(reply) == Code::Busy);
  CHECK(world.told.empty());
  CHECK(world.try_sync(world.denny));  // readers go on
  lock.release();
  CHECK_FALSE(world.send(world.anna, request).repeated);
  CHECK(world.chat(world.denny, "anna").head == Seq{1});
}

TEST_CASE("im failures: a command that fails half way is undone alone", "[im][service]") {
  Two world;
  break_intents(world, false);
  SendRequest bad = world.text("denny");
  bad.cloud_data = "break";
  const auto replies = send_many(world, {world.text("denny"), bad, world.text("denny")});
  REQUIRE(replies[0]);
  CHECK(code_of(replies[1]) == Code::Internal);
  REQUIRE(replies[2]);
  CHECK(replies[2]->id.seq == Seq{2});
  CHECK(replies[2]->ver == Ver{2});
  CHECK(world.news().deliveries.size() == 4);
  CHECK(world.chat(world.denny, "anna").unread == 2);
  CHECK(world.number("SELECT count(*) FROM im_messages") == 2);
  CHECK(world.number("SELECT count(*) FROM im_send_keys") == 2);
}

TEST_CASE("im failures: where the transaction itself is ended, everybody hears so and nothing is told",
          "[im][service]") {
  Two world;
  break_intents(world, true);
  SendRequest bad = world.text("denny");
  bad.cloud_data = "break";
  Lock lock(world);  // so that the two come into one batch
  std::vector<Answer<SendReply>> replies;
  const auto take = [&](Answer<SendReply> reply) { replies.push_back(std::move(reply)); };
  world.service->send(world.anna, world.text("denny"), take);
  world.service->send(world.anna, world.text("denny"), take);
  world.service->send(world.anna, bad, take);
  lock.release();
  REQUIRE(world.loop.until([&] { return replies.size() == 3; }));
  CHECK_FALSE(replies[2]);
  CHECK(world.news().deliveries.size() == 2 * static_cast<std::size_t>(std::ranges::count_if(
                                                  replies, [](const auto& each) { return each.has_value(); })));
  CHECK(world.number("SELECT count(*) FROM im_messages") ==
        std::ranges::count_if(replies, [](const auto& each) { return each.has_value(); }));
  mend_intents(world);
  const auto mended = world.try_send(world.anna, bad);
  CAPTURE(mended ? "" : mended.error().why, world.service->trouble());
  CHECK(mended);
}

TEST_CASE("im failures: a failed upkeep is tried again", "[im][service]") {
  Two world;
  world.send(world.anna, "denny");
  const auto id = world.intents().at(0).id;
  world.service->acknowledged(world.denny, Ver{1});
  world.service->intent_settled(id);
  {
    Lock lock(world);
    world.loop.pass(std::chrono::seconds(5));
    CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
  }
  CHECK(world.intents().size() == 1);
  world.loop.pass(std::chrono::seconds(5));
  world.login("berta");  // a commit behind it
  CHECK(world.intents().empty());
  CHECK(world.number("SELECT acked FROM im_terminals WHERE user_id = 'denny'") == 1);
}

TEST_CASE("im failures: a full queue answers busy", "[im][service]") {
  ServiceOptions options;
  options.queue_max = 1;
  options.reads_max = 1;
  Two world(options);
  Lock lock(world);
  int busy = 0, done = 0;
  for (int i = 0; i < 20; ++i)
    world.service->send(world.anna, world.text("denny"), [&](const Answer<SendReply>& reply) {
      CHECK(code_of(reply) == Code::Busy);
      ++busy;
    });
  for (int i = 0; i < 200; ++i)
    world.service->sync(world.anna, {}, [&](const Answer<SyncReply>& reply) {
      if (!reply) CHECK(reply.error().code == Code::Busy);
      ++done;
    });
  REQUIRE(world.loop.until([&] { return busy == 20 && done == 200; }));
  lock.release();
  CHECK(world.try_send(world.anna, world.text("denny")));
}

TEST_CASE("im failures: after a stop everything was answered once, and what follows is busy", "[im][service]") {
  Two world;
  std::vector<Answer<SendReply>> replies;
  for (int i = 0; i < 50; ++i)
    world.service->send(world.anna, world.text("denny"),
                        [&](Answer<SendReply> reply) { replies.push_back(std::move(reply)); });
  world.service->stop();
  CHECK(replies.size() == 50);
  const auto sent = std::ranges::count_if(replies, [](const auto& each) { return each.has_value(); });
  for (const auto& each : replies)
    if (!each) CHECK(each.error().code == Code::Busy);
  CHECK(world.number("SELECT count(*) FROM im_messages") == sent);
  CHECK(static_cast<std::int64_t>(world.news().deliveries.size()) == 2 * sent);
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
  CHECK(code_of(world.try_sync(world.anna)) == Code::Busy);
  world.service->acknowledged(world.anna, Ver{1});
  world.service->intent_settled(1);
  world.service->stop();
}

TEST_CASE("im failures: a newer schema is refused and left alone", "[im][service]") {
  World world;
  world.service.reset();
  const std::int64_t ours = world.number("SELECT version FROM im_schema");
  world.sql("UPDATE im_schema SET version = 99");
  const auto opened = world.try_start();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::Malformed);
  CHECK_THAT(opened.error().detail, Catch::Contains("version 99") && Catch::Contains("newer Nightpost"));
  CHECK(world.number("SELECT version FROM im_schema") == 99);
  world.sql("UPDATE im_schema SET version = " + std::to_string(ours));
  CHECK(world.try_start());
}

TEST_CASE("im failures: one IM server a file", "[im][service]") {
  World world({}, StoreKind::Sqlite);
  const auto second = world.try_start();
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::Overloaded);
  CHECK_THAT(second.error().detail, Catch::Contains("another IM server"));
  world.service.reset();
  CHECK(world.try_start());
  const auto nowhere = StoreService::open({StoreKind::Sqlite, ":memory:"}, world.store_options, world.open_store(), {},
                                          {}, {world.loop, world.clock, world, world.log});
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == Errc::Malformed);
}

TEST_CASE("im failures: a kill loses nothing that was answered, and what it owes is made up for", "[im][service]") {
  Two world;
  REQUIRE(world.report_token(world.denny, "token"));
  for (int i = 0; i < 5; ++i) world.send(world.anna, "denny");
  REQUIRE(world.read(world.denny, {.peer = "anna", .seq = Seq{2}}));
  const auto before = world.sync(world.denny);
  const auto intents = world.intents();
  const SendRequest last = world.text("denny");
  const SendReply sent = world.send(world.anna, last);
  world.service->acknowledged(world.denny, before.ver);
  world.service->intent_settled(intents.at(0).id);
  world.crash();
  const auto after = world.sync(world.denny);
  CHECK(after.ver.value == before.ver.value + 1);
  CHECK(after.unread_total == 4);
  CHECK(world.intents().size() == intents.size() + 1);  // what was not saved is pushed once more
  CHECK(world.number("SELECT acked FROM im_terminals WHERE user_id = 'denny'") == 0);
  const SendReply again = world.send(world.anna, last);
  CHECK(again.repeated);
  CHECK(again.id == sent.id);
  CHECK(world.send(world.anna, "denny").id.seq == Seq{7});
  CHECK(world.bound("denny") == std::vector<std::string>{"phone"});
}

TEST_CASE("im failures: the same message twice at once is one", "[im][service]") {
  Two world;
  const SendRequest request = world.text("denny");
  const auto replies = send_many(world, {request, request, request});
  for (const auto& reply : replies) {
    REQUIRE(reply);
    CHECK(reply->id == replies[0]->id);
  }
  CHECK_FALSE(replies[0]->repeated);
  CHECK(replies[2]->repeated);
  CHECK(world.chat(world.denny, "anna").unread == 1);
}

}  // namespace
}  // namespace nightpost::im
