// Readers and transactions against librdkafka's in-process broker.
#include "kafka/topic_reader.h"

#include <catch2/catch.hpp>
#include <set>

#include "kafka/cluster_facts.h"
#include "kafka/producer.h"
#include "kafka/transactions.h"
#include "support/kafka_worker.h"

using namespace nightpost;
using namespace nightpost::kafka;

namespace {

constexpr milliseconds kWait{20'000};

std::unique_ptr<EmbeddedBroker> broker(const std::vector<std::pair<std::string, int>>& topics) {
  auto started = EmbeddedBroker::start(topics);
  REQUIRE(started);
  return *std::move(started);
}

std::unique_ptr<TopicReader> reader(const std::string& brokers, const std::string& topic) {
  auto opened = TopicReader::open({.brokers = brokers}, topic, kWait);
  if (!opened) FAIL(opened.error().detail);
  return *std::move(opened);
}

std::multiset<std::string> values_of(TopicReader& reader) {
  std::multiset<std::string> all;
  for (;;) {
    const auto next = reader.next();
    if (!next) FAIL(next.error().detail);
    if (!*next) return all;
    all.insert((*next)->value);
  }
}

}  // namespace

TEST_CASE("topic reader: reads what was there when it was opened, and ends", "[kafka][reader]") {
  const auto kafka = broker({{"letters", 3}});
  test::fill(kafka->brokers(), "letters", "v", 50);
  const auto reading = reader(kafka->brokers(), "letters");
  CHECK(reading->ranges().size() == 3);
  test::fill(kafka->brokers(), "letters", "later", 10);
  std::multiset<std::string> want;
  for (int i = 0; i < 50; ++i) want.insert("v" + std::to_string(i));
  CHECK(values_of(*reading) == want);
  CHECK(values_of(*reading).empty());  // it stays at the end
  REQUIRE(reading->rewind());
  CHECK(values_of(*reading) == want);
}

TEST_CASE("topic reader: one record by its place, or none", "[kafka][reader]") {
  const auto kafka = broker({{"letters", 1}});
  test::fill(kafka->brokers(), "letters", "v", 5);
  const auto reading = reader(kafka->brokers(), "letters");
  const auto third = reading->at(0, 2);
  REQUIRE(third);
  REQUIRE(*third);
  CHECK((*third)->offset == 2);
  for (const auto& [partition, offset] : std::vector<std::pair<int, std::int64_t>>{{0, 5}, {0, -1}, {1, 0}, {-1, 0}}) {
    CAPTURE(partition, offset);
    const auto none = reading->at(partition, offset);
    REQUIRE(none);
    CHECK_FALSE(*none);
  }
  REQUIRE(reading->rewind());
  CHECK(values_of(*reading).size() == 5);
}

TEST_CASE("topic reader: an empty topic ends at once", "[kafka][reader]") {
  const auto kafka = broker({{"letters", 4}});
  CHECK(values_of(*reader(kafka->brokers(), "letters")).empty());
}

TEST_CASE("topic reader: what cannot be read says why", "[kafka][reader]") {
  const auto kafka = broker({{"letters", 1}});
  kafka->set_trouble("letters", Refusal::Forbidden);
  const auto forbidden = TopicReader::open({.brokers = kafka->brokers()}, "letters", kWait);
  REQUIRE_FALSE(forbidden);
  CHECK(forbidden.error().code == Errc::Io);
  kafka->set_trouble("letters", Refusal::TopicMissing);
  const auto missing = TopicReader::open({.brokers = kafka->brokers()}, "letters", kWait);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::NotFound);
  const auto nobody = TopicReader::open({.brokers = "127.0.0.1:1"}, "letters", milliseconds(300));
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == Errc::Io);
}

TEST_CASE("transactions: messages with key, headers and partition arrive", "[kafka][transactions]") {
  const auto kafka = broker({{"letters", 3}, {"marks", 1}});
  auto started = Transactions::start({.kafka = {.brokers = kafka->brokers()}, .id = "t"});
  if (!started) FAIL(started.error().detail);
  const std::vector<Transactions::Message> messages = {
      {.topic = "letters", .partition = 2, .key = "k", .value = "v", .headers = {{"remainder", "r"}}},
      {.topic = "marks", .key = "m", .value = "", .headers = {}}};
  REQUIRE((*started)->write(messages));
  REQUIRE((*started)->write(messages));  // one after the other
  const auto read = reader(kafka->brokers(), "letters");
  for (int i = 0; i < 2; ++i) {
    const auto next = read->next();
    REQUIRE(next);
    REQUIRE(*next);
    CHECK((*next)->partition == 2);
    CHECK((*next)->key == "k");
    CHECK((*next)->header("remainder") == "r");
  }
  CHECK(values_of(*reader(kafka->brokers(), "marks")).size() == 2);
}

TEST_CASE("transactions: a message that cannot be written is named, and the next transaction goes",
          "[kafka][transactions]") {
  const auto kafka = broker({{"letters", 1}});
  auto started = Transactions::start({.kafka = {.brokers = kafka->brokers()}, .id = "t", .message_bytes_max = 100'000});
  REQUIRE(started);
  std::vector<Transactions::Message> messages(3, {.topic = "letters", .key = "k", .value = "small", .headers = {}});
  messages[1].value.assign(200'000, 'x');
  const auto written = (*started)->write(messages);
  REQUIRE_FALSE(written);
  CHECK(written.error().message == 1);
  CHECK_FALSE(written.error().taken_over);
  messages.erase(messages.begin() + 1);
  CHECK((*started)->write(messages));
}

TEST_CASE("transactions: without brokers the start ends", "[kafka][transactions]") {
  const auto started = Transactions::start({.kafka = {.brokers = "127.0.0.1:1"}, .id = "t", .wait = milliseconds(500)});
  REQUIRE_FALSE(started);
  CHECK(started.error().code == Errc::Io);
}

TEST_CASE("cluster facts: topics that are there, missing and forbidden", "[kafka][facts]") {
  const auto kafka = broker({{"in", 6}, {"gone", 1}, {"closed", 1}});
  kafka->set_trouble("gone", Refusal::TopicMissing);
  kafka->set_trouble("closed", Refusal::Forbidden);
  const auto facts = look_at_cluster(
      {.brokers = kafka->brokers()},
      {.topics = {"in", "gone", "closed"}, .groups = {{"g", {"in"}}}, .future = wall_from_ms(4'000'000'000'000)},
      milliseconds(3'000));
  CAPTURE(facts.trouble);
  REQUIRE(facts.trouble.empty());
  CHECK(facts.brokers.size() == 1);
  REQUIRE(facts.topics.size() == 3);
  CHECK_FALSE(facts.topics[0].trouble);
  CHECK(facts.topics[0].partitions == 6);
  CHECK(facts.topics[0].replicas == 1);
  CHECK(facts.topics[1].trouble == Refusal::TopicMissing);
  CHECK(facts.topics[2].trouble == Refusal::Forbidden);
  CHECK(facts.connections.empty());
}

TEST_CASE("cluster facts: nobody answers", "[kafka][facts]") {
  const auto facts = look_at_cluster({.brokers = "127.0.0.1:1"},
                                     {.topics = {"in"}, .groups = {{"g", {"in"}}}, .future = {}}, milliseconds(500));
  CHECK_FALSE(facts.trouble.empty());
  CHECK(facts.topics.empty());
}
