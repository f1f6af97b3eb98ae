#include <catch2/catch.hpp>

#include "providers/xiaomi/xiaomi.h"

using namespace nightpost;

namespace {

const WallTime kNow = wall_from_ms(1'735'689'600'000);

Certificate claimed() {
  Certificate c;
  c.vendor = Vendor::Xiaomi;
  c.bundle_id = "com.example.im";
  c.settings = {{"app_id", "2882303761517000000"}};
  return c;
}

CertificateSecret secret(std::string text) { return {.bytes = std::move(text), .password = {}}; }
const CertificateSecret kSecret = secret("Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==\n");

/// As an upload goes: settings first, then the room's own eyes. Empty: taken.
std::string refusal(const Certificate& c, const CertificateSecret& s = kSecret) {
  if (const auto fits = check_settings(xiaomi::settings(), c.settings); !fits) return fits.error().detail;
  const auto made = xiaomi::inspect(c, s, kNow, std::nullopt);
  if (made) return {};
  CHECK(made.error().code == Errc::Malformed);
  return made.error().detail;
}

}  // namespace

TEST_CASE("xiaomi inspect: an upload that can work", "[xiaomi]") {
  Certificate c = claimed();
  c.facts = {{"stale", "1"}};
  const auto made = xiaomi::inspect(c, kSecret, kNow, Environment::Development);
  REQUIRE(made);
  CHECK(made->facts.size() == 2);
  CHECK(made->facts.at("kind") == "app_secret");
  CHECK(made->facts.at("fingerprint").size() == 64);
  CHECK(made->facts.at("fingerprint") ==
        xiaomi::inspect(c, secret("Ab1Cd2Ef3Gh4Ij5Kl6Mn7O=="), kNow, std::nullopt)->facts.at("fingerprint"));
  CHECK(made->environment == Environment::Development);
  c.settings = {{"app_id", "1"},          {"region", "europe"},
                {"channel_id", "104086"}, {"channel_kind", "private"},
                {"template_id", "P10"},   {"template_title", "who"},
                {"click", "page"},        {"click_target", "intent:#Intent;component=com.example.im/.Chat;end"},
                {"app_name", "例子"},     {"receipt_url", "https://push.example.com/r/7?key=k"}};
  CHECK(refusal(c).empty());
}

TEST_CASE("xiaomi inspect: settings that cannot work", "[xiaomi]") {
  struct Row {
    const char* name;
    Settings settings;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"no app id", {}, "app_id: missing"},
      {"app id of letters", {{"app_id", "abc"}}, "app_id"},
      {"no such setting", {{"app_id", "1"}, {"channel", "7"}}, "channel: no such setting"},
      {"no such region", {{"app_id", "1"}, {"region", "mars"}}, "region"},
      {"kind of channel", {{"app_id", "1"}, {"channel_id", "7"}, {"channel_kind", "vip"}}, "channel_kind"},
      {"private without a channel", {{"app_id", "1"}, {"channel_kind", "private"}}, "needs its channel_id"},
      {"channel with a blank", {{"app_id", "1"}, {"channel_id", "a b"}}, "channel_id"},
      {"variable without template", {{"app_id", "1"}, {"template_body", "x"}}, "template_id is missing"},
      {"variable's name", {{"app_id", "1"}, {"template_id", "P"}, {"template_body", "a\"b"}}, "template_body"},
      {"a class without a kind", {{"app_id", "1"}, {"channels", "order"}}, "channels: \"order\""},
      {"a class of another kind", {{"app_id", "1"}, {"channels", "order=vip"}}, "channels"},
      {"a class twice", {{"app_id", "1"}, {"channels", "a=public;a=private"}}, "channels: \"a=private\""},
      {"too many words of a class", {{"app_id", "1"}, {"channels", "a=private,T,x,y,z"}}, "channels"},
      {"a class's variables without template", {{"app_id", "1"}, {"channels", "a=private,,x"}}, "channels"},
      {"no such action", {{"app_id", "1"}, {"click", "dance"}}, "click"},
      {"web page of a file", {{"app_id", "1"}, {"click", "web"}, {"click_target", "file:///x"}}, "click_target"},
      {"page by class", {{"app_id", "1"}, {"click", "page"}, {"click_target", "com.example.im.Chat"}}, "intent URI"},
      {"page cut short", {{"app_id", "1"}, {"click", "page"}, {"click_target", "intent:#Intent;en"}}, "intent URI"},
      {"web page too long",
       {{"app_id", "1"}, {"click", "web"}, {"click_target", "https://example.com/" + std::string(1024, 'x')}},
       "longer than Xiaomi's 1024"},
      {"receipts to a path", {{"app_id", "1"}, {"receipt_url", "/cb"}}, "receipt_url"},
      {"receipts to nowhere", {{"app_id", "1"}, {"receipt_url", "https://"}}, "receipt_url"},
      {"receipts too far", {{"app_id", "1"}, {"receipt_url", "https://e.com/" + std::string(115, 'x')}}, "128 bytes"},
  }));
  CAPTURE(row.name);
  Certificate c = claimed();
  c.settings = row.settings;
  CHECK(refusal(c).find(row.says) != std::string::npos);
}

