// What ops read and say of held removals: the words, and `nightpost cert held` and `cert approve-removals`.
#include "app/held_removals.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/output.h"
#include "app/worker.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
const AppId kTenant{1400000001};
const WallTime kSince = wall_from_ms(1'795'942'800'000);  // 2026-11-29 09:00:00

store::RemovalHold hold(std::string worker, WallTime last, std::size_t kept, std::size_t unkept = 0) {
  return {.certificate = {1},
          .worker = std::move(worker),
          .heard = "answers",
          .code = "Unregistered",
          .since = kSince,
          .last = last,
          .kept = kept,
          .unkept = unkept};
}

TEST_CASE("held removals: workers' holds of a certificate are one", "[app][removals]") {
  std::vector<store::RemovalHold> holds{hold("a", kSince + seconds(5), 2), hold("b", kSince + seconds(9), 3, 1)};
  holds[1].heard = "receipts";
  holds[1].code = "16";
  holds[1].since = kSince + seconds(1);
  holds.push_back(hold("a", kSince, 1));
  holds.back().certificate = {2};
  const auto all = summarize(holds);
  REQUIRE(all.size() == 2);
  const HeldSummary& one = all.at(1);
  CHECK(one.kept == 5);
  CHECK(one.unkept == 1);
  CHECK(one.since == kSince);
  CHECK(one.last == kSince + seconds(9));
  CHECK(one.workers == 2);
  CHECK(sentence_of(one) ==
        "5 and more dead tokens are not removed, since 2026-11-29 09:00:00 (UTC): too many at once, said by answers "
        "and receipts (last 16)");
  CHECK(sentence_of(all.at(2)).starts_with("1 dead token is not removed"));
  CHECK(warning_of(one).ends_with("nightpost cert held"));
  CHECK(summarize({}).empty());
}

TEST_CASE("held removals: a line a certificate, by what is held, approved, or both", "[app][removals]") {
  std::vector<Certificate> certificates(4);
  for (std::size_t i = 0; i < certificates.size(); ++i) certificates[i].id = {static_cast<std::int64_t>(4 - i)};
  std::vector<store::RemovalHold> holds{hold("a", kSince, 2), hold("a", kSince, 1), hold("b", kSince, 1)};
  holds[1].certificate = {2};
  holds[2].certificate = {9};  // not among the certificates
  const WallTime now = kSince + seconds(10);
  const std::vector<store::RemovalApproval> approvals{
      {.certificate = {2}, .version = 1, .until = now},  // over
      {.certificate = {3}, .version = 1, .until = now + milliseconds(1)},
      {.certificate = {9}, .version = 1, .until = now + seconds(1)},
  };
  const auto rows = held_rows(certificates, holds, approvals, now);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].certificate.id.value == 3);
  CHECK(rows[0].held.workers == 0);
  CHECK(rows[0].approved_until == now + milliseconds(1));
  CHECK(rows[1].certificate.id.value == 2);
  CHECK(rows[1].held.kept == 1);
  CHECK_FALSE(rows[1].approved_until);
  CHECK(rows[2].certificate.id.value == 1);
  CHECK(held_json(rows[0])["since"].is_null());
  CHECK(held_json(rows[0])["approved_until"] == to_ms(now) + 1);
  CHECK(held_json(rows[2])["since"] == to_ms(kSince));
  CHECK(held_json(rows[2])["approved_until"].is_null());
  CHECK(held_rows({}, holds, approvals, now).empty());
  CHECK(held_rows(certificates, {}, {}, now).empty());
}

TEST_CASE("held removals: how long ops' word holds", "[app][removals]") {
  CHECK(parse_approval("1m") == std::chrono::minutes(1));
  CHECK(parse_approval("90s") == seconds(90));
  CHECK(parse_approval("7d") == std::chrono::days(7));
  const std::string bad = GENERATE("", "1", "59s", "8d", "-1h", "1w", "for ever", "latest", "2026-11-29");
  CAPTURE(bad);
  const auto refused = parse_approval(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.contains("1m to 7d"));
}

