// `nightpost dlq`, run as a user runs it, against librdkafka's in-process broker. That one commits transactions and
// does not undo them: what an interrupted or a second run does is shown against a real one, in tests/e2e.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "app/output.h"
#include "kafka/producer.h"
#include "kafka/topic_reader.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
using Headers = std::map<std::string, std::string>;

constexpr milliseconds kWait{20'000};

std::string event(const std::string& id, std::int64_t app = 7, std::int64_t occurred_at = 0) {
  if (occurred_at == 0) occurred_at = to_ms(SystemClock().wall());
  return Json{{"event_id", id},
              {"app_id", app},
              {"occurred_at", occurred_at},
              {"expires_at", occurred_at + 86'400'000},
              {"kind", "c2c"},
              {"from", {{"user_id", "denny"}, {"nick", ""}, {"name_card", ""}}},
              {"group", nullptr},
              {"message",
               {{"id", id},
                {"seq", 1},
                {"sent_at", occurred_at},
                {"priority", "high"},
                {"elements", Json::array({{{"type", "text"}, {"text", "hi"}}})}}},
              {"push", {{"title", "t"}, {"desc", "d"}, {"ext", ""}}},
              {"to", Json::array({{{"user_id", "vinson"}}})}}
      .dump();
}

class Post {
 public:
  Post() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nightpost-dlq-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    auto started = kafka::EmbeddedBroker::start({{"offline", 4}, {"dead", 2}, {"marks", 1}, {"former", 1}});
    REQUIRE(started);
    broker_ = *std::move(started);
    auto producer = kafka::Producer::start(
        {.kafka = {.brokers = broker_->brokers()}, .linger = milliseconds(1)}, [](const Error&) {}, metrics_);
    REQUIRE(producer);
    producer_ = *std::move(producer);
    std::ofstream(folder_ + "/config.json") << Json{
        {"kafka",
         {{"brokers", broker_->brokers()},
          {"topics", {{"offline", "offline"}, {"results", "results"}, {"dead", "dead"}, {"dead_marks", "marks"}}}}}};
  }
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;
  ~Post() { std::filesystem::remove_all(folder_); }

  support::CliRan run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "dlq");
    arguments.insert(arguments.end(), {"--config", folder_ + "/config.json"});
    return support::run_cli(folder_, std::move(arguments));
  }
  /// Its end as `--json` tells it.
  Json replay(std::vector<std::string> more = {}, int code = kDone) const {
    more.insert(more.begin(), "replay");
    more.emplace_back("--json");
    const auto ran = run(more);
    CAPTURE(ran.out, ran.err);
    CHECK(ran.code == code);
    return Json::parse(ran.out);
  }
  void write(const std::string& topic, const std::string& key, const std::string& value, const Headers& headers = {}) {
    kafka::Headers all;
    for (const auto& [name, text] : headers) all.emplace_back(*names_.insert(name).first, text);
    const auto written = producer_->produce_and_wait(topic, key, value, all, kWait);
    if (!written) FAIL(written.error().detail);
  }
  /// A dead letter of the event, whose first record stood at that offset.
  void letter(const std::string& id, int source_offset, Headers more = {}, std::string value = "") {
    Headers headers = {{"stage", "deliver"},      {"reason", "retries_exhausted"},
                       {"event_id", id},          {"vendor", "apns"},
                       {"code", "503"},           {"detail", "user vinson: no answer"},
                       {"traceparent", "00-a"},   {"source_topic", "offline"},
                       {"source_partition", "3"}, {"source_offset", std::to_string(source_offset)}};
    for (const auto& [name, text] : more) headers[name] = text;
    write("dead", "c2c_denny_vinson", value.empty() ? event(id) : value, headers);
  }
  std::vector<kafka::TailMessage> read(const std::string& topic) const {
    auto reader = kafka::TopicReader::open({.brokers = broker_->brokers()}, topic, kWait);
    REQUIRE(reader);
    std::vector<kafka::TailMessage> all;
    for (;;) {
      auto next = (*reader)->next();
      REQUIRE(next);
      if (!*next) return all;
      all.push_back(**std::move(next));
    }
  }
  std::multiset<std::string> replayed() const {
    std::multiset<std::string> ids;
    for (const auto& record : read("offline")) ids.insert(Json::parse(record.value).at("event_id"));
    return ids;
  }
  std::vector<Json> list(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"list", "--json"});
    const auto ran = run(more);
    CAPTURE(ran.err);
    CHECK(ran.code == kDone);
    std::istringstream lines(ran.out);
    std::vector<Json> all;
    for (std::string line; std::getline(lines, line);) all.push_back(Json::parse(line));
    return all;
  }
  kafka::EmbeddedBroker& broker() { return *broker_; }

 private:
  std::string folder_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  kafka::ProducerMetrics metrics_;
  std::set<std::string> names_;  // a producer's header names are static
  std::unique_ptr<kafka::Producer> producer_;
};