TEST_CASE("xiaomi inspect: what Xiaomi would take and then cap", "[xiaomi]") {
  const auto warned = [](Settings settings) {
    Certificate c = claimed();
    c.settings = std::move(settings);
    std::string all;
    for (const std::string& each : xiaomi::warnings(c, kNow)) all += each.substr(0, each.find(':')) + ' ';
    return all;
  };
  CHECK(warned({}) == "channel_id ");
  CHECK(warned({{"channel_id", "7"}}) == "channel_kind ");
  CHECK(warned({{"channel_id", "7"}, {"channel_kind", "private"}}) == "template_id ");
  CHECK(warned({{"channel_id", "7"}, {"channel_kind", "private"}, {"template_id", "P"}}).empty());
  CHECK(warned({{"channel_id", "7"},
                {"channel_kind", "private"},
                {"template_id", "P"},
                {"channels", "a=public;b=private;c=private,T"}}) == "channels channels ");
}

TEST_CASE("xiaomi inspect: secrets and packages that cannot work", "[xiaomi]") {
  CHECK(refusal(claimed(), secret("")).find("empty") != std::string::npos);
  CHECK(refusal(claimed(), secret("\r\n")).find("empty") != std::string::npos);
  CHECK(refusal(claimed(), secret("two words")).find("AppSecret") != std::string::npos);
  CHECK(refusal(claimed(), secret("5371700000000")).find("AppKey") != std::string::npos);
  CHECK(refusal(claimed(), secret(std::string(257, 'x'))).find("256") != std::string::npos);
  for (const char* package : {"", "im", "com..im", "com.example.im,com.other", "com/example"}) {
    Certificate c = claimed();
    c.bundle_id = package;
    CHECK(refusal(c).find("package name") != std::string::npos);
    CHECK_FALSE(xiaomi::make_provider(c));
  }
  Certificate c = claimed();
  c.vendor = Vendor::Oppo;
  CHECK_FALSE(refusal(c).empty());
  c = claimed();
  c.settings["receipt_url"] = "https://push.example.com/receipts/xiaomi/7?key=other";
  CertificateSecret with_key = kSecret;
  with_key.receipt_key = "opensesame";
  CHECK(refusal(c, with_key).find("receipt_url") != std::string::npos);
  c.settings["receipt_url"] = "https://push.example.com/receipts/xiaomi/7?key=opensesame";
  CHECK(refusal(c, with_key).empty());
  c = claimed();
  c.host_override = "https://localhost:1/path";
  CHECK(refusal(c).find("https://host") != std::string::npos);
}

TEST_CASE("xiaomi authorizer: one header for good", "[xiaomi]") {
  const auto made = xiaomi::make_authorizer(claimed(), kSecret);
  REQUIRE(made);
  const auto step = (*made)->begin(kNow);
  REQUIRE(step);
  const Grant& grant = std::get<Grant>(*step);
  CHECK(grant.authorization == "key=Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==");
  CHECK(grant.issued_at == kNow);
  CHECK(grant.renew_at == WallTime::max());
  CHECK(grant.expires_at == WallTime::max());
  CHECK_FALSE((*made)->identity());
  CHECK_FALSE((*made)->finish({}, kNow));
  CHECK_FALSE(xiaomi::make_authorizer(claimed(), secret("")));

  const auto signer = [](const Certificate& c, const CertificateSecret& s) {
    return (*xiaomi::make_authorizer(c, s))->signer();
  };
  const std::string mine = (*made)->signer();
  CHECK(mine.starts_with("xiaomi:2882303761517000000:"));
  CHECK(mine.size() == std::string("xiaomi:2882303761517000000:").size() + 16);
  CHECK(mine.find("Ab1C") == std::string::npos);
  CHECK(signer(claimed(), secret("Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==")) == mine);
  CHECK(signer(claimed(), secret("other")) != mine);
  Certificate c = claimed();
  c.host_override = "https://localhost:1";
  CHECK(signer(c, kSecret) != mine);
}
