// Two nodes that write the dispatcher's store at once: the later in the order of commits has the last word.
#include <chrono>
#include <string>

#include "nodes_world.h"

namespace nightpost::im {
namespace {

/// Mia's phone is logged in at a, and registered. Writes of the dispatcher's store can be made slow, so that those of
/// the other node come between a commit and them.
struct PushNodes : Nodes {
  PushNodes() {
    phone = a.login("mia");
    REQUIRE(a.report_token(phone, "first"));
    settle();
  }
  /// `when`: of the row, "NEW.token = 'slow'", or "OLD.user_id = 'mia'".
  void make_slow(const std::string& event, const std::string& when) const {
    a.sql("CREATE FUNCTION drowse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN " +
          std::string(event == "DELETE" ? "OLD" : "NEW") + "; END $$");
    a.sql("CREATE TRIGGER drowsy BEFORE " + event + " ON devices FOR EACH ROW WHEN (" + when +
          ") EXECUTE FUNCTION drowse()");
  }
  std::string token() const {
    const auto rows = a.open_store()->devices(kApp, "mia", 100).value();
    return rows.empty() ? "" : rows.front().device.token.text();
  }
  template <class T>
  struct Asked {
    std::optional<Answer<T>> answer;
    Reply<T> reply() {
      return [this](Answer<T> got) { answer.emplace(std::move(got)); };
    }
  };
  static void report(World& at, const Terminal& who, const std::string& token, Asked<void>& asked) {
    at.service->report_token(who, {CertificateId{7}, DeviceToken(token)}, asked.reply());
  }
  /// The other node's commit is there, its answer maybe not.
  void await_commits(std::int64_t above) const {
    for (const auto until = std::chrono::steady_clock::now() + milliseconds(250);
         last() <= above && std::chrono::steady_clock::now() < until;)
      std::this_thread::sleep_for(milliseconds(1));
  }
  Terminal phone;
};

TEST_CASE("im nodes: a logout at one node takes no token that was registered at another since",
          "[im][service][postgres][nodes]") {
  PushNodes nodes;
  nodes.make_slow("DELETE", "OLD.user_id = 'mia'");
  PushNodes::Asked<void> out, in;
  PushNodes::Asked<LoginReply> again;
  const std::int64_t before = nodes.last();
  nodes.a.service->logout(nodes.phone, out.reply());
  nodes.await_commits(before);  // and its token is being taken away
  nodes.b.service->login(nodes.b.login_request("mia", "phone", Platform::Ios), again.reply());
  nodes.until([&] { return again.answer.has_value(); });
  REQUIRE(*again.answer);
  PushNodes::report(nodes.b, (*again.answer)->terminal, "second", in);
  nodes.until([&] { return out.answer && in.answer; });
  CHECK(*out.answer);
  CHECK(*in.answer);
  CHECK(nodes.token() == "second");
  CHECK(nodes.a.number("SELECT count(*) FROM im_unbinds") == 0);
}

TEST_CASE("im nodes: a registration at one node does not come behind a kick at another",
          "[im][service][postgres][nodes]") {
  PushNodes nodes;
  nodes.make_slow("INSERT OR UPDATE", "NEW.token = 'slow'");
  PushNodes::Asked<void> in, kicked;
  PushNodes::report(nodes.a, nodes.phone, "slow", in);
  nodes.await_commits(nodes.last());
  nodes.b.service->kick({kApp, "mia"}, kicked.reply());
  nodes.until([&] { return in.answer && kicked.answer; });
  CHECK(*in.answer);
  CHECK(*kicked.answer);
  CHECK(nodes.token().empty());
}

TEST_CASE("im nodes: of two registrations at two nodes the later in the order stays",
          "[im][service][postgres][nodes]") {
  PushNodes nodes;
  nodes.make_slow("INSERT OR UPDATE", "NEW.token = 'slow'");
  PushNodes::Asked<void> one, other;
  PushNodes::Asked<LoginReply> again;
  PushNodes::report(nodes.a, nodes.phone, "slow", one);
  nodes.await_commits(nodes.last());
  nodes.b.service->login(nodes.b.login_request("mia", "phone", Platform::Ios), again.reply());
  nodes.until([&] { return again.answer.has_value(); });
  REQUIRE(*again.answer);
  PushNodes::report(nodes.b, (*again.answer)->terminal, "third", other);
  nodes.until([&] { return one.answer && other.answer; });
  CHECK(*other.answer);
  CHECK(nodes.token() == "third");
}

TEST_CASE("im nodes: a commit is told once the dispatcher's store is written, and so are logouts",
          "[im][service][postgres][nodes]") {
  PushNodes nodes;
  nodes.b.told.clear();
  PushNodes::Asked<void> out;
  nodes.make_slow("DELETE", "OLD.user_id = 'mia'");
  nodes.a.service->logout(nodes.phone, out.reply());
  const auto ended = [](const World& world) {
    return std::ranges::any_of(world.told, [](const Committed& each) { return !each.ended.empty(); });
  };
  nodes.until([&] { return ended(nodes.b); });
  CHECK(nodes.token().empty());
  nodes.until([&] { return out.answer.has_value(); });
  CHECK(*out.answer);
}

TEST_CASE("im nodes: what the dispatcher's store does not take away at once goes later",
          "[im][service][postgres][nodes]") {
  PushNodes nodes;
  nodes.a.sql("ALTER TABLE devices RENAME TO devices_away");
  REQUIRE(nodes.a.logout(nodes.phone));
  CHECK(nodes.a.number("SELECT count(*) FROM im_unbinds") == 1);
  SECTION("at the next commit") {}
  SECTION("also where the rows could not be read meanwhile") {
    nodes.a.sql("ALTER TABLE im_unbinds RENAME TO unbinds_away");
    CHECK_FALSE(nodes.ask<SendReply>(
        [&](auto reply) { nodes.a.service->send(nodes.anna, nodes.a.text("denny"), std::move(reply)); }));
    nodes.a.sql("ALTER TABLE unbinds_away RENAME TO im_unbinds");
  }
  nodes.a.sql("ALTER TABLE devices_away RENAME TO devices");
  CHECK(nodes.token() == "first");
  for (int tries = 0; tries < 100 && !nodes.token().empty(); ++tries) nodes.a.send(nodes.anna, "denny");
  CHECK(nodes.token().empty());
  nodes.a.send(nodes.anna, "denny");
  CHECK(nodes.a.number("SELECT count(*) FROM im_unbinds") == 0);
}

}  // namespace
}  // namespace nightpost::im
