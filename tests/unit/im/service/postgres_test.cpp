// What only a server can do to the service: go away, come back, be another's, and not say whether it committed.
#include <chrono>
#include <thread>

#include "service_world.h"
#include "support/postgres_proxy.h"

namespace nightpost::im {
namespace {

using support::PostgresClient;
using support::PostgresProxy;
using support::PostgresServer;
using Fault = PostgresProxy::Fault;
using namespace std::chrono_literals;

const std::string kOthers = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

ServiceOptions quick() {
  ServiceOptions options;
  options.reconnect = {.first = milliseconds(5), .max = milliseconds(50)};
  return options;
}

struct OnServer : Two {
  explicit OnServer(ServiceOptions with = quick()) : Two(std::move(with), StoreKind::Postgres) {}

  /// Those that there are now; the service makes new ones.
  void kill_sessions() const {
    PostgresClient(url.place).text("SELECT count(pg_terminate_backend(pid, 5000)) " + kOthers);
  }
  std::int64_t messages() const { return number("SELECT count(*) FROM im_messages"); }
  std::size_t deliveries() { return news().deliveries.size(); }
  /// Until it is done; how often it was Busy before.
  int until_sent(const SendRequest& request) {
    for (int busy = 0;; ++busy) {
      const auto reply = try_send(anna, request);
      if (reply) return busy;
      CHECK(reply.error().code == Code::Busy);
      REQUIRE(busy < 2'000);
      std::this_thread::sleep_for(5ms);
    }
  }
};

/// With a proxy between the service and its server.
struct Between : OnServer {
  Between() : proxy(url.place, "im_commit") {
    service.reset();
    direct = std::exchange(url.place, proxy.url());
    start();
  }
  ~Between() override { service.reset(); }  // before the proxy

