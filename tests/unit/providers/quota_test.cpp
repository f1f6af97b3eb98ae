// What each vendor counts, as far as its page or the certificate's settings have a number; and how a period is told.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "providers/fcm/fcm.h"
#include "providers/honor/honor.h"
#include "providers/huawei/huawei.h"
#include "providers/meizu/meizu.h"
#include "providers/oppo/oppo.h"
#include "providers/quota.h"
#include "providers/vivo/vivo.h"
#include "providers/xiaomi/xiaomi.h"

using namespace nightpost;

namespace {

using Make = Result<std::shared_ptr<const Provider>> (*)(const Certificate&);

struct Asked {
  Settings settings;
  Environment environment = Environment::Production;
  Notification notification = {.title = "New message"};
};

std::shared_ptr<const Provider> made(Make make, const Asked& asked) {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  certificate.environment = asked.environment;
  certificate.settings = asked.settings;
  certificate.facts = {{"project_id", "shop-1"}};
  const auto provider = make(certificate);
  if (!provider) FAIL(provider.error().detail);
  return *provider;
}

std::vector<std::string> counted(Make make, const Asked& asked) {
  std::vector<std::string> all;
  for (const Quota& each : made(make, asked)->quotas(asked.notification)) all.push_back(text_of(each));
  return all;
}

using Texts = std::vector<std::string>;

const Settings kAll = {{"quota_day", "100000"}, {"quota_device_day", "2"}};

/// With what the vendor must have.
Settings with(Settings settings, const Settings& more) {
  settings.insert(more.begin(), more.end());
  return settings;
}

Result<void> taken(std::span<const SettingField> fields, const Settings& settings) {
  return check_settings(fields, settings);
}

}  // namespace

TEST_CASE("quota: a period ends where the vendor's does", "[providers][quota]") {
  struct Row {
    const char* name;
    Quota::Per per;
    int ahead;
    std::int64_t now_ms, end_ms;
  };
  const Row row = GENERATE(values<Row>({
      {"a second", Quota::Per::Second, 8, 1'795'225'887'405, 1'795'225'888'000},
      {"its first moment", Quota::Per::Second, 8, 1'795'225'888'000, 1'795'225'889'000},
      {"a minute", Quota::Per::Minute, 8, 1'795'225'887'405, 1'795'225'920'000},
      {"an hour", Quota::Per::Hour, 8, 1'795'225'887'405, 1'795'226'400'000},
      {"a day in China", Quota::Per::Day, 8, 1'795'225'887'405, 1'795'276'800'000},
      {"its last moment", Quota::Per::Day, 8, 1'795'276'799'999, 1'795'276'800'000},
      {"the next", Quota::Per::Day, 8, 1'795'276'800'000, 1'795'363'200'000},
      {"a day at UTC", Quota::Per::Day, 0, 1'795'225'887'405, 1'795'305'600'000},
      {"a day in Los Angeles", Quota::Per::Day, -8, 1'795'225'887'405, 1'795'248'000'000},
      {"before the epoch", Quota::Per::Day, 0, -1, 0},
      {"long before", Quota::Per::Day, 0, -86'400'001, -86'400'000},
  }));
  CAPTURE(row.name);
  const Quota quota{.per = row.per, .ahead = std::chrono::hours(row.ahead)};
  CHECK(to_ms(period_end(quota, wall_from_ms(row.now_ms))) == row.end_ms);
}

TEST_CASE("quota: in words", "[providers][quota]") {
  Quota quota{.name = "public messages", .of = Quota::Of::Device, .most = 2};
  const WallTime opens = wall_from_ms(1'795'276'800'000);
  CHECK(text_of(quota) == "2 public messages a day to one device");
  CHECK(used_up(quota, opens) == "2 public messages a day to one device, used up until 2026-11-22 00:00 at UTC+8");
  quota.of = Quota::Of::App;
  quota.per = Quota::Per::Hour;
  quota.ahead = std::chrono::hours(0);
  CHECK(used_up(quota, opens) == "2 public messages an hour, used up until 2026-11-21 16:00 UTC");
  quota.per = Quota::Per::Second;
  quota.ahead = std::chrono::hours(-5);
  CHECK(used_up(quota, opens + seconds(7)) == "2 public messages a second, used up until 2026-11-21 11:00:07 at UTC-5");
}

TEST_CASE("quota: a setting is a number of at least one", "[providers][quota]") {
  CHECK(check_quota("1").empty());
  CHECK(check_quota("1000000000").empty());
  const char* wrong =
      GENERATE("", "0", "-1", "+1", "1.5", " 1", "1 ", "1000000001", "99999999999999999999", "many", "5/day", "0x10");
  CAPTURE(wrong);
  CHECK(check_quota(wrong) == "expected a number from 1 to 1000000000");
  CHECK(quota_in({{"quota_day", wrong}}, "quota_day") == 0);
}

