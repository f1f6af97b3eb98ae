// Which messages a vendor counts by themselves: equal names for equal kinds, other names for others.
#include <catch2/catch.hpp>
#include <string>

#include "providers/huawei/huawei.h"
#include "providers/oppo/oppo.h"
#include "providers/vivo/vivo.h"
#include "providers/xiaomi/xiaomi.h"

using namespace nightpost;

namespace {

std::string class_of(Result<std::shared_ptr<const Provider>> (*make)(const Certificate&), Settings settings,
                     const std::string& extra = "", const std::string& value = "") {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  certificate.settings = std::move(settings);
  const auto provider = make(certificate);
  if (!provider) FAIL(provider.error().detail);
  Notification notification;
  notification.title = "New message";
  if (!extra.empty()) notification.extras = {{extra, value}};
  return (*provider)->quota_class(notification);
}

}  // namespace

TEST_CASE("quota class: xiaomi's is the channel, the event's before the certificate's", "[providers][quota]") {
  const auto of = [](Settings settings, const std::string& channel = "") {
    settings["app_id"] = "2882303761517000001";
    return channel.empty() ? class_of(xiaomi::make_provider, settings)
                           : class_of(xiaomi::make_provider, settings, "xiaomi.channel", channel);
  };
  CHECK(of({}) == "messages without a channel");
  CHECK(of({{"channel_id", "104086"}}) == "messages of channel 104086");
  CHECK(of({{"channel_id", "104086"}, {"channel_kind", "private"}}) == "messages of channel 104086");
  CHECK(of({{"channel_id", "104086"}}, "7") == "messages of channel 7");
  CHECK(of({{"channels", "7=public"}}, "7") == "messages of channel 7");
  CHECK(class_of(xiaomi::make_provider, {{"app_id", "2882303761517000001"}}, "oppo.channel", "7") ==
        "messages without a channel");
}

TEST_CASE("quota class: oppo's and vivo's are two, by the category", "[providers][quota]") {
  struct Row {
    const char* category;
    bool limited;
  };
  const Row row = GENERATE(values<Row>({{"IM", false},
                                        {"ACCOUNT", false},
                                        {"DEVICE_REMINDER", false},
                                        {"ORDER", false},
                                        {"TODO", false},
                                        {"SUBSCRIPTION", false},
                                        {"NEWS", true},
                                        {"CONTENT", true},
                                        {"MARKETING", true},
                                        {"SOCIAL", true}}));
  CAPTURE(row.category);
  CHECK(
      class_of(oppo::make_provider,
               {{"app_key", "4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab"}, {"channel_id", "chat"}, {"category", row.category}}) ==
      (row.limited ? "public messages" : "communication and service messages"));
  CHECK(class_of(
            vivo::make_provider,
            {{"app_id", "10004"}, {"app_key", "25509283-3767-4b9e-83fe-b6e55ac6243e"}, {"category", row.category}}) ==
        (row.limited ? "operation messages" : "system messages"));
}

TEST_CASE("quota class: without a category oppo counts a message as a public one; huawei tells no kinds apart",
          "[providers][quota]") {
  CHECK(class_of(oppo::make_provider, {{"app_key", "4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab"}, {"channel_id", "chat"}}) ==
        "public messages");
  CHECK(class_of(huawei::make_provider, {{"app_id", "104412345"}, {"category", "IM"}}).empty());
}
