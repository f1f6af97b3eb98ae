#include "store/admin_store.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>

#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

const WallTime kThen = wall_from_ms(1'795'225'887'405);

std::unique_ptr<AdminStore> admin_of(const TempStore& temp) {
  auto opened = temp.url().empty() ? open_sqlite_admin(temp.path()) : open_postgres_admin(temp.url());
  if (!opened) FAIL(opened.error().detail);
  return *std::move(opened);
}

AdminToken a_token(const std::string& name) {
  return {.name = name, .role = "operator", .apps = {kApp, {1400000002}}, .created_at = kThen, .created_by = "vinson"};
}

AdminToken a_link() {
  AdminToken link = a_token("first-start");
  link.kind = AdminToken::Kind::Link;
  link.expires_at = kThen + seconds(60);
  return link;
}

AuditEntry an_entry(const std::string& what, AppId app = kApp, const std::string& who = "vinson") {
  return {.at = kThen,
          .who = who,
          .token_id = 4,
          .origin = "10.0.0.7",
          .app = app,
          .what = what,
          .object = "3",
          .before = R"({"version":1})",
          .after = R"({"version":2})",
          .outcome = "done"};
}

TEST_CASE("admin tables: a token is kept by its hash and found by it alone", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  const auto added = store->add_token(a_token("ci"), "hash-1");
  REQUIRE(added);
  CHECK(added->id > 0);
  const auto found = admin_of(temp)->token_of("hash-1");
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->id == added->id);
  CHECK((*found)->name == "ci");
  CHECK((*found)->role == "operator");
  CHECK((*found)->apps == std::vector<AppId>{kApp, {1400000002}});
  CHECK((*found)->created_at == kThen);
  CHECK((*found)->created_by == "vinson");
  CHECK_FALSE((*found)->expires_at);
  CHECK_FALSE((*found)->used_at);
  CHECK_FALSE((*found)->revoked_at);
  for (const std::string& other : {std::string("hash-2"), std::string(), std::string("hash-1\0", 7),
                                   std::string("\xff\xfe"), std::string("' OR 1=1 --")}) {
    const auto none = store->token_of(other);
    REQUIRE(none);
    CHECK_FALSE(*none);
  }
  REQUIRE(store->touch_token(added->id, kThen + seconds(1)));
  CHECK(store->token(added->id)->used_at == kThen + seconds(1));
  CHECK(store->token(added->id + 1).error().code == Errc::NotFound);
}

TEST_CASE("admin tables: who reads private messages is kept with the token, and a session has it", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  AdminToken legal = a_token("legal");
  legal.reader = true;
  const auto reader = store->add_token(legal, "hash-1");
  const auto other = store->add_token(a_token("ci"), "hash-2");
  REQUIRE(reader);
  REQUIRE(other);
  CHECK(reader->reader);
  CHECK_FALSE(other->reader);
  CHECK(store->token(reader->id)->reader);
  CHECK_FALSE(store->token(other->id)->reader);
  for (const auto& [token, hash] : {std::pair{reader->id, "session-1"}, std::pair{other->id, "session-2"}}) {
    REQUIRE(store->add_session(hash, token, kThen, kThen + seconds(60), 5));
    const auto session = store->session(hash);
    REQUIRE(session);
    REQUIRE(*session);
    CHECK((*session)->token.reader == (token == reader->id));
    CHECK((*session)->ends_at == kThen + seconds(60));
    CHECK((*session)->id == hash);  // it is short
  }
}