TEST_CASE("quota: nothing is counted that no number is known of", "[providers][quota]") {
  CHECK(counted(xiaomi::make_provider, {{{"app_id", "1"}}}).empty());
  CHECK(counted(oppo::make_provider, {{{"app_key", "k"}, {"channel_id", "c"}}}).empty());
  CHECK(counted(vivo::make_provider, {{{"app_id", "1"}, {"app_key", "k"}, {"category", "NEWS"}}}).empty());
  CHECK(counted(meizu::make_provider, {{{"app_id", "1"}, {"message_kind", "public"}}}).empty());
  CHECK(counted(huawei::make_provider, {{{"app_id", "1"}}}).empty());
  CHECK(counted(honor::make_provider, {{{"app_id", "1"}, {"client_id", "2"}, {"importance", "low"}}}).empty());
}

TEST_CASE("quota: xiaomi's are of the class that the certificate names", "[providers][quota]") {
  const auto of = [](const Settings& settings, const std::string& channel = "") {
    Asked asked{with({{"app_id", "1"}}, with(settings, kAll))};
    if (!channel.empty()) asked.notification.extras = {{"xiaomi.channel", channel}};
    return counted(xiaomi::make_provider, asked);
  };
  const Texts public_ones = {"100000 public messages a day", "2 public messages a day to one device"};
  CHECK(of({}) == Texts{"100000 messages without a channel a day", "2 messages without a channel a day to one device"});
  CHECK(of({{"channels", "7=public"}}, "7").empty());
  CHECK(of({{"channel_id", "104086"}}) == public_ones);
  CHECK(of({{"channel_id", "104086"}}, "8").empty());
  CHECK(of({{"channel_id", "104086"}, {"channels", "7=public; 9=private,T"}}, "7") == public_ones);
  CHECK(of({{"channel_id", "104086"}, {"channels", "7=public; 9=private,T"}}, "9").empty());
  CHECK(of({{"channel_id", "104086"}, {"channel_kind", "private"}, {"channels", "7=public"}}).empty());
  CHECK(of({{"channel_id", "104086"}, {"channel_kind", "private"}, {"channels", "7=public"}}, "7") == public_ones);
}

TEST_CASE("quota: oppo counts what goes through the public channel, and devices a second of all",
          "[providers][quota]") {
  const auto of = [](const std::string& category, const Settings& more) {
    Settings settings = {{"app_key", "k"}, {"channel_id", "c"}};
    if (!category.empty()) settings["category"] = category;
    return counted(oppo::make_provider, {with(settings, more)});
  };
  const Texts public_ones = {"100000 public messages a day", "2 public messages a day to one device"};
  CHECK(of("", kAll) == public_ones);
  CHECK(of("MARKETING", kAll) == public_ones);
  CHECK(of("IM", kAll).empty());
  CHECK(of("IM", {{"rate_per_s", "5000"}}) == Texts{"5000 devices a second"});
}

TEST_CASE("quota: vivo's are of system or of operation messages, and not of test pushes", "[providers][quota]") {
  const Settings system = with({{"app_id", "1"}, {"app_key", "k"}, {"category", "IM"}}, {{"quota_day", "30000"}});
  const Settings operation = with({{"app_id", "1"}, {"app_key", "k"}, {"category", "NEWS"}}, kAll);
  CHECK(counted(vivo::make_provider, {system}) == Texts{"30000 system messages a day"});
  CHECK(counted(vivo::make_provider, {operation}) ==
        Texts{"100000 operation messages a day", "2 operation messages a day to one device"});
  CHECK(counted(vivo::make_provider, {operation, Environment::Development}).empty());
}

TEST_CASE("quota: meizu's, huawei's and honor's are of what is not urgent", "[providers][quota]") {
  const Notification low{.title = "Sale", .priority = Priority::Low};
  const Settings two = {{"quota_device_day", "2"}};
  const Texts meizus = {"2 public messages a day to one device"};
  const Settings meizu = with({{"app_id", "1"}}, two);
  CHECK(counted(meizu::make_provider, {meizu}).empty());
  CHECK(counted(meizu::make_provider, {.settings = meizu, .notification = low}) == meizus);
  CHECK(counted(meizu::make_provider, {with(meizu, {{"message_kind", "public"}})}) == meizus);

  const Texts huaweis = {"3000 devices a second", "2 marketing messages a day to one device"};
  const Settings huawei = with({{"app_id", "1"}, {"rate_per_s", "3000"}}, two);
  CHECK(counted(huawei::make_provider, {huawei}) == huaweis);  // no class is marketing
  CHECK(counted(huawei::make_provider, {with(huawei, {{"category", "MARKETING"}})}) == huaweis);
  CHECK(counted(huawei::make_provider, {with(huawei, {{"category", "IM"}})}) == Texts{"3000 devices a second"});
  CHECK(counted(huawei::make_provider, {.settings = with(huawei, {{"category", "IM"}}), .notification = low}) ==
        huaweis);

  const Settings honor = with({{"app_id", "1"}, {"client_id", "2"}}, two);
  CHECK(counted(honor::make_provider, {honor}).empty());
  CHECK(counted(honor::make_provider, {.settings = honor, .notification = low}) ==
        Texts{"2 messages of low importance a day to one device"});
  CHECK(counted(honor::make_provider,
                {.settings = honor, .environment = Environment::Development, .notification = low}) ==
        Texts{"1000 test messages a day"});
}

