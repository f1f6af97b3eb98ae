// What takes a message's place replaces it at every vendor: both carry the key by which the phone tells them apart from
// others. And who sets a badge alone.
#include <catch2/catch.hpp>
#include <string>

#include "app/dev_account.h"
#include "app/vendors.h"

namespace nightpost::app {
namespace {

const WallTime kNow = wall_from_ms(1'795'225'887'405);
constexpr int kNumber = 1003156805;  // FNV-1a of "144115-7" in 31 bits

std::shared_ptr<const Provider> provider_of(Vendor vendor) {
  auto account = make_dev_account(vendor);
  REQUIRE(account);
  account->certificate.name = "test";
  const auto inspected = inspect_upload(account->certificate, account->secret, kNow, std::nullopt);
  if (!inspected) FAIL(inspected.error().detail);
  const auto parts = make_vendor_parts(*inspected, account->secret);
  if (!parts) FAIL(parts.error().detail);
  return parts->provider;
}

Notification message() {
  Notification n;
  n.title = "New message";
  n.body = "Denny:see you at 7";
  n.sound = "default";
  n.badge = 3;
  n.priority = Priority::High;
  n.collapse_id = "144115-7";
  n.push_id = "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70";
  n.receipt_tag = "144115-7";
  n.sent_at = kNow;
  n.expires_at = kNow + std::chrono::hours(24);
  return n;
}
Notification recall() {
  Notification n = message();
  n.body = "Denny:[Message recalled]";
  n.sound.reset();
  n.badge = 2;
  n.replaces = true;
  n.priority = Priority::Normal;
  n.push_id = "0f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70";
  n.receipt_tag = "144115-7.recalled";
  return n;
}

/// All of the request, as text.
std::string request_of(const Provider& provider, Vendor vendor, const Notification& notification) {
  const DeviceToken token = dev_token(vendor, "phone");
  const auto planned = provider.build(notification, {&token, 1}, {.authorization = "grant"});
  if (!planned) FAIL(planned.error().detail);
  std::string all = planned->front().http.path + "\n";
  for (const Header& header : planned->front().http.headers) all += header.name + ": " + header.value + "\n";
  return all + planned->front().http.body;
}

TEST_CASE("vendor recall: it has the key of its message, and its own text", "[app][recall]") {
  struct Row {
    Vendor vendor;
    const char* key;  // as the vendor's documents name it, with the value; forms are escaped
  };
  const Row row = GENERATE(values<Row>({
      {Vendor::Apns, "apns-collapse-id: 144115-7\n"},
      {Vendor::Fcm, R"("tag":"144115-7")"},
      {Vendor::Huawei, R"("tag":"144115-7","notify_id":NUMBER)"},
      {Vendor::Honor, R"("tag":"144115-7","notifyId":NUMBER)"},
      {Vendor::Xiaomi, "notify_id=NUMBER"},
      {Vendor::Oppo, "notify_id"},
      {Vendor::Vivo, R"("notifyId":NUMBER)"},
      {Vendor::Meizu, "notifyKey"},
  }));
  CAPTURE(name_of(row.vendor));
  const auto provider = provider_of(row.vendor);
  const std::string said = request_of(*provider, row.vendor, message());
  const std::string taken_back = request_of(*provider, row.vendor, recall());
  std::string key = row.key;
  if (const std::size_t at = key.find("NUMBER"); at != std::string::npos) key.replace(at, 6, std::to_string(kNumber));
  CAPTURE(said, taken_back);
  const std::size_t in_message = said.find(key);
  const std::size_t in_recall = taken_back.find(key);
  REQUIRE(in_message != std::string::npos);
  REQUIRE(in_recall != std::string::npos);
  // The value, too, where it is not in the table.
  CHECK(said.substr(in_message, key.size() + 18) == taken_back.substr(in_recall, key.size() + 18));
  CHECK(taken_back.find("recalled") != std::string::npos);
  CHECK(said.find("recalled") == std::string::npos);
}

TEST_CASE("vendor recall: a badge alone is Apple's, and Google's to hand on", "[app][recall]") {
  for (std::size_t i = 0; i < std::size_t(Vendor::Count); ++i) {
    const auto vendor = static_cast<Vendor>(i);
    CAPTURE(name_of(vendor));
    const auto provider = provider_of(vendor);
    const bool takes = vendor == Vendor::Apns || vendor == Vendor::Fcm;
    CHECK(provider->takes_badge_only(Platform::Android) == takes);
    CHECK(provider->takes_badge_only(Platform::Ios) == takes);
    if (!takes) continue;
    Notification badge = message();
    badge.badge_only = true;
    CHECK(request_of(*provider, vendor, badge).find("Denny") == std::string::npos);
  }
}

}  // namespace
}  // namespace nightpost::app
