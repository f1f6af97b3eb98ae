// Where a group begins, and what retention takes from it, against Apache Kafka itself.
#include <librdkafka/rdkafka.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>

#include "kafka/client_conf.h"
#include "observe/log.h"
#include "support/kafka_broker.h"
#include "support/kafka_worker.h"

namespace nightpost::kafka {
namespace {

using support::KafkaBroker;
using test::within;
using test::Worker;

constexpr milliseconds kLong{60'000};

KafkaBroker& broker() {
  static KafkaBroker the_broker({"begins:3", "forgets:1"});
  return the_broker;
}

ConsumerOptions options(const std::string& topic) { return test::quick_consumer(broker().address(), topic); }

Client client() {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  REQUIRE(rd_kafka_conf_set(conf, "bootstrap.servers", broker().address().c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
  Client made(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
  REQUIRE(made);
  return made;
}

/// Records "PREFIX0" … of one partition that were written so long ago.
void write(const std::string& topic, std::int32_t partition, const std::string& prefix, int n, milliseconds ago) {
  const Client producer = client();
  const auto at = std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()) - ago;
  for (int i = 0; i < n; ++i) {
    std::string value = prefix + std::to_string(i);
    REQUIRE(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_TIMESTAMP(at.count()),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  REQUIRE(rd_kafka_flush(producer.get(), static_cast<int>(kLong.count())) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

/// As retention does: the partition begins at `offset`.
void forget_below(const std::string& topic, std::int64_t offset) {
  const Client admin = client();
  const PartitionList before(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), 0)->offset = offset;
  rd_kafka_DeleteRecords_t* what = rd_kafka_DeleteRecords_new(before.get());
  const Queue answers(rd_kafka_queue_new(admin.get()));
  rd_kafka_DeleteRecords(admin.get(), &what, 1, nullptr, answers.get());
  rd_kafka_DeleteRecords_destroy(what);
  rd_kafka_event_t* const event = rd_kafka_queue_poll(answers.get(), static_cast<int>(kLong.count()));
  REQUIRE(event != nullptr);
  const rd_kafka_DeleteRecords_result_t* const result = rd_kafka_event_DeleteRecords_result(event);
  REQUIRE(result != nullptr);
  CHECK(rd_kafka_DeleteRecords_result_offsets(result)->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_event_destroy(event);
}

TEST_CASE("e2e kafka: a new group takes what was written within an hour, and chooses once", "[e2e][kafka]") {
  write("begins", 0, "old", 30, std::chrono::hours(2));
  write("begins", 0, "young", 20, std::chrono::minutes(10));
  write("begins", 1, "old", 10, std::chrono::hours(3));  // partition 2 is empty
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  ConsumerOptions wanted = options("begins");
  wanted.start_at = {StartAt::From::Back, std::chrono::hours(1)};
  wanted.kafka.log = &log;
  {
    Worker first(wanted, [](const std::string&) { return false; });
    REQUIRE(within(kLong, [&] { return first.seen_count() >= 20 && read(first.metrics.commits) > 0; }));
    CHECK(read(first.metrics.lag[0]) == 20);
    for (const std::string& value : first.seen()) CHECK(value.starts_with("young"));
    CHECK(first.seen_count() == 20);
    first.stop();
  }
  CHECK(said.str().find(R"("passed_over":40)") != std::string::npos);
  CHECK(said.str().find(R"("ahead":20)") != std::string::npos);
  said.str("");
  write("begins", 1, "late", 5, std::chrono::hours(2));  // old, but written after the choice
  write("begins", 2, "late", 5, std::chrono::hours(2));
  Worker second(wanted);
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 30; }));
  REQUIRE(within(kLong, [&] { return read(second.metrics.lag[0]) == 0; }));
  CHECK(second.seen_count() == 30);
  second.stop();
  CHECK(said.str().find("kafka.group_begins") == std::string::npos);
}

TEST_CASE("e2e kafka: records that retention took before they were done are counted", "[e2e][kafka]") {
  write("forgets", 0, "v", 50, milliseconds(0));
  {
    Worker first(options("forgets"), [](const std::string& value) { return value == "v3" || value == "v40"; });
    REQUIRE(within(kLong, [&] { return first.seen_count() == 50 && first.consumer().in_flight() == 48; }));
    first.stop();
  }
  forget_below("forgets", 20);
  Worker second(options("forgets"));
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 29; }));
  REQUIRE(within(kLong, [&] { return read(second.metrics.lag[0]) == 0; }));
  CHECK(second.seen_count() == 29);  // v20 … v49 without v40
  CHECK(read(second.metrics.retention_lost) == 19);
  CHECK(read(second.metrics.rewinds) == 0);
}

}  // namespace
}  // namespace nightpost::kafka
