// An Apache Kafka whose offset.metadata.max.bytes has no room for what is said beside an offset.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "support/kafka_broker.h"
#include "support/kafka_worker.h"

namespace nightpost::kafka {
namespace {

using test::fill;
using test::within;
using test::Worker;

constexpr milliseconds kLong{60'000};

TEST_CASE("e2e kafka: a broker without room for metadata gets plain offsets, and nothing is lost", "[e2e][kafka]") {
  const support::KafkaBroker broker({"small.metadata:2"}, {.settings = {"offset.metadata.max.bytes=10"}, .user = {}});
  const ConsumerOptions options{.kafka = {.brokers = broker.address()},
                                .group_id = "g",
                                .topic = "small.metadata",
                                .commit_interval = milliseconds(50)};
  fill(broker.address(), "small.metadata", "v", 1000);
  const auto is_held = [](const std::string& value) { return std::stoi(value.substr(1)) % 100 == 50; };
  std::set<std::string> all;
  {
    Worker first(options, [&](const std::string& value) { return !is_held(value); });
    REQUIRE(within(kLong, [&] { return first.seen_count() == 1000; }));
    CHECK(within(kLong, [&] { return read(first.metrics.commits_plain) == 1; }));
    const std::uint64_t before = read(first.metrics.commits);
    CHECK(within(kLong, [&] { return read(first.metrics.commits) > before; }));
    CHECK(read(first.metrics.commit_errors) == 0);
    all = first.distinct();
  }
  CHECK(all.size() == 1000);
  Worker second(options);
  CHECK(within(kLong, [&] { return second.consumer().in_flight() == 0 && second.seen_count() > 10; }));
  for (const std::string& value : all)
    if (is_held(value)) CHECK(within(kLong, [&] { return second.distinct().contains(value); }));
  CHECK(second.seen_count() < 1000);  // what was done before the oldest unfinished one stays done
  second.stop();
  CHECK(second.seen_count() == second.distinct().size());
  CHECK(read(second.metrics.metadata_ignored) == 0);
}

}  // namespace
}  // namespace nightpost::kafka
