#include "app/certificate_dates.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "receipt_fakes.h"

namespace nightpost::app {
namespace {

// Self-signed for these tests; its key was thrown away.
constexpr const char* kPem = R"(-----BEGIN CERTIFICATE-----
MIIBfDCCASOgAwIBAgIUNtMEljcf2iJqX/IaHNeckJv9IBowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyOTA5MDAzOFoXDTM2MTEyNjA5
MDAzOFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEtvq5ZgkHPjb5cfNo9adSai0xPQqKMc2bUr6/FAXSnZAhrpdX+Spme/2H
HRh+iIdwtZt/Lzy3AF3ZDItf+6D+e6NTMFEwHQYDVR0OBBYEFKgaqeoC+uJ+56dP
Fu0P8+gbtlqTMB8GA1UdIwQYMBaAFKgaqeoC+uJ+56dPFu0P8+gbtlqTMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgGukXDrTvuWiuHIqAjrE0esFl
kn/MYBbwoR18PiU09bECIAU9BzC4AXl8+nf799qn64j2cSIwXIzEtqblhfmxT05f
-----END CERTIFICATE-----
)";
constexpr std::int64_t kPemEndsAt = 2'111'302'838;  // 2036-11-26T09:00:38Z

Certificate certificate(std::int64_t id, std::map<std::string, std::string> facts,
                        CertificateStatus status = CertificateStatus::Active) {
  return {.id = {id}, .app = {14}, .name = "n" + std::to_string(id), .facts = std::move(facts), .status = status};
}

TEST_CASE("certificate dates: the fact not_after is read whole or not at all", "[app][certificates]") {
  struct Row {
    const char* text;
    std::optional<std::int64_t> seconds;
  };
  const Row row = GENERATE(values<Row>({
      {"2027-01-31T23:59:59Z", 1'801'439'999},
      {"1970-01-01T00:00:00Z", 0},
      {"", {}},
      {"2027-01-31", {}},
      {"2027-01-31T23:59:59", {}},
      {"2027-01-31T23:59:59+08:00", {}},
      {"2027-01-31T23:59:59Z and more", {}},
      {"2027-13-31T23:59:59Z", {}},
      {"never", {}},
  }));
  CAPTURE(row.text);
  const auto read = time_of_fact(row.text);
  REQUIRE(read.has_value() == row.seconds.has_value());
  if (read) CHECK(to_ms(*read) == *row.seconds * 1000);
}

TEST_CASE("certificate dates: those that end first are shown, of active ones that end at all", "[app][certificates]") {
  const std::vector<Certificate> all = {
      certificate(1, {{"kind", "p8"}}),
      certificate(2, {{"not_after", "2027-03-01T00:00:00Z"}}),
      certificate(3, {{"not_after", "2027-01-01T00:00:00Z"}}, CertificateStatus::Disabled),
      certificate(4, {{"not_after", "soon"}}),
      certificate(5, {{"not_after", "2027-02-01T00:00:00Z"}}),
      certificate(6, {{"not_after", "2027-02-01T00:00:00Z"}}),
  };
  const auto ids = [&](std::size_t max) {
    std::vector<std::int64_t> found;
    for (const CertificateEnd& end : soonest_ends(all, max)) found.push_back(end.id.value);
    return found;
  };
  CHECK(ids(100) == std::vector<std::int64_t>{5, 6, 2});
  CHECK(ids(2) == std::vector<std::int64_t>{5, 6});
  CHECK(soonest_ends({}, 2).empty());
}

TEST_CASE("certificate dates: a PEM chain's first certificate counts", "[app][certificates]") {
  REQUIRE(not_after_of(kPem));
  CHECK(to_ms(*not_after_of(kPem)) == kPemEndsAt * 1000);
  CHECK_FALSE(not_after_of(""));
  CHECK_FALSE(not_after_of("not a certificate"));
  CHECK_FALSE(not_after_of(std::string_view(kPem).substr(0, 200)));
}

std::string page_of(const CertificateDates& dates) {
  observe::MetricsPage page;
  dates.register_series(page);
  return page.render();
}

TEST_CASE("certificate dates: the store is read once a minute", "[app][certificates]") {
  auto store = store_in_memory();
  store::Store& same = *store;
  const auto add = [&](const char* name, const char* not_after) {
    REQUIRE(same.add_certificate({.facts = {.app = kApp,
                                            .vendor = Vendor::Apns,
                                            .name = name,
                                            .bundle_id = "com.example.shop",
                                            .facts = {{"not_after", not_after}}},
                                  .secret = {"secret", "", ""}}));
  };
  add("first", "2027-01-31T23:59:59Z");
  CertificateDates dates([&same] { return same.certificates(std::nullopt); });
  CHECK_FALSE(page_of(dates).contains("certificate=\""));
  MonoTime now{std::chrono::hours(1)};
  dates.look(now);
  CHECK(
      page_of(dates).contains("nightpost_certificate_not_after_timestamp_seconds"
                              "{certificate=\"1\",app=\"1400000001\",vendor=\"apns\"} 1801439999\n"));
  add("second", "2027-01-31T23:59:59Z");
  dates.look(now + seconds(59));
  CHECK_FALSE(page_of(dates).contains("certificate=\"2\""));
  dates.look(now + seconds(60));
  CHECK(page_of(dates).contains("certificate=\"2\""));
}

TEST_CASE("certificate dates: of the certificate that a listener of ours shows", "[app][certificates]") {
  std::optional<WallTime> ends = not_after_of(kPem);
  observe::MetricsPage page;
  register_listener_certificate(page, "receipts", [&] { return ends; });
  CHECK(page.render().contains(
      "nightpost_server_certificate_not_after_timestamp_seconds{listener=\"receipts\"} 2111302838\n"));
  ends = WallTime(seconds(7));
  CHECK(page.render().contains("{listener=\"receipts\"} 7\n"));
  ends = not_after_of("no certificate");
  CHECK_FALSE(page.render().contains("listener=\""));
}

}  // namespace
}  // namespace nightpost::app
