#include <catch2/catch.hpp>
#include <set>

#include "core/certificate.h"
#include "core/device.h"
#include "core/outcome.h"
#include "core/verdict.h"

using namespace nightpost;

TEST_CASE("names: every verdict, outcome and vendor has its own", "[core][names]") {
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(Verdict::Count); ++i) names.insert(name_of(static_cast<Verdict>(i)));
  CHECK(names.size() == static_cast<std::size_t>(Verdict::Count));
  CHECK_FALSE(names.contains("unknown"));
  names.clear();
  for (int i = 0; i < static_cast<int>(OutcomeKind::Count); ++i) names.insert(name_of(static_cast<OutcomeKind>(i)));
  CHECK(names.size() == static_cast<std::size_t>(OutcomeKind::Count));
  for (int i = 0; i < static_cast<int>(Vendor::Count); ++i) {
    const auto vendor = static_cast<Vendor>(i);
    CHECK(vendor_from(name_of(vendor)) == vendor);
  }
}

TEST_CASE("names: a name that is none finds nothing", "[core][names]") {
  const std::string_view bad = GENERATE("", "unknown", "APNS", "apns ", "offline2", "web\n");
  CAPTURE(bad);
  CHECK_FALSE(vendor_from(bad));
  CHECK_FALSE(device_state_from(bad));
  CHECK_FALSE(platform_from(bad));
  CHECK_FALSE(mute_kind_from(bad));
  CHECK_FALSE(environment_from(bad));
  CHECK_FALSE(certificate_status_from(bad));
}

TEST_CASE("names: what is stored is read back", "[core][names]") {
  CHECK(device_state_from("logged_out") == DeviceState::LoggedOut);
  CHECK(platform_from("mini_program") == Platform::MiniProgram);
  CHECK(mute_kind_from(name_of(Mute::Kind::Group)) == Mute::Kind::Group);
  CHECK(environment_from("development") == Environment::Development);
  CHECK(certificate_status_from("disabled") == CertificateStatus::Disabled);
}

TEST_CASE("device token: redacted shows too little to use", "[core][ids]") {
  CHECK(DeviceToken("9d3c0f5b0a7e4d2f").redacted() == "9d3c0f… (16 characters)");
  CHECK(DeviceToken("short").redacted() == "(5 characters)");
  CHECK(DeviceToken().redacted() == "(0 characters)");
}
