#include "app/letter.h"

#include <catch2/catch.hpp>

#include "app/sent_devices.h"

using namespace nightpost;
using namespace nightpost::app;

namespace {

constexpr std::int64_t kOccurred = 1'795'225'887'405;
constexpr const char* kEvent =
    R"({"event_id":"e1","app_id":7,"occurred_at":1795225887405,"expires_at":1795225987405,"kind":"c2c",)"
    R"("from":{"user_id":"denny","nick":"","name_card":""},"group":null,"message":{"id":"m1","seq":1,)"
    R"("sent_at":1795225887405,"priority":"high","elements":[{"type":"text","text":"hi"}]},)"
    R"("push":{"title":"t","desc":"d","ext":""},"to":[{"user_id":"vinson"},{"user_id":"mei"}]})";
constexpr const char* kLeft =
    R"({"v":1,"first_at":1795225887405,"hops":3,"not_before":1795225947405,"left":[{"user_id":"vinson","devices":[)"
    R"({"device_id":"phone","sent":2,"hops":2,"rule":"retries_exhausted","vendor":"apns","code":"503"}]},{"user_id":"mei"}]})";

kafka::TailMessage letter(std::vector<std::pair<std::string, std::string>> more = {}) {
  kafka::TailMessage made;
  made.topic = "dead";
  made.partition = 1;
  made.offset = 42;
  made.timestamp_ms = 50'000;
  made.key = "c2c_denny_vinson";
  made.value = kEvent;
  made.headers = {{"stage", "deliver"},      {"reason", "retries_exhausted"}, {"vendor", "apns"},
                  {"code", "503"},           {"detail", "user vinson"},       {"event_id", "e1"},
                  {"attempts", "2"},         {"traceparent", "00-aa-bb-01"},  {"source_topic", "offline"},
                  {"source_partition", "5"}, {"source_offset", "900"}};
  for (auto& [name, value] : more) {
    std::erase_if(made.headers, [&](const auto& each) { return each.first == name; });
    if (!value.empty()) made.headers.emplace_back(name, value);
  }
  return made;
}

std::optional<std::string> header_of(const kafka::Transactions::Message& message, std::string_view name) {
  for (const auto& [header, value] : message.headers)
    if (header == name) return value;
  return std::nullopt;
}

dispatch::Remainder remainder_of(const std::string& json) {
  const auto read = dispatch::read_remainder(json);
  REQUIRE(read);
  return *read;
}

}  // namespace