TEST_CASE("admin tables: a token that is not as it must be is refused", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  REQUIRE(store->add_token(a_token("ci"), "hash-1"));
  struct Row {
    const char* name;
    std::function<void(AdminToken&)> spoil;
    std::string hash, says;
  };
  const std::vector<Row> rows = {
      {"no name", [](AdminToken& t) { t.name.clear(); }, "h", "token name: missing"},
      {"a long name", [](AdminToken& t) { t.name = std::string(65, 'a'); }, "h", "longer than 64"},
      {"markup", [](AdminToken& t) { t.name = "<b>"; }, "h", "only English letters"},
      {"a zero", [](AdminToken& t) { t.name = std::string("a\0b", 3); }, "h", "only English letters"},
      {"a role nobody has", [](AdminToken& t) { t.role = "root"; }, "h", "token role"},
      {"no role", [](AdminToken& t) { t.role.clear(); }, "h", "token role"},
      {"app 0", [](AdminToken& t) { t.apps = {{0}}; }, "h", "not positive"},
      {"too many apps", [](AdminToken& t) { t.apps.assign(101, kApp); }, "h", "more than 100"},
      {"no hash", [](AdminToken&) {}, "", "no text"},
      {"who is no text", [](AdminToken& t) { t.created_by = "\xff"; }, "h", "no text"},
      {"a name that is taken", [](AdminToken& t) { t.name = "ci"; }, "h", "taken"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    AdminToken token = a_token("other");
    row.spoil(token);
    const auto refused = store->add_token(token, row.hash);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
    CHECK(refused.error().detail.contains(row.says));
  }
  CHECK(store->tokens(10)->size() == 1);
}

TEST_CASE("admin tables: a revoked token stays in the list, its name is free, its sessions end", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  const auto first = store->add_token(a_token("ci"), "hash-1");
  REQUIRE(first);
  REQUIRE(store->add_session("session", first->id, kThen, kThen + seconds(60), 5));
  REQUIRE(store->revoke_token(first->id, kThen + seconds(2)));
  CHECK_FALSE(*store->session("session"));
  CHECK((*store->token_of("hash-1"))->revoked_at == kThen + seconds(2));
  CHECK(store->revoke_token(first->id, kThen).error().code == Errc::NotFound);
  CHECK(store->revoke_token(99, kThen).error().code == Errc::NotFound);
  const auto second = store->add_token(a_token("ci"), "hash-2");
  REQUIRE(second);
  const auto all = store->tokens(10);
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK(all->front().id == second->id);  // those that are good come first
  CHECK(store->tokens(1)->size() == 1);
}

TEST_CASE("admin tables: tokens are not without number", "[store][admin]") {
  const TempStore temp;  // a thousand rows; the words are the same on both
  auto store = admin_of(temp);
  for (std::size_t i = 0; i < kAdminTokensMax; ++i)
    REQUIRE(store->add_token(a_token("t" + std::to_string(i)), "hash-" + std::to_string(i)));
  const auto refused = store->add_token(a_token("more"), "hash-more");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.contains("revoke some first"));
  REQUIRE(store->add_token(a_link(), "link"));  // else nobody could come in and revoke one
  REQUIRE(store->revoke_token(1, kThen));
  CHECK(store->add_token(a_token("more"), "hash-more"));
}

TEST_CASE("admin tables: a link is good once, and until it ends", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  REQUIRE(store->add_token(a_link(), "link-1"));
  REQUIRE(store->add_token(a_link(), "link-2"));
  REQUIRE(store->add_token(a_link(), "link-3"));
  REQUIRE(store->add_token(a_token("ci"), "hash-1"));
  CHECK_FALSE(*store->token_of("link-1"));  // it is no token
  CHECK_FALSE(*store->use_link("hash-1", kThen));
  CHECK_FALSE(*store->use_link("link-9", kThen));
  const auto used = store->use_link("link-1", kThen);
  REQUIRE(used);
  REQUIRE(*used);
  CHECK((*used)->used_at == kThen);
  CHECK_FALSE(*store->use_link("link-1", kThen));
  CHECK_FALSE(*store->use_link("link-2", kThen + seconds(60)));
  CHECK(*store->use_link("link-2", kThen + seconds(59)));
  REQUIRE(store->add_session("by-link", (*used)->id, kThen, kThen + seconds(60), 5));
  REQUIRE(store->revoke_unused_links(kThen));
  CHECK_FALSE(*store->use_link("link-3", kThen));
  CHECK(*store->session("by-link"));  // what a link began stands
  REQUIRE(store->remove_session("by-link"));
  REQUIRE(store->revoke_unused_links(kThen));
  CHECK(store->tokens(10)->size() == 1);
}