/// A folder with a config and a store of one certificate.
class Desk {
 public:
  Desk() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("config.json",
          Json{{"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}}}.dump());
    write("app.secret", "abcdefghijklmnopqrstuv==\n");
    REQUIRE(support::run_cli(folder_, {"cert", "new-key", file("master.key")}).code == kDone);
    REQUIRE(run({"add", "--vendor", "xiaomi", "--app", std::to_string(kTenant.value), "--name", "shop", "--package",
                 "com.example.shop", "--set", "app_id=100000001", "--secret-file", file("app.secret")})
                .code == kDone);
    store = *open_store(*load_config(file("config.json")), false);
  }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }
  support::CliRan run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "cert");
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  /// Phones of these users, called dead and held.
  void keep(std::initializer_list<const char*> users) {
    std::vector<HeldRemoval> removals;
    for (const char* user : users) {
      const Device phone{.device_id = "phone",
                         .platform = Platform::Android,
                         .certificate = {1},
                         .token = DeviceToken(std::string("token-of-") + user),
                         .registered_at = kSince};
      REQUIRE(store->set_device(kTenant, user, phone));
      removals.push_back(held_removal_of(kTenant, user, phone));
    }
    REQUIRE(store->keep_removals(hold("w", kSince, 0), 1, removals, {.devices_max = 1'000}));
  }
  std::unique_ptr<store::Store> store;

 private:
  std::string folder_ = "/tmp/nightpost-held-XXXXXX";
};

TEST_CASE("cert held: lists what is held, and what to do", "[app][cert][removals]") {
  Desk desk;
  CHECK(desk.run({"held"}).out.contains("nothing is held"));
  CHECK(Json::parse(desk.run({"held", "--json"}).out) == Json::array());
  CHECK_FALSE(desk.run({"show", "1"}).out.contains("not removed"));
  desk.keep({"ann", "bob"});
  const auto ran = desk.run({"held"});
  CHECK(ran.code == kDone);
  CHECK(ran.out.contains("2026-11-29 09:00:00"));
  CHECK(ran.out.contains("Unregistered"));
  CHECK(ran.out.contains("nightpost cert approve-removals"));
  CHECK_FALSE(ran.out.contains("token-of"));
  const Json json = Json::parse(desk.run({"held", "--json", "--app", "1400000001"}).out);
  REQUIRE(json.size() == 1);
  CHECK(json[0]["id"] == 1);
  CHECK(json[0]["held"] == 2);
  CHECK(json[0]["since"] == to_ms(kSince));
  CHECK(json[0]["said_by"] == Json::array({"answers"}));
  CHECK(json[0]["approved_until"].is_null());
  CHECK(Json::parse(desk.run({"held", "--json", "--app", "7"}).out) == Json::array());
  CHECK(desk.run({"show", "1"}).out.contains("2 dead tokens are not removed"));
  CHECK(desk.run({"list"}).out.contains("2 dead tokens are not removed"));
  CHECK(Json::parse(desk.run({"list", "--json"}).out)[0]["warnings"].dump().contains("dead tokens"));
}

TEST_CASE("cert approve-removals: removes what is held, and leaves word for workers", "[app][cert][removals]") {
  Desk desk;
  desk.keep({"ann", "bob", "cid"});
  Device again{.device_id = "phone",
               .platform = Platform::Android,
               .certificate = {1},
               .token = DeviceToken("another"),
               .registered_at = kSince + seconds(1)};
  REQUIRE(desk.store->set_device(kTenant, "bob", again));
  SECTION("in words") {
    const auto ran = desk.run({"approve-removals", "1"});
    CHECK(ran.code == kDone);
    CHECK(ran.out.starts_with("removed 2 devices of 3 held; until "));
  }
  SECTION("as JSON") {
    const Json json = Json::parse(desk.run({"approve-removals", "1", "--for", "6h", "--json"}).out);
    CHECK(json["held"] == 3);
    CHECK(json["removed"] == 2);
    CHECK(json["approved_until"].get<std::int64_t>() > to_ms(SystemClock().wall()));
  }
  const auto left = desk.store->devices(kTenant, std::nullopt, 10);
  REQUIRE(left->size() == 1);
  CHECK((*left)[0].user_id == "bob");
  CHECK(desk.store->removal_holds(std::nullopt)->empty());
  CHECK(desk.store->removal_approvals()->size() == 1);
  CHECK(Json::parse(desk.run({"held", "--json"}).out)[0]["approved_until"].is_number());
  CHECK(desk.run({"approve-removals", "1"}).out.starts_with("removed 0 devices of 0 held"));
}

TEST_CASE("cert approve-removals: what is refused removes nothing", "[app][cert][removals]") {
  Desk desk;
  desk.keep({"ann"});
  const auto wrong = desk.run({"approve-removals", "1", "--for", "1y"});
  CHECK(wrong.code == kBadUsage);
  CHECK(wrong.err.contains("--for 1y"));
  const auto nobody = desk.run({"approve-removals", "99"});
  CHECK(nobody.code != kDone);
  CHECK(nobody.err.contains("99"));
  CHECK(desk.run({"approve-removals"}).code == kBadUsage);
  CHECK(desk.store->devices(kTenant, std::nullopt, 10)->size() == 1);
  CHECK(desk.store->removal_approvals()->empty());
}

}  // namespace
}  // namespace nightpost::app