TEST_CASE("letter filter: each member must name the letter", "[app][dlq]") {
  LetterDecoder decoder(1 << 20, 10'000);
  const kafka::TailMessage some = letter(), left = letter({{"remainder", kLeft}});
  const auto matches = [&](const LetterFilter& filter, const kafka::TailMessage& of) {
    return filter.matches(of, decoder.event_of(of));
  };
  struct Row {
    const char* name;
    LetterFilter filter;
    bool want;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing asked", {}, true},
      {"app", {.apps = {8, 7}}, true},
      {"other app", {.apps = {8}}, false},
      {"vendor", {.vendors = {"apns"}}, true},
      {"other vendor", {.vendors = {"fcm", "APNS", ""}}, false},
      {"rule", {.reasons = {"credential_bad", "retries_exhausted"}}, true},
      {"other rule", {.reasons = {"retries"}}, false},
      {"code", {.codes = {"503"}}, true},
      {"other code", {.codes = {"500"}}, false},
      {"stage", {.stages = {"deliver"}}, true},
      {"other stage", {.stages = {"plan"}}, false},
      {"event", {.events = {"e1"}}, true},
      {"other event", {.events = {"e"}}, false},
      {"user", {.users = {"mei"}}, true},
      {"other user", {.users = {"denny"}}, false},
      {"since, the same moment", {.since = wall_from_ms(50'000)}, true},
      {"since, later", {.since = wall_from_ms(50'001)}, false},
      {"until, the same moment", {.until = wall_from_ms(50'000)}, false},
      {"until, later", {.until = wall_from_ms(50'001)}, true},
      {"all but one", {.apps = {7}, .vendors = {"apns"}, .codes = {"500"}}, false},
  }));
  CAPTURE(row.name);
  CHECK(matches(row.filter, some) == row.want);
  CHECK(matches(row.filter, left) == row.want);
}

TEST_CASE("letter filter: users are those who are left, apps need an event", "[app][dlq]") {
  LetterDecoder decoder(1 << 20, 10'000);
  const auto only_vinson = letter({{"remainder", R"({"v":1,"hops":0,"left":[{"user_id":"vinson"}]})"}});
  CHECK_FALSE(LetterFilter{.users = {"mei"}}.matches(only_vinson, decoder.event_of(only_vinson)));
  kafka::TailMessage broken = only_vinson;
  broken.value = "not JSON";
  REQUIRE(decoder.event_of(broken) == nullptr);
  CHECK_FALSE(LetterFilter{.apps = {7}}.matches(broken, nullptr));
  CHECK(LetterFilter{.users = {"vinson"}}.matches(broken, nullptr));
  CHECK(LetterFilter{}.matches(broken, nullptr));
}

TEST_CASE("letter: too late as the worker would say", "[app][dlq]") {
  LetterDecoder decoder(1 << 20, 10'000);
  const auto* const event = decoder.event_of(letter());
  REQUIRE(event != nullptr);
  const auto after = [](std::int64_t ms) { return wall_from_ms(kOccurred + ms); };
  CHECK_FALSE(is_too_late(*event, after(99'999), milliseconds(0)));
  CHECK(is_too_late(*event, after(100'000), milliseconds(0)));
  CHECK_FALSE(is_too_late(*event, after(5'000), milliseconds(5'000)));
  CHECK(is_too_late(*event, after(5'001), milliseconds(5'000)));
}

TEST_CASE("letter: its replay is the event for those left, fresh", "[app][dlq]") {
  const auto of = letter({{"remainder", kLeft}});
  const auto left = left_of(of);
  REQUIRE(left);
  const auto message = replay_of(of, *original_of(of, std::nullopt), *left, "offline", 8);
  CHECK(message.topic == "offline");
  CHECK(message.key == "c2c_denny_vinson");
  CHECK(message.value == kEvent);
  CHECK(message.partition == 5);
  CHECK(header_of(message, "traceparent") == "00-aa-bb-01");
  CHECK(header_of(message, "source_topic") == "offline");
  CHECK(header_of(message, "source_partition") == "5");
  CHECK(header_of(message, "source_offset") == "900");
  CHECK_FALSE(header_of(message, "reason"));
  CHECK_FALSE(header_of(message, "event_id"));
  const dispatch::Remainder fresh = remainder_of(header_of(message, "remainder").value());
  CHECK(fresh.hops == 0);
  CHECK(fresh.first_at == WallTime{});
  CHECK(fresh.not_before == WallTime{});
  REQUIRE(fresh.left.size() == 2);
  CHECK(fresh.left[0].user_id == "vinson");
  CHECK(fresh.left[0].devices == std::vector{dispatch::DeviceLeft{.device_id = "phone"}});
  CHECK(fresh.left[1] == dispatch::ReceiverLeft{.user_id = "mei", .devices = {}});
}

TEST_CASE("letter: where its replay goes", "[app][dlq]") {
  const auto to = [](const kafka::TailMessage& of, int partitions) {
    return replay_of(of, *original_of(of, std::nullopt), std::nullopt, "offline", partitions).partition;
  };
  CHECK(to(letter(), 6) == 5);
  CHECK(to(letter(), 5) == -1);  // there are fewer than there were
  CHECK(to(letter({{"source_topic", "former"}}), 8) == -1);
  CHECK(to(letter({{"source_partition", "x"}}), 8) == -1);
  CHECK_FALSE(header_of(replay_of(letter(), {"k", "v"}, std::nullopt, "offline", 8), "remainder"));
}

TEST_CASE("letter: a damaged header keeps it from being replayed to anybody", "[app][dlq]") {
  struct Row {
    const char* name;
    std::string remainder, truncated, words;
  };
  const Row row = GENERATE(values<Row>({
      {"no JSON", "{", "", "header remainder: "},
      {"nobody is left", R"({"v":1,"hops":0,"left":[]})", "", "header remainder: "},
      {"cut", std::string(kLeft).substr(0, 100) + std::string(924, 'x'), "true", "was cut with the letter"},
      {"damaged, and the letter is cut", "{", "true", "header remainder: "},
  }));
  CAPTURE(row.name);
  const auto left = left_of(letter({{"remainder", row.remainder}, {"truncated", row.truncated}}));
  REQUIRE_FALSE(left);
  CHECK(left.error().detail.contains(row.words));
}

TEST_CASE("letter: a cut one is whole again only from its own first record", "[app][dlq]") {
  kafka::TailMessage cut = letter({{"truncated", "true"}, {"original_bytes", "5000"}});
  cut.value = std::string(1024, 'a');
  kafka::TailMessage source;
  source.key = cut.key;
  source.value = std::string(5000, 'a');
  REQUIRE(original_of(cut, source));
  CHECK(original_of(cut, source)->value.size() == 5000);
  LetterDecoder decoder(1 << 20, 10'000);
  CHECK(decoder.event_of(cut) == nullptr);

  const auto refused = [&](const std::optional<kafka::TailMessage>& from) {
    const auto whole = original_of(cut, from);
    REQUIRE_FALSE(whole);
    CHECK(whole.error().code == Errc::NotFound);
    return whole.error().detail;
  };
  CHECK(refused(std::nullopt).contains("is gone"));
  kafka::TailMessage other = source;
  other.value += 'a';
  CHECK(refused(other).contains("another record"));
  other = source;
  other.value[3] = 'b';
  CHECK(refused(other).contains("another record"));
  other = source;
  other.key = "c2c";
  CHECK(refused(other).contains("another record"));
  cut.headers.emplace_back("original_key_bytes", "2000");  // its key is cut too
  CHECK(refused(source).contains("another record"));
  source.key = cut.key + std::string(2000 - cut.key.size(), 'k');
  CHECK(original_of(cut, source)->key.size() == 2000);
}

TEST_CASE("letter: who is left, in words", "[app][dlq]") {
  CHECK(left_text(left_of(letter())) == "everybody");
  CHECK(left_text(left_of(letter({{"remainder", kLeft}}))) == "1 device");
  CHECK(left_text(left_of(letter({{"remainder", R"({"v":1,"hops":0,"left":[{"user_id":"a"},{"user_id":"b"}]})"}}))) ==
        "2 users");
  CHECK(left_text(left_of(letter({{"remainder", "{"}}))) == "unknown");
}

TEST_CASE("letter: one screen says why, what to do and who is left", "[app][dlq]") {
  LetterDecoder decoder(1 << 20, 10'000);
  const auto of = letter({{"remainder", kLeft}, {"detail", "words\x1b[2J\xff"}});
  const std::string text = letter_text(of, decoder.event_of(of), LetterState::Open);
  CAPTURE(text);
  CHECK(text.contains("letter     1:42"));
  CHECK(text.contains("stopped    deliver, when it was sent to the vendor"));
  CHECK(text.contains("retries_exhausted: it was tried as often and as long as allowed"));
  CHECK(text.contains("to do      replay once the vendor"));
  CHECK(text.contains("  vinson phone: apns retries_exhausted 503 sent 2 times\n"));
  CHECK(text.contains("  mei: all devices\n"));
  CHECK(text.contains("source     offline 5:900"));
  CHECK(text.contains("\n  \"event_id\": \"e1\""));
  CHECK_FALSE(text.contains('\x1b'));
}

TEST_CASE("letter: one JSON line", "[app][dlq]") {
  LetterDecoder decoder(1 << 20, 10'000);
  const auto of = letter({{"remainder", kLeft}});
  const auto json = as_json(of, decoder.event_of(of), LetterState::Replayed);
  CHECK(json["partition"] == 1);
  CHECK(json["offset"] == 42);
  CHECK(json["app_id"] == 7);
  CHECK(json["state"] == "replayed");
  CHECK(json["attempts"] == 2);
  CHECK(json["source"]["offset"] == 900);
  CHECK(json["left"][0]["devices"][0] == "phone");
  CHECK(json["left"][1]["devices"].empty());
  CHECK(as_json(letter({{"source_topic", ""}}), nullptr, LetterState::Open)["source"].is_null());
}

TEST_CASE("sent devices: a letter that stands twice is subtracted, device by device", "[app][dlq]") {
  SentDevices sent;
  const auto of = letter({{"remainder", kLeft}});
  auto left = *left_of(of);
  REQUIRE(sent.subtract(of, left));
  sent.note(of, left, 100);

  kafka::TailMessage twin = of;  // written again after a crash
  twin.offset = 60;
  auto again = *left_of(twin);
  CHECK_FALSE(sent.subtract(twin, again));

  twin.headers = letter({{"remainder", R"({"v":1,"hops":0,"left":[{"user_id":"vinson","devices":[)"
                                       R"({"device_id":"phone"},{"device_id":"pad"}]},{"user_id":"mei"}]})"}})
                     .headers;
  again = *left_of(twin);
  REQUIRE(sent.subtract(twin, again));
  REQUIRE(again->left.size() == 1);
  CHECK(again->left[0].devices == std::vector{dispatch::DeviceLeft{.device_id = "pad"}});
}

TEST_CASE("sent devices: what came of the replay itself goes again", "[app][dlq]") {
  SentDevices sent;
  const auto of = letter({{"remainder", kLeft}});
  sent.note(of, *left_of(of), 100);
  kafka::TailMessage later = of;  // it failed once more
  later.offset = 100;
  auto left = *left_of(later);
  CHECK(sent.subtract(later, left));
  CHECK(left->left.size() == 2);
}

TEST_CASE("sent devices: other events, partitions and letters without a source are left alone", "[app][dlq]") {
  SentDevices sent;
  const auto of = letter({{"remainder", kLeft}});
  sent.note(of, *left_of(of), 100);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"source_offset", "901"}, {"source_partition", "6"}, {"source_topic", "former"}, {"source_offset", ""}}) {
    CAPTURE(name, value);
    const auto other = letter({{"remainder", kLeft}, {name, value}});
    auto left = *left_of(other);
    CHECK(sent.subtract(other, left));
    CHECK(left->left.size() == 2);
  }
  const auto nameless = letter({{"source_offset", ""}});
  sent.note(nameless, std::nullopt, 100);
  std::optional<dispatch::Remainder> everybody;
  CHECK(sent.subtract(nameless, everybody));
}

TEST_CASE("sent devices: everybody covers each, each does not cover everybody", "[app][dlq]") {
  SentDevices whole, part;
  whole.note(letter(), std::nullopt, 100);
  auto left = *left_of(letter({{"remainder", kLeft}}));
  CHECK_FALSE(whole.subtract(letter({{"remainder", kLeft}}), left));
  part.note(letter({{"remainder", kLeft}}), *left_of(letter({{"remainder", kLeft}})), 100);
  std::optional<dispatch::Remainder> everybody;
  CHECK(part.subtract(letter(), everybody));
}

TEST_CASE("sent devices: memory is bounded, the first noted go first", "[app][dlq]") {
  SentDevices sent(3);
  const auto nth = [](int n) { return letter({{"source_offset", std::to_string(n)}}); };
  for (int n = 0; n <= 3; ++n) sent.note(nth(n), std::nullopt, 100);
  std::optional<dispatch::Remainder> left;
  CHECK(sent.subtract(nth(0), left));
  CHECK_FALSE(sent.subtract(nth(1), left));
  CHECK_FALSE(sent.subtract(nth(3), left));
}