TEST_CASE("admin tables: a session has its token's rights, and an end", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  const auto token = store->add_token(a_token("ci"), "hash-1");
  REQUIRE(token);
  REQUIRE(store->add_session("one", token->id, kThen, kThen + seconds(60), 2));
  const auto found = store->session("one");
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->token.name == "ci");
  CHECK((*found)->created_at == kThen);
  CHECK((*found)->ends_at == kThen + seconds(60));
  REQUIRE(store->touch_session("one", kThen + seconds(5)));
  CHECK((*store->session("one"))->used_at == kThen + seconds(5));

  REQUIRE(store->add_session("two", token->id, kThen + seconds(1), kThen + seconds(60), 2));
  REQUIRE(store->add_session("three", token->id, kThen + seconds(2), kThen + seconds(90), 2));
  CHECK_FALSE(*store->session("one"));  // the oldest made room
  CHECK(*store->session("two"));

  REQUIRE(store->prune_sessions(kThen + seconds(2), kThen + seconds(30)));
  CHECK_FALSE(*store->session("two"));  // used last at second 1
  CHECK(*store->session("three"));
  REQUIRE(store->prune_sessions(kThen, kThen + seconds(90)));
  CHECK_FALSE(*store->session("three"));

  CHECK_FALSE(store->add_session("four", token->id + 1, kThen, kThen, 2));  // nobody's
  CHECK_FALSE(store->add_session("", token->id, kThen, kThen, 2));
  REQUIRE(store->add_session("five", token->id, kThen, kThen + seconds(60), 2));
  REQUIRE(store->remove_session("five"));
  CHECK_FALSE(*store->session("five"));
}

TEST_CASE("admin tables: sessions are listed and ended by how their hash begins", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  const auto token = store->add_token(a_token("ci"), "hash-1");
  REQUIRE(token);
  const std::string first(64, 'a'), second = std::string(16, 'b') + std::string(48, 'f'), third(64, 'c');
  REQUIRE(store->add_session(first, token->id, kThen, kThen + seconds(60), 9));
  REQUIRE(store->add_session(second, token->id, kThen + seconds(1), kThen + seconds(90), 9));
  REQUIRE(store->add_session(third, token->id, kThen + seconds(2), kThen + seconds(90), 9));
  const auto ids = [&](WallTime used_since, WallTime now, std::size_t limit) {
    std::string all;
    for (const AdminSession& each : store->sessions(used_since, now, limit).value()) all += each.id.front();
    return all;
  };
  CHECK(ids(kThen, kThen, 9) == "cba");
  CHECK(ids(kThen, kThen, 2) == "cb");
  CHECK(ids(kThen, kThen + seconds(60), 9) == "cb");  // the first is over
  CHECK(ids(kThen + seconds(2), kThen, 9) == "c");    // the others are idle
  CHECK(ids(kThen + seconds(3), kThen, 9).empty());
  const auto found = store->session_of_id(std::string(16, 'b'));
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->id == std::string(16, 'b'));
  CHECK((*found)->token.name == "ci");
  CHECK((*found)->ends_at == kThen + seconds(90));
  for (const std::string& none :
       {std::string(), std::string("b"), std::string(15, 'b'), std::string(17, 'b'), second, std::string(16, 'd'),
        std::string(15, 'b') + "%", std::string(16, '\0'), std::string(16, '\xff')}) {
    CHECK_FALSE(store->session_of_id(none).value());
    CHECK(store->remove_session_of_id(none).error().code == Errc::NotFound);
  }
  REQUIRE(store->remove_session_of_id(std::string(16, 'b')));
  CHECK(ids(kThen, kThen, 9) == "ca");
  CHECK_FALSE(*store->session(second));
}