TEST_CASE("quota: google counts the messages to an Android phone", "[providers][quota]") {
  CHECK(counted(fcm::make_provider, {}) ==
        Texts{"240 messages a minute to one device", "5000 messages an hour to one device"});
  CHECK(counted(fcm::make_provider, {.notification = {.platform = Platform::Ios}}).empty());
}

TEST_CASE("quota: rates of requests", "[providers][quota]") {
  const Settings rate = {{"rate_per_s", "500"}};
  for (const auto& provider :
       {made(xiaomi::make_provider, {with({{"app_id", "1"}}, rate)}),
        made(vivo::make_provider, {with({{"app_id", "1"}, {"app_key", "k"}, {"category", "IM"}}, rate)}),
        made(meizu::make_provider, {with({{"app_id", "1"}}, rate)})}) {
    CHECK(provider->request_rate().requests == 500);
    CHECK(provider->request_rate().per == seconds(1));
  }
  CHECK(made(xiaomi::make_provider, {{{"app_id", "1"}}})->request_rate().requests == 0);
  CHECK(made(huawei::make_provider, {with({{"app_id", "1"}}, rate)})->request_rate().requests == 0);
  CHECK(made(fcm::make_provider, {})->request_rate().requests == 600'000);
  const auto granted = made(fcm::make_provider, {{{"quota_minute", "750000"}}})->request_rate();
  CHECK(granted.requests == 750'000);
  CHECK(granted.per == std::chrono::minutes(1));
}

TEST_CASE("quota: a number that would have no effect is refused at upload", "[providers][quota]") {
  const CertificateSecret secret{.bytes = "Zm9ydHktdHdvIGNoYXJhY3RlcnMgb2Ygc2VjcmV0"};
  Certificate claimed;
  claimed.bundle_id = "com.example.shop";
  const auto fault = [&](auto inspect, Vendor vendor, Settings settings) {
    claimed.vendor = vendor;
    claimed.settings = std::move(settings);
    const Result<Certificate> inspected = inspect(claimed, secret, WallTime{}, std::nullopt);
    return inspected ? std::string() : inspected.error().detail;
  };
  const Settings one = {{"app_id", "1"}, {"channel_id", "7"}, {"channel_kind", "private"}, {"template_id", "T"}};
  CHECK(fault(xiaomi::inspect, Vendor::Xiaomi, with(one, {{"quota_device_day", "5"}})) ==
        "quota_day, quota_device_day: Xiaomi counts public messages, and these are all private");
  CHECK(fault(xiaomi::inspect, Vendor::Xiaomi, with(one, {{"quota_day", "5"}, {"channels", "8=public"}})).empty());
  CHECK(fault(xiaomi::inspect, Vendor::Xiaomi, with(one, {{"rate_per_s", "500"}})).empty());
  const Settings oppo = {{"app_key", "k"}, {"channel_id", "c"}, {"category", "IM"}};
  CHECK(fault(oppo::inspect, Vendor::Oppo, with(oppo, {{"quota_day", "5"}})) ==
        "quota_day: OPPO does not limit messages of category IM");
  CHECK(fault(oppo::inspect, Vendor::Oppo, with(oppo, {{"rate_per_s", "5000"}})).empty());
  CHECK(fault(oppo::inspect, Vendor::Oppo, {{"app_key", "k"}, {"channel_id", "c"}, {"quota_device_day", "2"}}).empty());
  const Settings vivo = {{"app_id", "1"}, {"app_key", "k"}, {"category", "IM"}};
  CHECK(fault(vivo::inspect, Vendor::Vivo, with(vivo, {{"quota_device_day", "2"}})) ==
        "quota_device_day: vivo counts operation messages so, and IM is a system message");
  CHECK(fault(vivo::inspect, Vendor::Vivo, with(vivo, {{"quota_day", "30000"}})).empty());
}

TEST_CASE("quota: where a vendor has no such number there is no such setting", "[providers][quota]") {
  const auto knows = [](std::span<const SettingField> fields, std::string_view name) {
    return std::ranges::find(fields, name, &SettingField::name) != fields.end();
  };
  CHECK_FALSE(knows(meizu::settings(), "quota_day"));
  CHECK_FALSE(knows(huawei::settings(), "quota_day"));
  CHECK_FALSE(knows(honor::settings(), "quota_day"));
  CHECK_FALSE(knows(fcm::settings(), "rate_per_s"));
  CHECK(taken(xiaomi::settings(), {{"app_id", "1"}, {"quota_device_day", "5"}}));
  const auto wrong = taken(xiaomi::settings(), {{"app_id", "1"}, {"quota_device_day", "five"}});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().detail == "quota_device_day: expected a number from 1 to 1000000000");
}
