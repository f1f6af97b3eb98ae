// What the command line changes in the store stands in the audit log: who, from where, what; in the same commit.
#include "app/cli_audit.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/output.h"
#include "store/admin_store.h"
#include "store/sealer.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

/// A folder with a config, a store, a master key and what a Xiaomi credential needs.
class AuditOffice {
 public:
  AuditOffice() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("master.key", store::Sealer::new_key_text() + "\n");
    write("mi.secret", "abcdefghijklmnopqrstuv==\n");
    write("config.json",
          Json{{"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}}}.dump());
  }
  AuditOffice(const AuditOffice&) = delete;
  AuditOffice& operator=(const AuditOffice&) = delete;
  ~AuditOffice() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    std::filesystem::permissions(file(name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  support::CliRan run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  /// The latest first.
  std::vector<store::AuditEntry> entries() const {
    const auto tables = store::open_sqlite_admin(file("store.db"));
    REQUIRE(tables);
    return (*tables)->audit({}, 1'000).value();
  }
  void add_certificate(const std::string& name) const {
    REQUIRE(run({"cert", "add", "--vendor", "xiaomi", "--app", "7", "--name", name, "--package", "com.example.shop",
                 "--set", "app_id=100000001", "--secret-file", file("mi.secret")})
                .code == kDone);
  }

 private:
  std::string folder_ = "/tmp/nightpost-audit-XXXXXX";
};

TEST_CASE("cli audit: each change by a command is an entry, what is refused is none", "[app][audit]") {
  const AuditOffice office;
  office.add_certificate("shop");
  office.write(
      "devices.ndjson",
      R"({"app_id":7,"user_id":"denny","device_id":"d","platform":"android","registered_at":1,"certificate_id":1,)"
      R"("token":"regid-9876543210"})"
      "\nno line\n");
  office.write("users.ndjson", R"({"app_id":7,"user_id":"denny","push":false})"
                               "\n");
  struct Step {
    std::vector<std::string> arguments;
    std::string deed;  // empty: no entry
    std::string object;
  };
  const std::vector<std::string> who = {"--app", "7", "--user", "vinson"};
  const auto with = [](std::vector<std::string> all, std::vector<std::string> more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<Step> steps = {
      {{"cert", "list"}, "", ""},
      {{"cert", "show", "1"}, "", ""},
      {{"cert", "show", "1", "--receipt-key"}, "certificate.receipt_key", "1"},
      {{"cert", "update", "1", "--package", "com.other"}, "certificate.replace", "1"},
      {{"cert", "update", "9", "--package", "com.other"}, "", ""},
      {{"cert", "disable", "1"}, "certificate.disable", "1"},
      {{"cert", "enable", "1"}, "certificate.enable", "1"},
      {{"cert", "enable", "9"}, "", ""},
      {{"cert", "rollback", "1", "--to", "1"}, "certificate.rollback", "1"},
      {{"cert", "rollback", "1", "--to", "77"}, "", ""},
      {{"cert", "rekey"}, "certificate.rekey", ""},
      {{"cert", "approve-removals", "1"}, "certificate.approve_removals", "1"},
      {{"cert", "approve-removals", "9"}, "", ""},
      {with({"device", "set", "--device", "mi", "--certificate", "1", "--token", "regid-0123456789"}, who),
       "device.set", "vinson/mi"},
      {with({"device", "set", "--device", "mi", "--certificate", "9", "--token", "regid-0123456789"}, who), "", ""},
      {with({"device", "list"}, who), "", ""},
      {{"cert", "remove", "1"}, "", ""},  // a device uses it
      {with({"device", "remove", "--device", "mi"}, who), "device.unbind", "vinson/mi"},
      {with({"device", "remove", "--device", "mi"}, who), "", ""},
      {with({"user", "set", "--push", "off"}, who), "user.settings", "vinson"},
      {with({"user", "set", "--push", "maybe"}, who), "", ""},
      {with({"user", "mute", "--group", "team"}, who), "user.mute", "vinson"},
      {with({"user", "unmute", "--group", "team"}, who), "user.unmute", "vinson"},
      {with({"user", "show"}, who), "", ""},
      {{"device", "import", "--dry-run", office.file("devices.ndjson")}, "", ""},
      {{"device", "import", office.file("devices.ndjson")}, "device.import", ""},
      {{"user", "import", office.file("users.ndjson")}, "user.import", ""},
      {{"device", "export", office.file("out.ndjson")}, "device.export", ""},
      {{"user", "export", "--app", "7", office.file("out.ndjson")}, "user.export", ""},
      {with({"device", "remove", "--device", "d", "--app", "7", "--user", "denny"}, {}), "device.unbind", "denny/d"},
      {{"cert", "remove", "1"}, "certificate.remove", "1"},
      {{"cert", "restore", "1"}, "certificate.restore", "1"},
      {{"cert", "purge", "1"}, "certificate.purge", "1"},
      {{"token", "add", "--name", "ci", "--role", "viewer"}, "token.add", "ci"},
      {{"token", "add", "--name", "ci", "--role", "viewer"}, "", ""},
      {{"token", "revoke", "1"}, "token.revoke", "ci"},
      {{"token", "revoke", "1"}, "", ""},
      {{"session", "list"}, "", ""},
      {{"session", "end", "0123456789abcdef"}, "", ""},
  };
  std::size_t count = office.entries().size();
  REQUIRE(count == 1);
  CHECK(office.entries().front().what == "certificate.add");
  for (const Step& step : steps) {
    CAPTURE(step.arguments);
    (void)office.run(step.arguments);
    const auto entries = office.entries();
    REQUIRE(entries.size() == count + (step.deed.empty() ? 0 : 1));
    count = entries.size();
    if (step.deed.empty()) continue;
    const store::AuditEntry& last = entries.front();
    CHECK(last.what == step.deed);
    CHECK(last.object == step.object);
    CHECK(last.who == system_user());
    CHECK(last.origin == "cli");
    CHECK(last.outcome == "done");
    CHECK(last.token_id == 0);
    for (const char* secret : {"abcdefghijkl", "regid-0123456789", "regid-9876543210", "npt_"}) {
      CHECK_FALSE(last.before.contains(secret));
      CHECK_FALSE(last.after.contains(secret));
    }
    if (last.what == "certificate.replace") {
      CHECK(Json::parse(last.before)["bundle_id"] == "com.example.shop");
      CHECK(Json::parse(last.after)["bundle_id"] == "com.other");
      CHECK(last.app == AppId{7});
    }
    if (last.what == "device.import") CHECK(Json::parse(last.after) == Json{{"written", 1}, {"left_out", 1}});
  }
}

TEST_CASE("cli audit: sessions are listed and ended", "[app][audit]") {
  const AuditOffice office;
  const WallTime now = SystemClock().wall();
  {
    const auto tables = store::open_sqlite_admin(office.file("store.db"));
    REQUIRE(tables);
    const auto token =
        (*tables)->add_token({.name = "ci", .role = "viewer", .created_at = now, .created_by = "x"}, "h");
    REQUIRE(token);
    REQUIRE((*tables)->add_session(std::string(64, 'a'), token->id, now, now + seconds(600), 9));
    REQUIRE(
        (*tables)->add_session(std::string(64, 'b'), token->id, now - std::chrono::hours(9), now + seconds(600), 9));
  }
  const Json listed = Json::parse(office.run({"session", "list", "--json"}).out);
  REQUIRE(listed.size() == 1);  // the other was idle for too long
  CHECK(listed[0]["name"] == "ci");
  CHECK(listed[0]["id"] == std::string(16, 'a'));
  CHECK(office.run({"session", "list"}).out.contains(std::string(16, 'a')));
  CHECK(office.run({"session", "end", std::string(64, 'a')}).code == kNotAllWell);  // a hash is no id
  CHECK(office.run({"session", "end", std::string(16, 'a')}).code == kDone);
  CHECK(Json::parse(office.run({"session", "list", "--json"}).out).empty());
  CHECK(office.entries().front().what == "session.end");
  CHECK(office.entries().front().object == "ci");
}

TEST_CASE("cli audit: an entry that cannot be written undoes the change", "[app][audit]") {
  const AuditOffice office;
  const auto sealer = store::Sealer::from_key_text(store::Sealer::new_key_text()).value();
  const auto store = store::open_sqlite(office.file("other.db"), sealer);
  REQUIRE(store);
  const auto set = [&](const std::string& object) {
    return recorded(**store, "user.settings", [&](store::AuditEntry& entry) {
      entry.object = object;
      return (*store)->set_settings({7}, "vinson", {.enabled = false});
    });
  };
  const ReceiverKey vinson{{7}, "vinson"};
  CHECK_FALSE(set("\xff"));
  CHECK((*store)->receivers({&vinson, 1})->front().settings.enabled);
  REQUIRE(set("vinson"));
  CHECK_FALSE((*store)->receivers({&vinson, 1})->front().settings.enabled);
}

}  // namespace
}  // namespace nightpost::app