TEST_CASE("admin tables: a change and its entry are one commit", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = temp.open();
  auto log = admin_of(temp);
  const auto entries = [&] { return log->audit({}, 10).value(); };
  const auto add = [&](const std::string& name, bool recorded) {
    return store->together([&]() -> Result<void> {
      if (auto added = store->add_certificate(a_certificate(name)); !added)
        return std::unexpected(std::move(added.error()));
      AuditEntry entry = an_entry("certificate.add");
      if (!recorded) entry.who = "\xff";
      return store->add_audit(entry);
    });
  };
  REQUIRE(add("one", true));
  CHECK(store->certificates(std::nullopt)->size() == 1);
  REQUIRE(entries().size() == 1);
  CHECK(entries().front().what == "certificate.add");
  CHECK(add("two", false).error().code == Errc::Malformed);  // no entry, so no certificate
  CHECK(temp.open()->certificates(std::nullopt)->size() == 1);
  CHECK_FALSE(add("one", true));  // the name is taken, so there is no entry
  CHECK(entries().size() == 1);
  // What is undone inside is undone alone, and the connection goes on.
  REQUIRE(store->together([&]() -> Result<void> {
    CHECK_FALSE(store->add_certificate(a_certificate("one")));
    CHECK(store->set_settings(kApp, "vinson", {.enabled = false}));
    CHECK(store->certificates(std::nullopt)->size() == 1);
    return store->add_audit(an_entry("user.settings"));
  }));
  const ReceiverKey vinson{kApp, "vinson"};
  CHECK_FALSE(temp.open()->receivers({&vinson, 1})->front().settings.enabled);
  CHECK(entries().size() == 2);
  REQUIRE(store->add_audit(an_entry("alone")));
  CHECK(entries().size() == 3);
  // The admin tables likewise.
  const auto make = [&](const std::string& who) {
    return log->together([&]() -> Result<void> {
      if (auto made = log->add_token(a_token("ci"), "hash-1"); !made) return std::unexpected(std::move(made.error()));
      return log->add_audit(an_entry("token.add", kApp, who));
    });
  };
  CHECK_FALSE(make("\xff"));
  CHECK(log->tokens(10)->empty());
  REQUIRE(make("vinson"));
  CHECK(log->tokens(10)->size() == 1);
  CHECK(entries().size() == 4);
}