TEST_CASE("dlq: list, replay and list again", "[app][dlq]") {
  Post post;
  for (int i = 0; i < 5; ++i) post.letter("e" + std::to_string(i), i);
  REQUIRE(post.list().size() == 5);
  CHECK(post.list()[0]["state"] == "open");
  CHECK(post.list({"--limit", "2"}).size() == 2);
  CHECK(post.list({"--event", "e3", "--event", "e4"}).size() == 2);
  CHECK(post.list({"--app", "8"}).empty());

  const Json dry = post.replay({"--dry-run"});
  CHECK(dry["replayed"] == 5);
  CHECK(dry["by_reason"] == Json{{"retries_exhausted", 5}});
  CHECK(post.replayed().empty());
  CHECK(post.read("marks").empty());

  const Json first = post.replay();
  CHECK(first["replayed"] == 5);
  CHECK(post.replayed() == std::multiset<std::string>{"e0", "e1", "e2", "e3", "e4"});
  const auto record = post.read("offline").front();
  CHECK(record.partition == 3);  // where it stood
  CHECK(record.key == "c2c_denny_vinson");
  CHECK(record.header("traceparent") == "00-a");
  CHECK(record.header("source_topic") == "offline");
  CHECK(record.header("reason").empty());

  const Json second = post.replay();
  CHECK(second["replayed"] == 0);
  CHECK(second["done_before"] == 5);
  CHECK(post.replayed().size() == 5);
  CHECK(post.list().empty());
  REQUIRE(post.list({"--all"}).size() == 5);
  CHECK(post.list({"--all"})[0]["state"] == "replayed");
}

TEST_CASE("dlq: a replay goes on where the one before ended", "[app][dlq]") {
  Post post;
  for (int i = 0; i < 7; ++i) post.letter("e" + std::to_string(i), i, {{"code", i % 2 == 0 ? "503" : "500"}});
  CHECK(post.replay({"--limit", "2", "--code", "503"})["replayed"] == 2);
  CHECK(post.replay({"--rate", "100000", "--code", "500"})["replayed"] == 3);
  CHECK(post.replay()["replayed"] == 2);
  const auto all = post.replayed();
  CHECK(all.size() == 7);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 7);
}

TEST_CASE("dlq: only those left are named, and a letter that stands twice rings once", "[app][dlq]") {
  Post post;
  const std::string left =
      R"({"v":1,"first_at":1795225887405,"hops":2,"left":[{"user_id":"vinson","devices":[{"device_id":"phone"}]}]})";
  post.letter("e0", 0, {{"remainder", left}});
  post.letter("e0", 0, {{"remainder", left}});  // a worker died after it was written
  post.letter("e1", 1, {{"remainder", left}});
  const Json end = post.replay();
  CHECK(end["replayed"] == 2);
  CHECK(end["copies"] == 1);
  for (const auto& record : post.read("offline")) {
    const Json remainder = Json::parse(record.header("remainder"));
    CHECK(remainder["left"][0]["devices"][0]["device_id"] == "phone");
    CHECK_FALSE(remainder.contains("first_at"));
  }
  CHECK(post.list().empty());
  post.letter("e0", 0, {{"remainder", left}});  // its replay failed too
  CHECK(post.replay()["replayed"] == 1);
}

TEST_CASE("dlq: what is too late is told", "[app][dlq]") {
  Post post;
  post.letter("old", 0, {}, event("old", 7, to_ms(SystemClock().wall()) - 30 * 86'400'000LL));
  post.letter("new", 1);
  const Json dry = post.replay({"--dry-run"});
  CHECK(dry["replayed"] == 2);
  CHECK(dry["too_late"] == 1);
  const auto words = post.run({"replay", "--dry-run"});
  CHECK(words.out.contains("1  of them too late"));
  CHECK(words.out.contains("by reason: retries_exhausted"));
}

