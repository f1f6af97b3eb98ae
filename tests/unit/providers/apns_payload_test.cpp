#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "core/text.h"
#include "providers/apns/payload.h"
#include "providers/shown_text.h"
#include "providers/text_fit.h"

using namespace nightpost;
using nlohmann::json;

namespace {

constexpr std::size_t kBudget = 4096;

std::string repeated(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += unit;
  return text;
}

std::string payload(const Notification& n) {
  const auto made = apns::payload_of(n);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification saying(std::string body) {
  Notification n;
  n.body = std::move(body);
  return n;
}

}  // namespace

TEST_CASE("apns payload: keys appear only when there is something to say", "[apns]") {
  struct Row {
    const char* name;
    void (*change)(Notification&);
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"body", [](Notification&) {}, R"({"aps":{"alert":{"body":"b"}}})"},
      {"title", [](Notification& n) { n.title = "t"; }, R"({"aps":{"alert":{"title":"t","body":"b"}}})"},
      {"title alone", [](Notification& n) { n.title = "t", n.body = ""; }, R"({"aps":{"alert":{"title":"t"}}})"},
      {"badge alone", [](Notification& n) { n.body = "", n.badge = 0; }, R"({"aps":{"badge":0}})"},
      {"a badge below 0 is 0", [](Notification& n) { n.badge = -5; }, R"({"aps":{"alert":{"body":"b"},"badge":0}})"},
      {"sound", [](Notification& n) { n.sound = "ping.caf"; }, R"({"aps":{"alert":{"body":"b"},"sound":"ping.caf"}})"},
      {"sound without a name is silent", [](Notification& n) { n.sound = ""; }, R"({"aps":{"alert":{"body":"b"}}})"},
      {"mutable", [](Notification& n) { n.mutable_content = true; },
       R"({"aps":{"alert":{"body":"b"},"mutable-content":1}})"},
      {"thread", [](Notification& n) { n.thread_id = "c2c_\"d\""; },
       R"({"aps":{"alert":{"body":"b"},"thread-id":"c2c_\"d\""}})"},
      {"ext stays the text it was", [](Notification& n) { n.ext = R"({"a":[1,"\n"]})"; },
       R"({"aps":{"alert":{"body":"b"}},"ext":"{\"a\":[1,\"\\n\"]}"})"},
      {"ext that is no JSON", [](Notification& n) { n.ext = "go"; }, R"({"aps":{"alert":{"body":"b"}},"ext":"go"})"},
      {"control characters", [](Notification& n) { n.body = std::string("\0\x1f\n\t\"\\/\x7f", 8); },
       R"({"aps":{"alert":{"body":"\n \"\\/"}}})"},
      {"a blank title is none", [](Notification& n) { n.title = " \t\u3000"; }, R"({"aps":{"alert":{"body":"b"}}})"},
      {"subtitle", [](Notification& n) { n.title = "t", n.subtitle = "s\x07"; },
       R"({"aps":{"alert":{"title":"t","subtitle":"s","body":"b"}}})"},
      {"image, for the app's extension", [](Notification& n) { n.image = "https://e.com/a.png"; },
       R"({"aps":{"alert":{"body":"b"},"mutable-content":1},"image":"https://e.com/a.png"})"},
      {"CJK and emoji stay raw", [](Notification& n) { n.body = "晚安🌙"; }, R"({"aps":{"alert":{"body":"晚安🌙"}}})"},
      {"invalid UTF-8 is repaired",
       [](Notification& n) {
         n.body =
             "a\xff"
             "b",
         n.thread_id = "\xc3";
       },
       "{\"aps\":{\"alert\":{\"body\":\"a\uFFFDb\"},\"thread-id\":\"\uFFFD\"}}"},
      {"a lone surrogate as CESU-8",
       [](Notification& n) {
         n.body =
             "a\xed\xa0\xbd"
             "b";
       },
       "{\"aps\":{\"alert\":{\"body\":\"a\uFFFD\uFFFD\uFFFDb\"}}}"},
      {"all extras",
       [](Notification& n) {
         n.extras = {{"apns.relevance-score", "0.5"},
                     {"apns.target-content-id", "w\"1"},
                     {"apns.category", "MSG"},
                     {"apns.interruption-level", "time-sensitive"}};
       },
       R"({"aps":{"alert":{"body":"b"},"category":"MSG","target-content-id":"w\"1",)"
       R"("interruption-level":"time-sensitive","relevance-score":0.5}})"},
      {"other vendors' extras and unknown ones are not ours",
       [](Notification& n) { n.extras = {{"oppo.channel", "x"}, {"apns.from-the-future", "y"}, {"category", "z"}}; },
       R"({"aps":{"alert":{"body":"b"}}})"},
      {"low priority is passive", [](Notification& n) { n.priority = Priority::Low; },
       R"({"aps":{"alert":{"body":"b"},"interruption-level":"passive"}})"},
      {"unless it says otherwise",
       [](Notification& n) { n.priority = Priority::Low, n.extras = {{"apns.interruption-level", "active"}}; },
       R"({"aps":{"alert":{"body":"b"},"interruption-level":"active"}})"},
  }));
  CAPTURE(row.name);
  Notification n = saying("b");
  row.change(n);
  CHECK(payload(n) == row.want);
}

