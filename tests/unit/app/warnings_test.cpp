// What each vendor would take of a certificate and then cap or drop.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "app/vendors.h"

namespace nightpost::app {
namespace {

constexpr WallTime kWarnedAt{milliseconds{1'796'000'000'000}};  // 2026-11-30

TEST_CASE("warnings: a sentence for what is capped, none for what is not", "[app][cert]") {
  struct Row {
    Vendor vendor;
    Settings settings;
    std::vector<std::string> want;  // how each begins
  };
  const Row row = GENERATE(values<Row>({
      {Vendor::Fcm, {}, {}},
      {Vendor::Huawei, {{"app_id", "1"}}, {"category: not set"}},
      {Vendor::Huawei, {{"app_id", "1"}, {"category", "IM"}}, {}},
      {Vendor::Huawei, {{"app_id", "1"}, {"category", "MARKETING"}}, {"category: with MARKETING"}},
      {Vendor::Huawei, {{"api", "v2"}, {"project_id", "1"}}, {"category: not set"}},
      {Vendor::Huawei, {{"api", "v3"}, {"project_id", "1"}}, {}},
      {Vendor::Honor, {{"app_id", "1"}, {"client_id", "2"}}, {}},
      {Vendor::Honor, {{"app_id", "1"}, {"client_id", "2"}, {"importance", "low"}}, {"importance: with low"}},
      {Vendor::Xiaomi, {{"app_id", "1"}}, {"channel_id: not set"}},
      {Vendor::Xiaomi, {{"app_id", "1"}, {"channel_id", "7"}}, {"channel_kind: pushes of class 7 are public"}},
      {Vendor::Xiaomi, {{"channel_id", "7"}, {"channel_kind", "private"}}, {"template_id: private pushes of class 7"}},
      {Vendor::Xiaomi, {{"channel_id", "7"}, {"channel_kind", "private"}, {"template_id", "T"}}, {}},
      {Vendor::Oppo, {{"app_key", "k"}, {"channel_id", "c"}}, {"category: not set"}},
      {Vendor::Oppo, {{"app_key", "k"}, {"channel_id", "c"}, {"category", "NEWS"}}, {"category: OPPO counts NEWS"}},
      {Vendor::Oppo, {{"app_key", "k"}, {"channel_id", "c"}, {"category", "IM"}}, {}},
      {Vendor::Vivo, {{"app_id", "1"}, {"category", "IM"}}, {}},
      {Vendor::Vivo, {{"app_id", "1"}, {"category", "SOCIAL"}}, {"category: vivo counts SOCIAL"}},
      {Vendor::Meizu, {{"app_id", "1"}}, {"message_kind: not set"}},
      {Vendor::Meizu, {{"app_id", "1"}, {"message_kind", "public"}}, {"message_kind: with public"}},
      {Vendor::Meizu, {{"app_id", "1"}, {"message_kind", "private"}}, {}},
  }));
  Certificate certificate;
  certificate.vendor = row.vendor;
  certificate.settings = row.settings;
  const std::vector<std::string> said = warnings_of(certificate, kWarnedAt);
  REQUIRE(said.size() == row.want.size());
  for (std::size_t i = 0; i < said.size(); ++i) {
    CAPTURE(said[i], row.want[i]);
    CHECK(said[i].starts_with(row.want[i]));
  }
}

TEST_CASE("warnings: a certificate that ends within 30 days, and one that has ended", "[app][cert]") {
  const auto said = [](const std::string& not_after) {
    Certificate certificate;
    certificate.vendor = Vendor::Apns;
    if (!not_after.empty()) certificate.facts = {{"kind", "p12"}, {"not_after", not_after}};
    const auto all = warnings_of(certificate, kWarnedAt);
    return all.empty() ? std::string() : all.front();
  };
  CHECK(said("").empty());  // a .p8 does not end
  CHECK(said("no time").empty());
  CHECK(said("2027-01-31T00:00:00Z").empty());
  CHECK(said("2026-12-12T00:00:00Z").ends_with("in 11 days"));
  CHECK(said("2026-12-01T12:00:00Z").ends_with("in 1 day"));
  CHECK(said("2026-11-29T00:00:00Z").contains("it expired at 2026-11-29T00:00:00Z"));
}

}  // namespace
}  // namespace nightpost::app
