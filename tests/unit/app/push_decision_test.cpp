// What a push to a user would do now: the rules of the receiver and of each device, up to the token.
#include "app/push_decision.h"

#include <catch2/catch.hpp>

#include "app/dev_account.h"
#include "app/vendors.h"
#include "store/sealer.h"
#include "support/answer_check.h"
#include "support/process.h"

namespace nightpost::app {
namespace {

constexpr AppId kDecisionApp{1400000001};

/// An iPhone with a good certificate, an Android phone with another's, one whose certificate is not there.
struct DecisionTown {
  DecisionTown() {
    const auto account = make_dev_account(Vendor::Apns);
    REQUIRE(account);
    Certificate claimed = account->certificate;
    claimed.app = kDecisionApp;
    claimed.name = "decision";
    const auto inspected = inspect_upload(claimed, account->secret, now, std::nullopt);
    REQUIRE(inspected);
    const auto added = store->add_certificate({*inspected, account->secret});
    REQUIRE(added);
    apns = added->id;
    put("iphone", Platform::Ios, apns, dev_token(Vendor::Apns, "vinson"));
  }
  void put(const char* id, Platform platform, CertificateId certificate, DeviceToken token,
           DeviceState state = DeviceState::Offline) {
    REQUIRE(store->set_device(kDecisionApp, "vinson",
                              {.device_id = id,
                               .platform = platform,
                               .certificate = certificate,
                               .token = std::move(token),
                               .registered_at = now,
                               .state = state}));
  }
  nlohmann::json decide(admin::DecisionQuestion question = {}) {
    question.app = kDecisionApp;
    if (question.user.empty()) question.user = "vinson";
    if (question.from.empty()) question.from = "denny";
    auto decided = push_decision(*store, question, now);
    REQUIRE(decided);
    CHECK(testing::answer_mistakes("GET", "/v1/users/decision", 200, *decided).empty());
    return *std::move(decided);
  }
  static nlohmann::json check(const nlohmann::json& of, std::string_view rule) {
    for (const nlohmann::json& each : of["checks"])
      if (each["rule"] == rule) return each;
    return nullptr;
  }

  SystemClock clock;
  WallTime now = clock.wall();
  support::TempFolder folder{"decision"};
  std::unique_ptr<store::Store> store =
      store::open_sqlite(folder.file("store.db"), store::Sealer::from_key_text(store::Sealer::new_key_text()).value())
          .value();
  CertificateId apns;
};

TEST_CASE("push decision: a push that would be sent passes every rule", "[app][decision]") {
  DecisionTown town;
  const nlohmann::json decided = town.decide();
  CHECK(decided["rule"] == "none");
  REQUIRE(decided["devices"].size() == 1);
  const nlohmann::json& iphone = decided["devices"][0];
  CHECK(iphone["rule"] == "none");
  CHECK(iphone["passed_over"] == false);
  CHECK(iphone["checks"].back()["rule"] == "token_malformed");
  CHECK(iphone["checks"].back()["value"] == "fits");
  for (const nlohmann::json& each : iphone["checks"]) {
    CHECK(each["stops"] == false);
    CHECK(each["why"] == "");
  }
}

TEST_CASE("push decision: what stops it, with its value", "[app][decision]") {
  DecisionTown town;
  REQUIRE(town.store->set_mute(kDecisionApp, "vinson", {.kind = Mute::Kind::Group, .target = "team"}));
  CHECK(town.decide()["rule"] == "none");
  const nlohmann::json muted = town.decide({.group = "team"});
  CHECK(muted["rule"] == "muted_group");
  const nlohmann::json check = DecisionTown::check(muted, "muted_group");
  CHECK(check["stops"] == true);
  CHECK(check["value"] == "muted");
  CHECK(check["mute"]["target"] == "team");
  CHECK(check["why"] == "the receiver has muted this group");
  CHECK(muted["devices"][0]["rule"] == "none");  // looked at all the same
  CHECK(town.decide({.group = "team", .kind = "badge"})["rule"] == "none");
  CHECK(town.decide({.from = "vinson"})["rule"] == "sender_itself");
  CHECK(town.decide({.user = "nobody"})["rule"] == "no_device");
  REQUIRE(town.store->set_settings(kDecisionApp, "vinson", {.enabled = false}));
  CHECK(town.decide()["rule"] == "user_push_off");
}

TEST_CASE("push decision: devices end at their own rules", "[app][decision]") {
  DecisionTown town;
  const auto good = [](const char* device) { return dev_token(Vendor::Apns, device); };  // a token is one device's
  town.put("android", Platform::Android, town.apns, good("android"));
  town.put("away", Platform::Ios, CertificateId{77}, good("away"));
  town.put("front", Platform::Ios, town.apns, good("front"), DeviceState::Foreground);
  town.put("odd", Platform::Ios, town.apns, DeviceToken("not hex"));
  town.put("out", Platform::Ios, town.apns, good("out"), DeviceState::LoggedOut);
  std::map<std::string, std::string> rules;
  for (const nlohmann::json& each : town.decide()["devices"]) rules[each["device_id"]] = each["rule"];
  CHECK(rules == std::map<std::string, std::string>{{"android", "wrong_vendor"},
                                                    {"away", "certificate_missing"},
                                                    {"front", "foreground"},
                                                    {"iphone", "none"},
                                                    {"odd", "token_malformed"},
                                                    {"out", "logged_out"}});
  REQUIRE(town.store->set_certificate_status(town.apns, CertificateStatus::Disabled));
  for (const nlohmann::json& each : town.decide()["devices"])
    if (each["device_id"] == "iphone") CHECK(each["rule"] == "certificate_disabled");
}

}  // namespace
}  // namespace nightpost::app
