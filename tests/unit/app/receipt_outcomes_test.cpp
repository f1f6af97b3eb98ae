#include "app/receipt_outcomes.h"

#include <catch2/catch.hpp>

#include "dispatch/outcome_json.h"
#include "unit/app/receipt_fakes.h"

namespace nightpost::app {
namespace {

const Certificate kCertificate{.id = {7}, .app = kApp, .vendor = Vendor::Huawei};

store::Store::DeviceRow row(const char* user, int registered_at, AppId app = kApp) {
  return {app, user, {.device_id = std::string(user) + "-phone", .registered_at = wall_from_ms(registered_at)}};
}

Receipt receipt(Receipt::Kind kind, std::optional<int> at = 1'000) {
  Receipt out{.kind = kind,
              .token = DeviceToken("t"),
              .tag = "event-1",
              .vendor_id = "v1",
              .code = "2",
              .meaning = "The app was removed."};
  if (at) out.at = wall_from_ms(*at);
  return out;
}

/// "kind rule user device@at" of each.
std::string said(const ReceiptEffects& effects) {
  std::string out;
  for (const Outcome& one : effects.outcomes)
    out += std::string(out.empty() ? "" : ", ") + std::string(name_of(one.kind)) + " " + std::string(one.rule) + " " +
           one.user_id + "@" + std::to_string(to_ms(one.at));
  for (const auto& gone : effects.gone) out += " -" + gone.user_id;
  return out;
}

TEST_CASE("receipt outcomes: what each receipt becomes", "[app][receipts]") {
  using Told = Receipt::Kind;
  struct Row {
    const char* name;
    Receipt receipt;
    std::vector<store::Store::DeviceRow> devices;
    std::string want;
  };
  const AppId foreign{7};
  const Row given = GENERATE_COPY(values<Row>({
      {"delivered", receipt(Told::Delivered), {row("a", 5)}, "delivered receipt a@1000"},
      {"clicked", receipt(Told::Clicked), {row("a", 5)}, "clicked receipt a@1000"},
      {"not shown", receipt(Told::Undelivered), {row("a", 5)}, "suppressed receipt a@1000"},
      {"expired", receipt(Told::Expired), {row("a", 5)}, "expired receipt a@1000"},
      {"in words that nobody knows", receipt(Told::Unknown), {row("a", 5)}, ""},
      {"gone", receipt(Told::TokenGone), {row("a", 999)}, "token_removed receipt a@1000 -a"},
      {"gone, registered in that very moment",
       receipt(Told::TokenGone),
       {row("a", 1'000)},
       "rejected token_newer a@1000"},
      {"gone, registered since", receipt(Told::TokenGone), {row("a", 1'001)}, "rejected token_newer a@1000"},
      {"gone, of two users",
       receipt(Told::TokenGone),
       {row("late", 1'001), row("early", 10)},
       "rejected token_newer late@1000, token_removed receipt early@1000 -early"},
      {"delivered, of two users: the latest",
       receipt(Told::Delivered),
       {row("late", 90), row("early", 10)},
       "delivered receipt late@1000"},
      {"delivered, token unknown", receipt(Told::Delivered), {}, "delivered receipt @1000"},
      {"not shown, token unknown", receipt(Told::Undelivered), {}, "suppressed receipt @1000"},
      {"gone, token unknown", receipt(Told::TokenGone), {}, "token_removed token_already_removed @1000"},
      {"another app's device", receipt(Told::Delivered), {row("x", 5, foreign)}, "delivered receipt @1000"},
      {"another app's device is not removed",
       receipt(Told::TokenGone),
       {row("x", 5, foreign)},
       "token_removed token_already_removed @1000"},
      {"another app's device beside ours",
       receipt(Told::TokenGone),
       {row("x", 5, foreign), row("a", 5)},
       "token_removed receipt a@1000 -a"},
      {"without a time: now",
       receipt(Told::TokenGone, std::nullopt),
       {row("a", 1'999)},
       "token_removed receipt a@2000 -a"},
      {"a time to come: now", receipt(Told::TokenGone, 9'000), {row("a", 3'000)}, "rejected token_newer a@2000"},
  }));
  CAPTURE(given.name);
  ReceiptEffects effects;
  append_effects(kCertificate, given.receipt, given.devices, wall_from_ms(2'000), effects);
  CHECK(said(effects) == given.want);
  for (const Outcome& outcome : effects.outcomes) {
    CHECK(outcome.event_id == "event-1");
    CHECK(outcome.app == kApp);
    CHECK(outcome.vendor == Vendor::Huawei);
    CHECK(outcome.certificate == kCertificate.id);
    CHECK(outcome.vendor_id == "v1");
    CHECK(outcome.code == "2");
    CHECK_FALSE(outcome.reason.empty());
  }
}

TEST_CASE("receipt outcomes: while removals are held nothing goes, but a device moves", "[app][receipts]") {
  ReceiptEffects effects;
  const std::vector devices = {row("late", 1'001), row("early", 10)};
  append_effects(kCertificate, receipt(Receipt::Kind::TokenGone), devices, wall_from_ms(2'000), effects, true);
  CHECK(said(effects) == "rejected token_newer late@1000, rejected removal_held early@1000");
  CHECK(effects.held.size() == 1);
  Receipt moved = receipt(Receipt::Kind::TokenGone);
  moved.moved_to = DeviceToken("new");
  append_effects(kCertificate, moved, devices, wall_from_ms(2'000), effects, true);
  CHECK(effects.moved.size() == 1);
  append_effects(kCertificate, receipt(Receipt::Kind::Delivered), devices, wall_from_ms(2'000), effects, true);
  CHECK(effects.gone.empty());
  CHECK(effects.held.size() == 1);
}

TEST_CASE("receipt outcomes: golden text", "[app][receipts]") {
  ReceiptEffects effects;
  const std::vector devices = {row("vinson", 5)};
  append_effects(kCertificate, receipt(Receipt::Kind::TokenGone), devices, wall_from_ms(2'000), effects);
  append_effects(kCertificate, {.kind = Receipt::Kind::Clicked}, {}, wall_from_ms(2'000), effects);
  REQUIRE(effects.outcomes.size() == 2);
  CHECK(
      dispatch::to_json(effects.outcomes[0]) ==
      R"({"v":1,"event_id":"event-1","app_id":1400000001,"user_id":"vinson","device_id":"vinson-phone",)"
      R"("outcome":"token_removed","rule":"receipt","vendor":"huawei","certificate_id":7,"vendor_id":"v1","code":"2",)"
      R"("reason":"The app was removed.","attempt":0,"at":1000,"latency_ms":0})");
  CHECK(dispatch::to_json(effects.outcomes[1]) ==
        R"({"v":1,"app_id":1400000001,"outcome":"clicked","rule":"receipt","vendor":"huawei","certificate_id":7,)"
        R"("reason":"the vendor reports that it was tapped on","attempt":0,"at":2000,"latency_ms":0})");
}

TEST_CASE("receipt outcomes: a vendor's words are cut", "[app][receipts]") {
  const std::string megabyte(1 << 20, 'x');
  Receipt long_one{.tag = megabyte, .vendor_id = megabyte, .code = megabyte, .meaning = megabyte};
  ReceiptEffects effects;
  append_effects(kCertificate, long_one, {}, kNow, effects);
  CHECK(dispatch::to_json(effects.outcomes.at(0)).size() < 2'000);
}

}  // namespace
}  // namespace nightpost::app