TEST_CASE("dlq: a cut letter goes whole if its first record stands, else it stays", "[app][dlq]") {
  Post post;
  const std::string whole = event("whole") + std::string(3'000, ' ');
  post.write("former", "c2c_denny_vinson", whole);
  const Headers cut = {{"truncated", "true"},
                       {"original_bytes", std::to_string(whole.size())},
                       {"source_topic", "former"},
                       {"source_partition", "0"}};
  post.letter("whole", 0, cut, whole.substr(0, 1024));
  post.letter("gone", 900, cut, whole.substr(0, 1024));
  const Json end = post.replay({}, kNotAllWell);
  CHECK(end["replayed"] == 1);
  CHECK(end["refused"] == Json{{"it was cut, and its first record is gone", 1}});
  REQUIRE(post.read("offline").size() == 1);
  CHECK(post.read("offline")[0].value == whole);
  REQUIRE(post.list().size() == 1);
  CHECK(post.list()[0]["event_id"] == "gone");
  CHECK(post.list()[0]["truncated"] == true);
}

TEST_CASE("dlq: damaged letters stay and the others go", "[app][dlq]") {
  Post post;
  post.letter("damaged", 0, {{"remainder", "{"}});
  post.letter("good", 1);
  const Json end = post.replay({}, kNotAllWell);
  CHECK(end["replayed"] == 1);
  CHECK(end["refused"].size() == 1);
  CHECK(post.replayed() == std::multiset<std::string>{"good"});
}

TEST_CASE("dlq: drop marks, with a filter or for everything only", "[app][dlq]") {
  Post post;
  for (int i = 0; i < 4; ++i) post.letter("e" + std::to_string(i), i);
  const auto refused = post.run({"drop"});
  CHECK(refused.code == kBadUsage);
  CHECK(refused.err.contains("--everything"));
  CHECK(post.run({"drop", "--event", "e1"}).code == kDone);
  CHECK(post.list().size() == 3);
  CHECK(post.list({"--all", "--event", "e1"})[0]["state"] == "dropped");
  CHECK(post.replay({"--event", "e1"})["done_before"] == 1);
  CHECK(post.run({"drop", "--everything", "--dry-run"}).code == kDone);
  CHECK(post.list().size() == 3);
  const auto ran = post.run({"drop", "--everything"});
  CAPTURE(ran.err);
  CHECK(ran.code == kDone);
  CHECK(post.list().empty());
  CHECK(post.replayed().empty());
}

TEST_CASE("dlq: show says all of a letter, by its place or its event", "[app][dlq]") {
  Post post;
  post.letter("e0", 0);
  post.letter("e0", 0);
  post.letter("e1", 1);
  const Json first = post.list()[0];
  const auto place = std::to_string(first["partition"].get<int>()) + ":" + std::to_string(first["offset"].get<int>());
  const auto by_place = post.run({"show", place});
  CHECK(by_place.code == kDone);
  CHECK(by_place.out.contains("to do      replay once the vendor"));
  CHECK(by_place.out.contains("\"event_id\": \"e0\""));
  const auto by_event = post.run({"show", "e0", "--json"});
  CHECK(std::ranges::count(by_event.out, '\n') == 2);
  CHECK(Json::parse(by_event.out.substr(0, by_event.out.find('\n')))["event"]["app_id"] == 7);
  for (const char* none : {"0:900", "9:0", "e2"}) {
    CAPTURE(none);
    const auto ran = post.run({"show", none});
    CHECK(ran.code == kNotAllWell);
    CHECK(ran.err.contains("no letter"));
  }
}

TEST_CASE("dlq: marks of a topic that is gone hide nothing", "[app][dlq]") {
  Post post;
  post.letter("e0", 0);
  const Json letter = post.list()[0];
  const std::string partition = std::to_string(letter["partition"].get<int>());
  const auto mark = [&](std::int64_t offset, std::int64_t at) {
    post.write(
        "marks", "dead:" + partition + ":0",
        Json{
            {"v", 1}, {"until", 9}, {"witness", {{"offset", offset}, {"at", at}}}, {"replayed", "0-3"}, {"dropped", ""}}
            .dump());
  };
  mark(letter["offset"], letter["at"]);
  CHECK(post.list().empty());
  mark(letter["offset"], letter["at"].get<std::int64_t>() - 1);  // a letter of another time stood there
  CHECK(post.list().size() == 1);
  mark(7, 1);  // beyond what there is
  CHECK(post.list().size() == 1);
  const auto ran = post.run({"replay"});
  CHECK(ran.err.contains("was made anew"));
  CHECK(post.replayed().size() == 1);
  CHECK(post.list().empty());
}

TEST_CASE("dlq: what cannot be done, by its exit code", "[app][dlq]") {
  Post post;
  CHECK(post.run({"list"}).out == "no such letters\n");
  CHECK(post.replay()["replayed"] == 0);
  CHECK(post.run({"list", "--since", "yesterday"}).code == kBadUsage);
  CHECK(post.run({"replay", "--until", "5"}).code == kBadUsage);
  CHECK(post.run({"replay", "--rate", "0"}).code == kBadUsage);
  CHECK(post.run({"list", "--app", "x"}).code == kBadUsage);
  post.write("marks", "dead:0:0", "damaged");
  const auto damaged = post.run({"list"});
  CHECK(damaged.code == kBadUsage);
  CHECK(damaged.err.contains("dead:0:0"));
  post.broker().set_trouble("dead", kafka::Refusal::TopicMissing);
  const auto missing = post.run({"list"});
  CHECK(missing.code == kNotAllWell);
  CHECK(missing.err.contains("Kafka has no topic dead"));
}

}  // namespace
}  // namespace nightpost::app