  PostgresProxy proxy;
  std::string direct;
};

TEST_CASE("im postgres: sessions that ended while nobody asked are made anew, and nobody hears of it",
          "[im][service][postgres]") {
  OnServer world;
  world.send(world.anna, "denny");
  world.kill_sessions();
  CHECK(world.send(world.anna, "denny").id.seq == Seq{2});
  CHECK(world.sync(world.denny).chats.at(0).unread == 2);
  CHECK(world.service->trouble().empty());
  CHECK(world.deposed == 0);
}

TEST_CASE("im postgres: killed in the midst of traffic, what is answered is there and nothing else",
          "[im][service][postgres]") {
  OnServer world;
  std::vector<Answer<SendReply>> replies;
  int asked = 0, looks = 0, looked = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i, ++asked)
      world.service->send(world.anna, world.text("denny"),
                          [&](Answer<SendReply> reply) { replies.push_back(std::move(reply)); });
    for (int i = 0; i < 5; ++i, ++looks)
      world.service->sync(world.denny, {}, [&](const Answer<SyncReply>& reply) {
        if (!reply) CHECK(reply.error().code == Code::Busy);
        ++looked;
      });
    std::this_thread::sleep_for(milliseconds(round));
    world.kill_sessions();
  }
  REQUIRE(world.loop.until([&] { return std::cmp_equal(replies.size(), asked) && looked == looks; }));
  std::int64_t done = 0, last = 0;
  for (const auto& reply : replies) {
    if (!reply) {
      CHECK(reply.error().code == Code::Busy);
      continue;
    }
    ++done;
    CHECK(reply->id.seq.value == last + 1);  // dense, in the order of answers
    last = reply->id.seq.value;
  }
  CHECK(done > 0);
  CHECK(world.messages() == done);
  CHECK(std::cmp_equal(world.deliveries(), 2 * done));
  CHECK(world.chat(world.denny, "anna").unread == done);
  CHECK(world.deposed == 0);
}

TEST_CASE("im postgres: while the server is away all is Busy, and after its restart all goes on",
          "[im][service][postgres]") {
  PostgresServer server;
  const std::string url = server.new_database();
  OnServer world;
  world.service.reset();
  const std::string before = std::exchange(world.url.place, url);
  world.start();
  world.anna = world.login("anna");
  world.denny = world.login("denny");
  const SendRequest request = world.text("denny");
  world.send(world.anna, request);
  server.stop();
  world.news();
  for (int i = 0; i < 5; ++i) {
    CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
    CHECK(code_of(world.try_sync(world.denny)) == Code::Busy);
  }
  CHECK(world.told.empty());
  CHECK_FALSE(world.service->trouble().empty());
  server.start();
  for (int i = 0; i < 2'000 && !world.service->trouble().empty(); ++i) std::this_thread::sleep_for(5ms);
  CHECK(world.service->trouble().empty());  // though nobody asked
  CHECK(world.until_sent(world.text("denny")) == 0);
  CHECK(world.send(world.anna, request).repeated);
  std::optional<SyncReply> found;
  for (int i = 0; i < 2'000 && !found; ++i) {
    if (auto reply = world.try_sync(world.denny)) found = *std::move(reply);
    if (!found) std::this_thread::sleep_for(5ms);
  }
  REQUIRE(found);
  CHECK(found->chats.at(0).unread == 2);
  CHECK(world.deposed == 0);
  world.service.reset();
  world.url.place = before;
}

TEST_CASE("im postgres: a commit whose answer is lost is looked up, and answered as what it was",
          "[im][service][postgres]") {
  Between world;
  const SendRequest request = world.text("denny");
  world.proxy.next_commit(Fault::LoseAnswer);
  const auto reply = world.try_send(world.anna, request);
  REQUIRE(reply);
  CHECK(reply->id.seq == Seq{1});
  CHECK(world.deliveries() == 2);
  CHECK(world.messages() == 1);
  CHECK(world.metrics.commits_unknown.read() == 1);
  CHECK(world.send(world.anna, request).repeated);
  CHECK(world.send(world.anna, "denny").id.seq == Seq{2});
  CHECK(world.service->trouble().empty());
  CHECK(world.deposed == 0);
}

TEST_CASE("im postgres: a commit that never came is Busy, and nothing is told", "[im][service][postgres]") {
  Between world;
  const SendRequest request = world.text("denny");
  world.proxy.next_commit(Fault::LoseCommit);
  const auto reply = world.try_send(world.anna, request);
  CHECK(code_of(reply) == Code::Busy);
  CHECK_THAT(reply.error().why, Catch::Contains("nothing happened"));
  CHECK(world.told.empty());
  CHECK(world.messages() == 0);
  CHECK(world.metrics.commits_unknown.read() == 1);
  const SendReply again = world.send(world.anna, request);
  CHECK_FALSE(again.repeated);
  CHECK(again.id.seq == Seq{1});
  CHECK(world.deliveries() == 2);
}

TEST_CASE("im postgres: until a lost commit is known its commands wait, and others are Busy",
          "[im][service][postgres]") {
  Between world;
  std::optional<Answer<SendReply>> first;
  world.proxy.next_commit(Fault::LoseAnswer);
  world.proxy.refuse(true);
  world.service->send(world.anna, world.text("denny"), [&](Answer<SendReply> reply) { first = std::move(reply); });
  while (world.metrics.commits_unknown.read() == 0) std::this_thread::sleep_for(1ms);
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
  CHECK_FALSE(first);
  CHECK(world.told.empty());
  CHECK_FALSE(world.service->trouble().empty());
  world.proxy.refuse(false);
  REQUIRE(world.loop.until([&] { return first.has_value(); }));
  REQUIRE(*first);
  CHECK((*first)->id.seq == Seq{1});
  CHECK(world.deliveries() == 2);
  CHECK(world.messages() == 1);
}

TEST_CASE("im postgres: a stop does not wait for a server that is away; its repeat finds what happened",
          "[im][service][postgres]") {
  const bool took_place = GENERATE(true, false);
  Between world;
  const SendRequest request = world.text("denny");
  std::optional<Answer<SendReply>> first;
  world.proxy.next_commit(took_place ? Fault::LoseAnswer : Fault::LoseCommit);
  world.proxy.refuse(true);
  world.service->send(world.anna, request, [&](Answer<SendReply> reply) { first = std::move(reply); });
  while (world.metrics.commits_unknown.read() == 0) std::this_thread::sleep_for(1ms);
  world.service->stop();
  REQUIRE(first);
  CHECK(code_of(*first) == Code::Busy);
  CHECK_THAT(first->error().why, Catch::Contains("not known"));
  world.proxy.refuse(false);
  world.restart();
  const SendReply again = world.send(world.anna, request);
  CHECK(again.repeated == took_place);
  CHECK(again.id.seq == Seq{1});
  CHECK(world.messages() == 1);
}

TEST_CASE("im postgres: a former session that the server thinks alive does not keep us out",
          "[im][service][postgres]") {
  Between world;
  world.send(world.anna, "denny");
  world.proxy.abandon();
  std::this_thread::sleep_for(30ms);
  CHECK(world.until_sent(world.text("denny")) <= 1);
  CHECK(world.messages() == 2);
  CHECK(world.deposed == 0);
}

TEST_CASE("im postgres: a session that was lost inside of a commit is over before it is looked at",
          "[im][service][postgres]") {
  // The old session has the commit before it, and the server works on it for a while: a trigger at its end.
  Between world;
  world.sql(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.client_id = 'slow' THEN PERFORM "
      "pg_sleep(0.3); END IF; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON im_messages "
      "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()");
  SendRequest request = world.text("denny");
  request.client_id = "slow";
  std::optional<Answer<SendReply>> first;
  world.service->send(world.anna, request, [&](Answer<SendReply> reply) { first = std::move(reply); });
  PostgresClient client(world.direct);
  while (client.text("SELECT count(*) " + kOthers + " AND query = 'COMMIT' AND state = 'active'") != "1")
    std::this_thread::sleep_for(1ms);
  world.proxy.abandon();
  REQUIRE(world.loop.until([&] { return first.has_value(); }));
  // Whichever it became, the answer and the tables agree, and stay so.
  std::this_thread::sleep_for(500ms);
  CHECK(world.messages() == (first->has_value() ? 1 : 0));
  CHECK(world.deliveries() == (first->has_value() ? 2U : 0U));
  CHECK(world.metrics.commits_unknown.read() == 1);
}

TEST_CASE("im postgres: who lost its place to a process of its name writes and reads no more",
          "[im][service][postgres]") {
  OnServer world;
  world.send(world.anna, "denny");
  world.news();
  auto old = std::move(world.service);
  world.kill_sessions();  // as when its host is cut off for a while
  world.start();          // another process
  world.send(world.anna, "denny");
  world.news();
  world.service.swap(old);
  for (int i = 0; i < 3; ++i) {
    CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
    CHECK(code_of(world.try_sync(world.denny)) == Code::Busy);
  }
  CHECK(world.told.empty());
  CHECK(world.deposed == 1);
  CHECK_THAT(world.deposed_why, Catch::Contains("another IM server"));
  CHECK_FALSE(world.service->trouble().empty());
  world.service->acknowledged(world.denny, Ver{2});
  world.service->stop();  // what it would save is not its own to save
  world.service.swap(old);
  CHECK(world.messages() == 2);
  CHECK(world.number("SELECT acked FROM im_terminals WHERE user_id = 'denny'") == 0);
  CHECK(world.send(world.anna, "denny").id.seq == Seq{3});
  CHECK(world.deposed == 1);
}

TEST_CASE("im postgres: a server that forgot what was answered ends the process", "[im][service][postgres]") {
  OnServer world;
  world.send(world.anna, "denny");
  world.news();
  world.sql("UPDATE im_nodes SET commits = commits - 1");  // as a standby that was behind
  CHECK(code_of(world.try_sync(world.denny)) == Code::Busy);
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Busy);
  CHECK(world.told.empty());
  CHECK(world.deposed == 1);
  CHECK_THAT(world.deposed_why, Catch::Contains("were answered"));
  CHECK(world.messages() == 1);
}

TEST_CASE("im postgres: a look begins after what the loop was told of before", "[im][service][postgres]") {
  OnServer world;
  for (int i = 1; i <= 100; ++i) {
    const Seq sent = world.send(world.anna, "denny").id.seq;
    CHECK(world.sync(world.denny).chats.at(0).head == sent);
  }
}

TEST_CASE("im postgres: what a send and a look cost in round trips", "[im][service][postgres]") {
  Between world;
  REQUIRE(world.report_token(world.denny, "token"));
  world.send(world.anna, "denny");
  const auto cost = [&](auto&& work) {
    const int before = world.proxy.round_trips();
    work();
    return world.proxy.round_trips() - before;
  };
  // A begin, 15 questions, a commit: who may speak is one, what groups add to the unread totals two.
  CHECK(cost([&] { world.send(world.anna, "denny"); }) == 17);
  const SendRequest repeated = world.text("denny");
  world.send(world.anna, repeated);
  CHECK(cost([&] { world.send(world.anna, repeated); }) == 4);
  // A begin, what is asked, an end. The end comes behind the answer, so that of the look before these may count.
  CHECK(cost([&] {
          for (int look = 0; look < 10; ++look) world.sync(world.denny);
        }) <= 91);
}

TEST_CASE("im postgres: U+0000 is refused by its field, and what is no UTF-8 reaches no table",
          "[im][service][postgres]") {
  OnServer world;
  const std::string zero("a\0b", 3);
  CHECK(code_of(world.import("berta", zero)) == Code::Malformed);
  CHECK(code_of(world.import("berta", "\xff")) == Code::Malformed);
  SendRequest request = world.text("denny");
  request.cloud_data = zero;
  CHECK(code_of(world.try_send(world.anna, request)) == Code::Malformed);
  request = world.text("denny", "a\\u0000b");
  const auto reply = world.try_send(world.anna, request);
  CHECK(code_of(reply) == Code::Malformed);
  CHECK_THAT(reply.error().why, Catch::Contains("U+0000"));
  request = world.text(zero);
  CHECK(code_of(world.try_send(world.anna, request)) == Code::Malformed);
  CHECK(world.messages() == 0);
}

}  // namespace
}  // namespace nightpost::im
