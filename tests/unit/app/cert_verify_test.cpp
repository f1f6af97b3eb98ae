// What the answer to a push to nobody says of the credential.
#include "app/cert_verify.h"

#include <catch2/catch.hpp>

#include "app/dev_account.h"
#include "app/vendors.h"

namespace nightpost::app {
namespace {

using Verdict = Verification::Verdict;

TEST_CASE("cert verify: what a rule says of the credential", "[app][cert]") {
  struct Row {
    const char* rule;
    Verdict verdict;
  };
  const Row row = GENERATE(values<Row>({
      {"accepted", Verdict::Accepted},
      {"token_gone", Verdict::Accepted},
      {"token_suspect", Verdict::Accepted},
      {"removal_held", Verdict::Accepted},
      {"credential_bad", Verdict::Refused},
      {"vendor_misconfigured", Verdict::Refused},
      {"certificate_unusable", Verdict::Refused},
      {"vendor_rejected", Verdict::Unknown},  // the message's fault
      {"vendor_throttled", Verdict::Unknown},
      {"vendor_failing", Verdict::Unknown},
      {"grant_unavailable", Verdict::Unknown},
      {"unanswered", Verdict::Unknown},
      {"payload_unbuildable", Verdict::Unknown},
      {"token_malformed", Verdict::Unknown},
      {"none", Verdict::Unknown},
      {"", Verdict::Unknown},
      {"a rule of the future", Verdict::Unknown},
  }));
  CAPTURE(row.rule);
  CHECK(verdict_of(row.rule) == row.verdict);
}

TEST_CASE("cert verify: names of verdicts", "[app][cert]") {
  CHECK(name_of(Verdict::Accepted) == "accepted");
  CHECK(name_of(Verdict::Refused) == "refused");
  CHECK(name_of(Verdict::Unknown) == "unknown");
}

TEST_CASE("cert verify: nobody answers", "[app][cert]") {
  const Config config;
  const store::NewCertificate candidate{.facts = {.app = {1},
                                                  .vendor = Vendor::Xiaomi,
                                                  .name = "shop",
                                                  .bundle_id = "com.example.shop",
                                                  .settings = {{"app_id", "100000001"}},
                                                  .host_override = "https://127.0.0.1:1"},
                                        .secret = {"abcdefghijklmnopqrstuv==", "", "key"}};
  const Verification found = verify_credential(config, candidate, milliseconds(500), SystemClock());
  CHECK(found.verdict == Verdict::Unknown);
  CHECK(found.trouble.contains("cannot reach https://127.0.0.1:1"));
}

TEST_CASE("cert verify: a certificate for calls alone is tried by a call", "[app][cert][voip]") {
  const auto account = make_dev_account(Vendor::Apns);
  REQUIRE(account);
  Certificate claimed = account->certificate;
  claimed.app = {1};
  claimed.name = "calls";
  auto inspected = inspect_upload(claimed, account->secret, SystemClock().wall(), std::nullopt);
  REQUIRE(inspected);
  inspected->facts["topics"] = inspected->bundle_id + ".voip";
  inspected->host_override = "https://127.0.0.1:1";
  const Verification found =
      verify_credential(Config(), {*inspected, account->secret}, milliseconds(500), SystemClock());
  CHECK(found.rule != "token_malformed");
  CHECK(found.trouble.contains("cannot reach https://127.0.0.1:1"));
}

TEST_CASE("cert verify: what no shard could send with is refused without asking", "[app][cert]") {
  const store::NewCertificate candidate{
      .facts = {.app = {1}, .vendor = Vendor::Apns, .name = "shop", .facts = {{"kind", "p8"}}},
      .secret = {"no key", ""}};
  const Verification found = verify_credential(Config(), candidate, milliseconds(500), SystemClock());
  CHECK(found.verdict == Verdict::Refused);
  CHECK_FALSE(found.reason.empty());
}

}  // namespace
}  // namespace nightpost::app
