#include "kafka/group_membership.h"

#include <catch2/catch.hpp>

#include "kafka/consumer.h"

namespace nightpost::kafka {
namespace {

constexpr GroupTiming kOurs{
    .session = milliseconds(7'000), .heartbeat = milliseconds(1'000), .max_poll = milliseconds(300'000)};

TEST_CASE("group membership: by default a dead member's partitions move within ten seconds", "[kafka][group]") {
  const GroupTiming ours = ConsumerOptions().group_timing;
  CHECK(ours == kOurs);
  // Dead after the session, told with the next heartbeat; joining and fetching take the rest.
  CHECK(ours.session + ours.heartbeat <= milliseconds(9'000));
  CHECK(ours.session >= milliseconds(6'000));  // Kafka's default for group.min.session.timeout.ms
  CHECK(check_group_timing(ours).has_value());
}

TEST_CASE("group membership: settings of the client win", "[kafka][group]") {
  struct Row {
    const char* name;
    std::map<std::string, std::string> client;
    GroupTiming want;
  };
  const Row row = GENERATE(values<Row>({
      {"none", {{"security.protocol", "ssl"}}, kOurs},
      {"a session",
       {{"session.timeout.ms", "45000"}},
       {milliseconds(45'000), milliseconds(1'000), milliseconds(300'000)}},
      {"all",
       {{"session.timeout.ms", "30"}, {"heartbeat.interval.ms", "20"}, {"max.poll.interval.ms", "10"}},
       {milliseconds(30), milliseconds(20), milliseconds(10)}},
      {"no number", {{"session.timeout.ms", "soon"}}, kOurs},
      {"a number and more", {{"heartbeat.interval.ms", "5s"}}, kOurs},
      {"empty", {{"heartbeat.interval.ms", ""}}, kOurs},
      {"too large for any", {{"session.timeout.ms", "99999999999999"}}, kOurs},
  }));
  CAPTURE(row.name);
  CHECK(group_timing(kOurs, row.client) == row.want);
}

TEST_CASE("group membership: times that contradict each other are refused", "[kafka][group]") {
  struct Row {
    const char* name;
    int session, heartbeat, max_poll;
    const char* error;  // null: fine
  };
  const Row row = GENERATE(values<Row>({
      {"three heartbeats fit", 6'000, 2'000, 300'000, nullptr},
      {"not quite", 5'999, 2'000, 300'000, "5999 is less than three heartbeats (2000 each)"},
      {"heartbeat above the session", 1'000, 2'000, 300'000, "less than three heartbeats"},
      {"session just below max.poll", 299'999, 1'000, 300'000, nullptr},
      {"session at max.poll", 300'000, 1'000, 300'000, "300000 is not below max.poll.interval.ms (300000)"},
      {"session above max.poll", 7'000, 1'000, 6'000, "is not below max.poll.interval.ms (6000)"},
  }));
  CAPTURE(row.name);
  const Result<void> checked = check_group_timing({.session = milliseconds(row.session),
                                                   .heartbeat = milliseconds(row.heartbeat),
                                                   .max_poll = milliseconds(row.max_poll)});
  CHECK(checked.has_value() == (row.error == nullptr));
  if (!checked && row.error != nullptr) CHECK_THAT(checked.error().detail, Catch::Contains(row.error));
}

TEST_CASE("group membership: the host's name makes an id of its own for each worker", "[kafka][group]") {
  struct Row {
    const char *pattern, *hostname, *want;
  };
  const Row row = GENERATE(values<Row>({
      {"", "node-1", ""},
      {"worker-7", "node-1", "worker-7"},
      {"{hostname}", "node-1", "node-1"},
      {"a-{hostname}-b-{hostname}", "n", "a-n-b-n"},
      {"{hostname}", "{hostname}", "{hostname}"},  // not replaced for ever
      {"{hostname}", "", ""},
      {"{host}", "node-1", "{host}"},
  }));
  CHECK(group_instance_id(row.pattern, row.hostname) == row.want);
}

TEST_CASE("group membership: the group of delay topics is the named one, else made of the other's name",
          "[kafka][group]") {
  CHECK(delay_group_id("", "nightpost") == "nightpost.delay");
  CHECK(delay_group_id("late", "nightpost") == "late");
  CHECK(delay_group_id("", "") == ".delay");
}

}  // namespace
}  // namespace nightpost::kafka