TEST_CASE("apns payload: what cannot be sent is refused with a reason", "[apns]") {
  struct Row {
    const char* name;
    void (*change)(Notification&);
    const char* words;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing at all", [](Notification& n) { n.body = ""; }, "nothing to push"},
      {"only ext", [](Notification& n) { n.body = "", n.ext = "{}"; }, "nothing to push"},
      {"level unknown", [](Notification& n) { n.extras = {{"apns.interruption-level", "loud"}}; },
       "interruption-level"},
      {"level empty", [](Notification& n) { n.extras = {{"apns.interruption-level", ""}}; }, "interruption-level"},
      {"score too high", [](Notification& n) { n.extras = {{"apns.relevance-score", "1.01"}}; }, "relevance-score"},
      {"score negative", [](Notification& n) { n.extras = {{"apns.relevance-score", "-0.1"}}; }, "relevance-score"},
      {"score empty", [](Notification& n) { n.extras = {{"apns.relevance-score", ""}}; }, "relevance-score"},
      {"score a word", [](Notification& n) { n.extras = {{"apns.relevance-score", "0.5x"}}; }, "relevance-score"},
      {"score nan", [](Notification& n) { n.extras = {{"apns.relevance-score", "nan"}}; }, "relevance-score"},
      {"score inf", [](Notification& n) { n.extras = {{"apns.relevance-score", "inf"}}; }, "relevance-score"},
      {"ext too large", [](Notification& n) { n.ext = std::string(4'100, 'e'); }, "ext is 4,100 bytes"},
      {"ext too large once escaped", [](Notification& n) { n.ext = std::string(2'050, '"'); }, "ext is 4,100 bytes"},
      {"thread too large", [](Notification& n) { n.thread_id = std::string(5'000, 't'); }, "thread_id is 5,000 bytes"},
      {"sound too large", [](Notification& n) { n.sound = std::string(5'000, 's'); }, "sound is 5,000 bytes"},
      {"category too large", [](Notification& n) { n.extras = {{"apns.category", std::string(5'000, 'c')}}; },
       "apns.category is 5,000 bytes"},
      {"scene too large", [](Notification& n) { n.extras = {{"apns.target-content-id", std::string(5'000, 'c')}}; },
       "apns.target-content-id is 5,000 bytes"},
      {"no room for 20 characters of the body",
       [](Notification& n) { n.body = repeated("消", 100), n.ext = std::string(4'020, 'e'); }, "ext is 4,020 bytes"},
  }));
  CAPTURE(row.name);
  Notification n = saying("b");
  row.change(n);
  const auto made = apns::payload_of(n);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::Malformed);
  CHECK_THAT(made.error().detail, Catch::Contains(row.words));
}

TEST_CASE("apns payload: the body is cut to the last character that fits", "[apns]") {
  struct Row {
    const char* name;
    std::string unit;     // one extended grapheme cluster
    std::size_t escaped;  // its bytes in JSON
  };
  const Row row = GENERATE(values<Row>({
      {"ASCII", "x", 1},
      {"CJK", "消", 3},
      {"emoji", "🌙", 4},
      {"ZWJ family", "👨‍👩‍👧‍👦", 25},
      {"skin tone", "👍🏽", 8},
      {"flag", "🇨🇳", 8},
      {"subdivision flag", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", 28},
      {"keycap", "1️⃣", 7},
      {"combining marks", "e\u0301\u0323", 5},
      {"Hangul jamo", "\u1112\u1161\u11ab", 9},
      {"Devanagari", "\u0928\u093f", 6},
      {"quote grows to two", "\"", 2},
      {"backslash", "\\", 2},
      {"line break grows to two", "\n", 2},
  }));
  CAPTURE(row.name);
  Notification n = saying("");
  n.title = "t";
  n.ext = "{}";
  const std::size_t around = payload(n).size() + std::string(R"(,"body":"")").size();
  const std::size_t room = kBudget - around;

  const std::size_t whole = room / row.escaped;
  n.body = repeated(row.unit, whole);
  CHECK(json::parse(payload(n))["aps"]["alert"]["body"] == n.body);  // the largest that fits is left alone

  n.body = repeated(row.unit, whole + 1);
  const std::string cut = payload(n);
  const std::string kept = json::parse(cut)["aps"]["alert"]["body"];
  CHECK(kept == repeated(row.unit, (room - 3) / row.escaped) + "…");
  CHECK(cut.size() <= kBudget);
  CHECK(cut.size() + row.escaped > kBudget);

  n.body = repeated(row.unit, 20'000);
  CHECK(payload(n) == cut);
}

TEST_CASE("apns payload: texts of combining marks are cut, and shown", "[apns]") {
  Notification n = saying("a" + repeated("\u0301", 100'000));
  n.title = n.body;
  const json made = json::parse(payload(n));
  for (const char* key : {"title", "body"}) {
    const std::string kept = made["aps"]["alert"][key];
    CHECK_THAT(kept, Catch::StartsWith("a\u0301") && Catch::EndsWith("…"));
    CHECK(is_valid_utf8(kept));
  }
}

TEST_CASE("apns payload: an ext that is too long is fetched by its reference", "[apns]") {
  Notification n = saying("b");
  n.collapse_id = "144115-1-7";
  n.ext = std::string(4'040, 'e');
  CHECK(json::parse(payload(n))["ext"] == n.ext);  // 4,001 to 4,096 bytes are Apple's to take
  CHECK(payload(n).size() > 4'000);
  n.ext = std::string(4'100, 'e');
  CHECK(payload(n) == R"({"aps":{"alert":{"body":"b"}},"ext":"{\"ref\":\"144115-1-7\"}"})");
  n.body = repeated("x", 9'000);
  CHECK(json::parse(payload(n))["ext"] == R"({"ref":"144115-1-7"})");
}

TEST_CASE("apns payload: exact boundary", "[apns]") {
  const std::size_t around = std::string(R"({"aps":{"alert":{"body":""}}})").size();
  CHECK(payload(saying(std::string(kBudget - around, 'x'))).size() == kBudget);
  const std::string cut = payload(saying(std::string(kBudget - around + 1, 'x')));
  CHECK(cut.size() == kBudget);
  CHECK(cut.ends_with("x…\"}}}"));
}

TEST_CASE("apns payload: the title is cut only when 20 characters of the body are left", "[apns]") {
  Notification n = saying(repeated("消", 100));
  n.title = std::string(3'800, 't');
  const json cut_body = json::parse(payload(n));
  CHECK(cut_body["aps"]["alert"]["title"] == n.title);

  n.title = std::string(4'000, 't');
  const json cut_both = json::parse(payload(n));
  CHECK(cut_both["aps"]["alert"]["body"] == repeated("消", 20) + "…");
  const std::string title = cut_both["aps"]["alert"]["title"];
  CHECK_THAT(title, Catch::EndsWith("t…"));
  CHECK(payload(n).size() == kBudget);

  n.body = "short";  // under 20 characters: stays whole
  const json cut_title = json::parse(payload(n));
  CHECK(cut_title["aps"]["alert"]["body"] == "short");
}

TEST_CASE("apns payload: ext and ids are never cut", "[apns]") {
  Notification n = saying(repeated("x", 5'000));
  n.title = repeated("t", 5'000);
  n.ext = repeated("\"", 1'900);
  n.thread_id = "c2c_denny";
  const json cut = json::parse(payload(n));
  CHECK(cut["ext"] == n.ext);
  CHECK(cut["aps"]["thread-id"] == n.thread_id);
}

TEST_CASE("apns payload: whatever comes in, valid UTF-8 JSON within the limit goes out", "[apns][property]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::vector<std::string> units = {"a",
                                          " ",
                                          "消",
                                          "🌙",
                                          "👨‍👩‍👧‍👦",
                                          "🇨🇳",
                                          "🇨",
                                          "e\u0301",
                                          "\u0301",
                                          "\"",
                                          "\\",
                                          "\n",
                                          std::string(1, '\0'),
                                          "\x1b",
                                          "\u200d",
                                          "\uFE0F",
                                          "\u2028",
                                          "\xff",
                                          "\xc3",
                                          "\xed\xa0\x80",
                                          "\xf0\x9f",
                                          "\r\n",
                                          "\u0600",
                                          "م",
                                          "\u202e",
                                          "{",
                                          "}"};
  const auto text = [&](std::size_t units_max) {
    std::string out;
    for (std::size_t n = below(units_max + 1); n > 0; --n) out += units[below(units.size())];
    return out;
  };
  std::size_t refused = 0;
  for (int round = 0; round < 1'500; ++round) {
    Notification n;
    n.title = text(below(4) == 0 ? 1'500 : 30);
    n.body = text(below(2) == 0 ? 2'500 : 100);
    n.ext = text(below(4) == 0 ? 1'500 : 60);
    n.thread_id = text(40);
    if (below(2) == 0) n.sound = text(10);
    if (below(2) == 0) n.badge = static_cast<int>(below(2'000'000'000));
    n.mutable_content = below(2) == 0;
    const auto made = apns::payload_of(n);
    if (!made) {
      ++refused;
      REQUIRE(made.error().code == Errc::Malformed);
      continue;
    }
    REQUIRE(made->size() <= kBudget);
    REQUIRE(is_valid_utf8(*made));
    const json read = json::parse(*made, nullptr, false);
    REQUIRE(read.is_object());
    REQUIRE(read.value("ext", "") == utf8_repaired(n.ext));
    const json alert = read["aps"].value("alert", json::object());
    const CleanText title(is_blank(n.title) ? std::string_view() : n.title), body(n.body, true);
    for (const auto& [key, whole] : {std::pair{"title", std::string_view(title)}, {"body", std::string_view(body)}}) {
      std::string kept = alert.value(key, "");
      if (kept == whole) continue;
      REQUIRE_THAT(kept, Catch::EndsWith("…"));
      kept.resize(kept.size() - 3);
      REQUIRE(whole.starts_with(kept));
      REQUIRE(longest_prefix(whole, 1'000'000, longest_prefix(kept, 1'000'000).clusters).bytes == kept.size());
    }
  }
  CHECK(refused < 1'000);  // most of them can be sent
}