TEST_CASE("admin tables: the audit log is asked by app, person, deed and time", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  const AppId other{140000000};  // its digits begin kApp's
  REQUIRE(store->add_audit(an_entry("certificate.add")));
  REQUIRE(store->add_audit(an_entry("certificate.replace", kApp, "denny")));
  REQUIRE(store->add_audit(an_entry("device.set", other)));
  AuditEntry late = an_entry("token.add", {0});
  late.at = kThen + seconds(10);
  REQUIRE(store->add_audit(late));

  struct Row {
    const char* name;
    AuditQuery query;
    std::vector<std::string> want;
  };
  const std::vector<Row> rows = {
      {"all, the latest first", {}, {"token.add", "device.set", "certificate.replace", "certificate.add"}},
      {"of an app", {.apps = {kApp}}, {"certificate.replace", "certificate.add"}},
      {"of two", {.apps = {kApp, other}}, {"device.set", "certificate.replace", "certificate.add"}},
      {"of one that did nothing", {.apps = {{14}}}, {}},
      {"of a person", {.who = "denny"}, {"certificate.replace"}},
      {"of nobody", {.who = "den"}, {}},
      {"by the deed's beginning", {.what = "certificate."}, {"certificate.replace", "certificate.add"}},
      {"a deed's end is none", {.what = "add"}, {}},
      {"a pattern is no pattern", {.what = "%"}, {}},
      {"since", {.since = kThen + seconds(1)}, {"token.add"}},
      {"until", {.until = kThen}, {}},
      {"before an id", {.before = 3}, {"certificate.replace", "certificate.add"}},
      {"no text", {.who = "\xff"}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto found = store->audit(row.query, 10);
    REQUIRE(found);
    std::vector<std::string> got;
    for (const AuditEntry& entry : *found) got.push_back(entry.what);
    CHECK(got == row.want);
  }
  const auto one = store->audit({}, 1);
  REQUIRE(one->size() == 1);
  CHECK(one->front().at == late.at);
  const AuditEntry first = store->audit({.who = "denny"}, 1)->front();
  CHECK(first.token_id == 4);
  CHECK(first.origin == "10.0.0.7");
  CHECK(first.app == kApp);
  CHECK(first.object == "3");
  CHECK(first.before == R"({"version":1})");
  CHECK(first.after == R"({"version":2})");
  CHECK(first.outcome == "done");
}

TEST_CASE("admin tables: the audit log forgets by age and size, the oldest first", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  for (int i = 0; i < 6; ++i) {
    AuditEntry entry = an_entry("deed." + std::to_string(i));
    entry.at = kThen + seconds(i);
    REQUIRE(store->add_audit(entry));
  }
  const WallTime later = kThen + seconds(99);
  CHECK(*store->prune_audit({kThen + seconds(2), 100, later}, 1) == 1);
  CHECK(*store->prune_audit({kThen + seconds(2), 100, later}, 100) == 1);
  CHECK(*store->prune_audit({kThen + seconds(2), 100, later}, 100) == 0);
  CHECK(*store->prune_audit({kThen, 1, kThen + seconds(2)}, 100) == 0);  // all are too young to go for their number
  CHECK(*store->prune_audit({kThen, 1, kThen + seconds(3)}, 100) == 1);
  CHECK(*store->prune_audit({kThen, 3, later}, 100) == 0);
  const auto left = store->audit({}, 10);
  REQUIRE(left->size() == 3);
  CHECK(left->back().what == "deed.3");
}

TEST_CASE("admin tables: what cannot be text is cut or refused", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto store = admin_of(temp);
  AuditEntry entry = an_entry("deed");
  entry.before = std::string("a\0b\xff", 4);
  entry.after = std::string(kAuditTextBytesMax + 1, 'x');
  entry.outcome = "failed: \xff" + std::string(kAuditTextBytesMax, 'x');
  REQUIRE(store->add_audit(entry));
  const AuditEntry kept = store->audit({}, 1)->front();
  CHECK(kept.before == "ab\xef\xbf\xbd");
  CHECK(kept.after.size() == kAuditTextBytesMax);
  CHECK(kept.outcome.starts_with("failed: \xef\xbf\xbdx"));
  CHECK(kept.outcome.size() < kAuditTextBytesMax + 4);
  entry.who = std::string("a\0b", 3);
  CHECK(store->add_audit(entry).error().code == Errc::Malformed);
}

TEST_CASE("admin tables: nobody edits the audit log", "[store][admin]") {
  const TempStore temp;
  REQUIRE(admin_of(temp)->add_audit(an_entry("deed")));
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(temp.path().c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> db(raw);
  CHECK(sqlite3_exec(raw, "UPDATE audit_log SET who = 'nobody'", nullptr, nullptr, nullptr) == SQLITE_CONSTRAINT);
  CHECK(std::string(sqlite3_errmsg(raw)) == "the audit log is append-only");
}

TEST_CASE("admin tables: devices are found by how their token begins", "[store][admin]") {
  const TempStore temp(GENERATE(each_store()));
  auto devices = temp.open();
  const auto put = [&](const std::string& user, const std::string& token, AppId app = kApp) {
    Device device = a_device();
    device.token = DeviceToken(token);
    REQUIRE(devices->set_device(app, user, device));
  };
  put("a", "abcdef01");
  put("b", "abcdef02");
  put("c", "abcdeg00");
  put("d", "abcdef03", {1400000002});
  auto store = admin_of(temp);
  const auto users = [&](std::string_view prefix, std::optional<AppId> app, std::size_t limit = 10) {
    std::string all;
    const auto found = store->devices_by_token(prefix, app, limit);
    REQUIRE(found);
    for (const DeviceKey& key : *found) all += key.user_id;
    return all;
  };
  CHECK(users("abcdef", std::nullopt) == "abd");
  CHECK(users("abcdef", kApp) == "ab");
  CHECK(users("abcdef", kApp, 1) == "a");
  CHECK(users("abcdef02", kApp) == "b");
  CHECK(users("abcdef021", kApp).empty());
  CHECK(users("%", std::nullopt).empty());
  CHECK(users("", std::nullopt).empty());
  CHECK(users(std::string_view("abc\0", 4), std::nullopt).empty());
}

}  // namespace
}  // namespace nightpost::store
