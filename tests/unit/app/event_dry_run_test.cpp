// event publish --dry-run: every request of an event and every rule, with nothing sent and nothing changed.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "app/dev_account.h"
#include "app/send_run.h"
#include "app/vendors.h"
#include "store/sealer.h"
#include "support/process.h"

namespace nightpost::app {
namespace {

constexpr std::int64_t kDryApp = 1400000001;

/// Two phones of Huawei's, which share a request, an iPhone, somebody who mutes all, somebody without a phone.
struct DryTown {
  DryTown() {
    for (const Vendor vendor : {Vendor::Apns, Vendor::Huawei}) {
      const auto account = make_dev_account(vendor);
      REQUIRE(account);
      Certificate claimed = account->certificate;
      claimed.app = AppId{kDryApp};
      claimed.name = "dry";
      const auto inspected = inspect_upload(claimed, account->secret, clock.wall(), std::nullopt);
      REQUIRE(inspected);
      const auto added = store->add_certificate({*inspected, account->secret});
      REQUIRE(added);
      for (const char* user :
           vendor == Vendor::Apns ? std::vector<const char*>{"ian", "mute"} : std::vector<const char*>{"hua", "hong"}) {
        Device device{.device_id = "phone", .platform = vendor == Vendor::Apns ? Platform::Ios : Platform::Android};
        device.certificate = added->id;
        device.token = dev_token(vendor, user);
        device.registered_at = clock.wall();
        REQUIRE(store->set_device(AppId{kDryApp}, user, device));
      }
    }
    REQUIRE(store->set_mute(AppId{kDryApp}, "mute", {.kind = Mute::Kind::All}));
  }
  nlohmann::json event() const {
    nlohmann::json to = nlohmann::json::array();
    for (const char* user : {"hua", "hong", "ian", "mute", "nobody"}) to.push_back({{"user_id", user}, {"unread", 1}});
    const std::int64_t now = to_ms(clock.wall());
    return {
        {"event_id", "dry-1"},
        {"app_id", kDryApp},
        {"occurred_at", now},
        {"expires_at", now + 60'000},
        {"kind", "group"},
        {"from", {{"user_id", "denny"}}},
        {"group", {{"group_id", "g"}, {"name", "Club"}}},
        {"message", {{"id", "m1"}, {"seq", 1}, {"sent_at", now}, {"elements", {{{"type", "text"}, {"text", "hi"}}}}}},
        {"to", to}};
  }
  nlohmann::json run(const std::string& bytes, const Config& config = {}) {
    const auto decided = dry_run_event(config, *store, bytes, milliseconds(30'000), clock);
    REQUIRE(decided);
    return *decided;
  }

  SystemClock clock;
  support::TempFolder folder{"dry-run"};
  std::unique_ptr<store::Store> store =
      store::open_sqlite(folder.file("store.db"), store::Sealer::from_key_text(store::Sealer::new_key_text()).value())
          .value();
};

TEST_CASE("event dry run: every request, batches included, and every rule", "[app][dry_run]") {
  DryTown town;
  const nlohmann::json decided = town.run(town.event().dump());
  CHECK(decided["dead"].is_null());
  std::map<std::string, std::string> rules;
  for (const nlohmann::json& outcome : decided["outcomes"]) rules[outcome["user_id"]] = outcome["rule"];
  CHECK(rules == std::map<std::string, std::string>{{"mute", "muted_all"}, {"nobody", "no_device"}});

  std::map<std::string, nlohmann::json> requests;
  for (const nlohmann::json& request : decided["requests"]) requests[request["vendor"]] = request;
  REQUIRE(decided["requests"].size() == 2);
  const std::string both = requests.at("huawei")["text"];
  for (const char* user : {"hua", "hong"}) CHECK(both.contains(dev_token(Vendor::Huawei, user).text()));
  const std::string url = requests.at("apns")["request"]["url"];
  CHECK(url.ends_with("/3/device/" + dev_token(Vendor::Apns, "ian").text()));
  CHECK(requests.at("huawei")["request"]["headers"]["authorization"] == "Bearer (obtained when sent)");
  CHECK_FALSE(requests.at("apns")["request"]["headers"]["authorization"].get<std::string>().contains("ey"));
  CHECK(town.store->devices(AppId{kDryApp}, std::nullopt, 10)->size() == 4);
}

TEST_CASE("event dry run: all requests are shown, however few a worker may have in the air", "[app][dry_run]") {
  DryTown town;
  Config config;
  config.dispatch.pushes_in_flight_max = config.dispatch.credential_in_flight_max = 1;
  CHECK(town.run(town.event().dump(), config)["requests"].size() == 2);
}

TEST_CASE("event dry run: an event that would be a dead letter says why", "[app][dry_run]") {
  DryTown town;
  nlohmann::json event = town.event();
  const auto dead = [&](const std::string& bytes) {
    const nlohmann::json decided = town.run(bytes);
    CHECK(decided["requests"].empty());
    return decided["dead"].is_null() ? "" : decided["dead"].get<std::string>();
  };
  CHECK(dead("{").contains("JSON"));
  event["app_id"] = 99;
  CHECK_FALSE(dead(event.dump()).empty());
  event = town.event();
  event["expires_at"] = event["occurred_at"];
  CHECK(dead(event.dump()).empty());
}

}  // namespace
}  // namespace nightpost::app
