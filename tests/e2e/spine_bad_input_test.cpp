// What a broken producer sends ends in the dead topic, whole and with a reason, and nothing else suffers.
#include <catch2/catch.hpp>
#include <csignal>

#include "core/device.h"
#include "core/time.h"
#include "e2e/spine_bed.h"
#include "store/store.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;

struct Bad {
  std::string name;  // also its key
  std::string value;
  std::string stage;  // empty: any
  std::string reason;
  std::string detail;  // part of it; empty: any
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("no such text in the event");
  return text.replace(at, from.size(), to);
}

/// A user whose phone reports a certificate that is not there.
void add_stray_user(const std::string& store_path, std::size_t user) {
  auto store = store::open_sqlite(store_path, nullptr);
  REQUIRE(store);
  REQUIRE((*store)->set_device(AppId{support::kFleetApp}, support::user_name(user),
                               {.device_id = "phone",
                                .platform = Platform::Ios,
                                .certificate = CertificateId{9'999},
                                .token = DeviceToken(support::user_token(user)),
                                .registered_at = SystemClock().wall(),
                                .state = DeviceState::Offline,
                                .badge_base = 0,
                                .language = "en"}));
}

TEST_CASE("bad input goes to the dead topic whole, and the worker stays", "[e2e][spine]") {
  Bed bed;
  const std::string config = bed.nightpost.config("worker.json", bed.names);
  support::add_users(bed.nightpost.store_path(),
                     bed.nightpost.add_certificate(config, bed.sink.origin(), bed.sink.ca_file()), 1);
  constexpr std::size_t kStray = 1;
  add_stray_user(bed.nightpost.store_path(), kStray);

  const std::string good = support::event_json("good", 0);
  std::string ten_megabytes = support::event_json("big", 0);
  ten_megabytes = replaced(ten_megabytes, "are you coming", std::string(10'000'000, 'x'));
  const std::vector<Bad> all = {
      {"not-json", "hello", "decode", "malformed", ""},
      {"cut-off", good.substr(0, good.size() / 2), "decode", "malformed", ""},
      {"empty-object", "{}", "decode", "malformed", "$."},
      {"array", "[" + good + "]", "decode", "malformed", ""},
      {"wrong-type", replaced(good, R"("app_id":1400000001)", R"("app_id":"1400000001")"), "decode", "malformed",
       "$.app_id"},
      {"no-receiver", replaced(good, R"([{"user_id":"user-0000000","unread":3,"mentioned":false}])", "[]"), "decode",
       "malformed", "$.to"},
      {"binary", std::string("\x00\xff\xfe{\"", 5), "decode", "malformed", ""},
      {"ten-megabytes", ten_megabytes, "decode", "event_too_big", ""},
      {"unknown-app", replaced(good, "1400000001", "77"), "resolve", "unknown_app", ""},
      {"unknown-certificate", support::event_json("stray", kStray), "", "certificate_missing", ""},
  };
  support::Nightpost::Worker worker(bed.nightpost, "worker", config);
  REQUIRE(worker.ready(30s));
  for (const Bad& bad : all) bed.topics.produce(bed.names.offline, bad.name, bad.value);
  bed.topics.produce(bed.names.offline, "good", good);
  bed.topics.flush(60s);
  {
    INFO(worker.log());
    REQUIRE(bed.committed(std::ssize(all) + 1, 60s));
  }

  struct Letter {
    std::string value;
    std::map<std::string, std::string> headers;
  };
  std::map<std::string, Letter> letters;
  bed.topics.read(bed.names.dead, [&](const support::ReadRecord& record) {
    const bool is_new =
        letters.emplace(record.key, Letter{std::string(record.value), {record.headers.begin(), record.headers.end()}})
            .second;
    CHECK(is_new);
  });
  CHECK(letters.size() == all.size());
  for (const Bad& bad : all) {
    CAPTURE(bad.name);
    const auto letter = letters.find(bad.name);
    REQUIRE(letter != letters.end());
    CHECK((letter->second.value == bad.value));  // not shown: it may be 10 MB
    auto& headers = letter->second.headers;
    CAPTURE(headers["stage"], headers["reason"], headers["detail"]);
    CHECK_FALSE(headers["stage"].empty());
    if (!bad.stage.empty()) CHECK(headers["stage"] == bad.stage);
    CHECK(headers["reason"] == bad.reason);
    CHECK(headers["detail"].find(bad.detail) != std::string::npos);
  }

  CHECK(bed.sink.stats().requests == 1);  // the good one
  REQUIRE(worker.process().running());
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e
