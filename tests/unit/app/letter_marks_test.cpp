#include "app/letter_marks.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

using namespace nightpost;
using namespace nightpost::app;

namespace {

constexpr const char* kTopic = "nightpost.dead.v1";

LetterMarks::Mark mark(std::int64_t offset, LetterState state = LetterState::Replayed, std::int32_t partition = 0) {
  return {.id = {partition, offset}, .at = 1000 + offset, .until = 90'000, .state = state};
}

LetterMarks loaded(const std::vector<LetterMarks::Record>& records) {
  LetterMarks marks(kTopic);
  for (const auto& record : records) REQUIRE(marks.load(record));
  return marks;
}

}  // namespace

TEST_CASE("letter id: what is taken and what is not", "[app][dlq]") {
  CHECK(letter_id_from("0:0") == LetterId{0, 0});
  CHECK(letter_id_from("17:900719925474099") == LetterId{17, 900'719'925'474'099});
  CHECK(text_of(LetterId{3, 4711}) == "3:4711");
  const std::string bad = GENERATE("", ":", "1:", ":1", "1", "-1:1", "1:-1", "1:1:1", " 1:1", "1:1 ", "a:1", "1:0x1",
                                   "99999999999:1", "1:99999999999999999999");
  CAPTURE(bad);
  CHECK_FALSE(letter_id_from(bad));
}

TEST_CASE("letter marks: what is written says what is done", "[app][dlq]") {
  LetterMarks marks(kTopic);
  const std::vector<LetterMarks::Mark> some = {mark(24'576), mark(24'577), mark(24'591),
                                               mark(24'600, LetterState::Dropped), mark(5, LetterState::Replayed, 2)};
  const auto records = marks.records_with(some);
  CHECK(marks.state_of({0, 24'576}) == LetterState::Open);  // not before apply()
  marks.apply(some);
  REQUIRE(records.size() == 2);
  CHECK(records[0].key == "nightpost.dead.v1:0:3");
  CHECK(
      records[0].value ==
      R"({"v":1,"until":90000,"witness":{"offset":24600,"at":25600},"replayed":"24576-24577,24591","dropped":"24600"})");
  CHECK(records[1].key == "nightpost.dead.v1:2:0");
  for (const LetterMarks& read : {loaded(records), marks}) {
    CHECK(read.state_of({0, 24'576}) == LetterState::Replayed);
    CHECK(read.state_of({0, 24'600}) == LetterState::Dropped);
    CHECK(read.state_of({0, 24'592}) == LetterState::Open);
    CHECK(read.state_of({1, 24'576}) == LetterState::Open);
    CHECK(read.state_of({2, 5}) == LetterState::Replayed);
    CHECK(read.done() == 5);
    CHECK(read.until({0, 24'591}) == 90'000);
    CHECK(read.witness(0) == LetterMarks::Witness{24'600, 25'600});
    CHECK_FALSE(read.witness(1));
    CHECK(read.partitions() == std::vector<std::int32_t>{0, 2});
  }
}

TEST_CASE("letter marks: a block keeps where its partition ended at its first mark", "[app][dlq]") {
  LetterMarks marks(kTopic);
  marks.apply(std::vector{mark(1)});
  LetterMarks::Mark later = mark(2);
  later.until = 95'000;
  CHECK(marks.records_with(std::vector{later})[0].value.contains("\"until\":90000"));
  marks.apply(std::vector{later});
  CHECK(marks.until({0, 2}) == 90'000);
}

TEST_CASE("letter marks: the latest record of a block wins, and an empty one forgets it", "[app][dlq]") {
  LetterMarks marks(kTopic);
  const auto first = marks.records_with(std::vector{mark(1)});
  const auto second = marks.records_with(std::vector{mark(2)});
  LetterMarks read = loaded({first[0], second[0]});
  CHECK(read.state_of({0, 1}) == LetterState::Open);
  CHECK(read.state_of({0, 2}) == LetterState::Replayed);
  REQUIRE(read.load({first[0].key, ""}));
  CHECK(read.done() == 0);
}

TEST_CASE("letter marks: of another topic nothing is taken", "[app][dlq]") {
  LetterMarks other("nightpost.dead.v1:0");  // a name that a careless split would confuse
  const LetterMarks read = loaded(other.records_with(std::vector{mark(1)}));
  CHECK(read.done() == 0);
}

TEST_CASE("letter marks: what is damaged is refused, and nothing of it is taken", "[app][dlq]") {
  const std::string good = R"({"v":1,"until":9,"witness":{"offset":1,"at":1},"replayed":"1-3","dropped":"7"})";
  struct Row {
    const char* name;
    std::string key, value;
  };
  const auto with = [&](const char* path, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(good);
    json[nlohmann::json::json_pointer(path)] = value;
    return json.dump();
  };
  const std::string key = std::string(kTopic) + ":0:0";
  const Row row = GENERATE_COPY(values<Row>({
      {"no key", "", good},
      {"a key without a block", "nightpost.dead.v1", good},
      {"a key with one number", "nightpost.dead.v1:1", good},
      {"a block that is no number", std::string(kTopic) + ":0:x", good},
      {"a partition below zero", std::string(kTopic) + ":-1:0", good},
      {"a block beyond all offsets", std::string(kTopic) + ":0:9223372036854775807", good},
      {"no JSON", key, "{"},
      {"another version", key, with("/v", 2)},
      {"no bound", key, with("/until", nullptr)},
      {"no witness", key, with("/witness", 5)},
      {"a witness without a time", key, with("/witness", {{"offset", 1}})},
      {"no ranges", key, with("/replayed", 5)},
      {"descending", key, with("/replayed", "3,1")},
      {"overlapping", key, with("/replayed", "1-3,3")},
      {"backwards", key, with("/replayed", "3-1")},
      {"of another block", key, with("/dropped", "8192")},
      {"beyond the block", key, with("/dropped", "8190-8192")},
      {"no number", key, with("/dropped", "1,,2")},
      {"a sign", key, with("/dropped", "-1")},
  }));
  CAPTURE(row.name);
  LetterMarks marks(kTopic);
  const auto read = marks.load({row.key, row.value});
  // What is not of this topic at all is passed over; the rest is an error.
  if (read) CHECK(row.key != key);
  CHECK(marks.done() == 0);
  CHECK((read || read.error().code == Errc::Malformed));
}

TEST_CASE("letter marks: what is forgotten is written once as such", "[app][dlq]") {
  LetterMarks marks(kTopic);
  marks.apply(std::vector{mark(1), mark(9'000), mark(1, LetterState::Replayed, 1)});
  marks.forget(1);
  marks.forget_before(0, 8'191);  // the block holds one more letter
  CHECK(marks.state_of({0, 1}) == LetterState::Replayed);
  marks.forget_before(0, 8'192);
  CHECK(marks.state_of({0, 1}) == LetterState::Open);
  CHECK(marks.done() == 1);
  const auto records = marks.records_with(std::vector{mark(9'001)});
  REQUIRE(records.size() == 3);
  CHECK(records[0].key == "nightpost.dead.v1:0:0");
  CHECK(records[0].value.empty());
  CHECK(records[1].key == "nightpost.dead.v1:1:0");
  CHECK(records[1].value.empty());
  CHECK_FALSE(records[2].value.empty());
  marks.apply(std::vector{mark(9'001)});
  CHECK(marks.records_with(std::vector{mark(9'002)}).size() == 1);
}

TEST_CASE("letter marks: any marks in any order come back", "[app][dlq]") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::minstd_rand rng(seed);
  LetterMarks marks(kTopic);
  std::map<std::string, std::string> topic;  // as compaction leaves it
  std::map<LetterId, LetterState> want;
  for (int step = 0; step < 60; ++step) {
    std::vector<LetterMarks::Mark> some;
    for (int i = 0; i < 20; ++i) {
      const LetterId id{std::int32_t(rng() % 3), std::int64_t(rng() % 40'000)};
      const auto state = rng() % 4 == 0 ? LetterState::Dropped : LetterState::Replayed;
      if (!want.emplace(id, state).second) continue;
      some.push_back({id, 5, 6, state});
    }
    for (auto& [key, value] : marks.records_with(some)) topic[key] = value;
    marks.apply(some);
  }
  LetterMarks read(kTopic);
  for (const auto& [key, value] : topic) REQUIRE(read.load({key, value}));
  CHECK(read.done() == want.size());
  CHECK(marks.done() == want.size());
  for (const auto& [id, state] : want) CHECK(read.state_of(id) == state);
}
