// What the doctor makes of the IM servers that share a store, and of the Redis between them.
#include "app/doctor_nodes.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "support/redis_server.h"

namespace nightpost::app {
namespace {

constexpr std::int64_t kSeenAt = 1'795'942'800'000;

im::NodeRow node_row(std::int64_t id, const std::string& name, milliseconds silent = milliseconds(900)) {
  return {.id = id,
          .name = name,
          .seen_at = wall_from_ms(kSeenAt) - silent,
          .facts = {.clock_ahead = milliseconds(-40), .message_bytes_max = 4'194'304, .channel = "redis://r np:im"}};
}

std::string shown(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& each : findings) {
    CHECK((each.health == Health::Ok) == each.todo.empty());
    out += std::string(name_of(each.health)) + " " + each.subject + ": " + each.what + "\n";
  }
  return out;
}

TEST_CASE("doctor: nodes", "[app][doctor][nodes]") {
  Config config;  // a lease of 15 s, clocks may differ by 10 s
  im::NodesSeen seen{.now = wall_from_ms(kSeenAt), .nodes = {node_row(3, "a"), node_row(5, "b")}};
  milliseconds here{0};
  Health worst = Health::Ok;
  std::string want;
  SECTION("all is well") { want = "committed 0.9 s ago, clock -40 ms"; }
  SECTION("none") {
    seen.nodes.clear();
    want = "no IM server has this store now";
  }
  SECTION("at half of a lease it is well") {
    seen.nodes[1] = node_row(5, "b", milliseconds(7'500));
    want = "b (5): committed 7.5 s ago";
  }
  SECTION("behind it it is late") {
    seen.nodes[1] = node_row(5, "b", milliseconds(7'501));
    worst = Health::Warning;
    want = "b (5): has not committed for 7.5 s of its lease of 15.0 s";
  }
  SECTION("at the lease, too") {
    seen.nodes[1] = node_row(5, "b", milliseconds(15'000));
    worst = Health::Warning;
    want = "b (5): has not committed for 15.0 s";
  }
  SECTION("its lease is over") {
    seen.nodes[1] = node_row(5, "b", milliseconds(15'001));
    worst = Health::Fault;
    want = "b (5): has not committed for 15.0 s, and its lease is 15.0 s";
  }
  SECTION("that of all is: none runs") {
    seen.nodes = {node_row(3, "a", milliseconds(60'000)), node_row(5, "b", milliseconds(90'000))};
    worst = Health::Warning;
    want = "a (3): none of 2 IM servers runs: this one was the last, and committed 60.0 s ago";
  }
  SECTION("a clock that differs by a second") {
    seen.nodes[0].facts.clock_ahead = milliseconds(1'000);
    want = "clock +1000 ms";
  }
  SECTION("by more") {
    seen.nodes[0].facts.clock_ahead = milliseconds(1'001);
    worst = Health::Warning;
    want = "a (3): its clock is 1.0 s ahead of the store's";
  }
  SECTION("by much") {
    seen.nodes[0].facts.clock_ahead = milliseconds(-10'001);
    worst = Health::Fault;
    want = "a (3): its clock is 10.0 s behind the store's";
  }
  SECTION("this machine's") {
    here = milliseconds(61'000);
    worst = Health::Fault;
    want = "this machine: its clock is 61.0 s ahead of the store's";
  }
  SECTION("messages of another length") {
    seen.nodes[1].facts.message_bytes_max = 65'536;
    worst = Health::Warning;
    want = "im.redis.message_bytes_max: differs (a (3): 4194304, b (5): 65536)";
  }
  SECTION("one that tells nobody anything is not compared") {
    seen.nodes[1].facts.message_bytes_max = 0;
    want = "a (3): committed";
  }
  SECTION("another channel") {
    seen.nodes[1].facts.channel = "redis://r other:im";
    worst = Health::Warning;
    want = "(a (3): redis://r np:im, b (5): redis://r other:im)";
  }
  SECTION("one without Redis") {
    seen.nodes[1].facts.channel.clear();
    worst = Health::Warning;
    want = "b (5): none)";
  }
  SECTION("all without Redis") {
    for (im::NodeRow& each : seen.nodes) each.facts.channel.clear();
    want = "a (3): committed";
  }
  SECTION("two of one name") {
    seen.nodes[1] = node_row(5, "a");
    worst = Health::Warning;
    want = "a: 2 nodes have this name";
  }
  const auto findings = judge(seen, seen.now + here, config);
  CHECK(worst_of(findings) == worst);
  CHECK_THAT(shown(findings), Catch::Contains(want));
}

TEST_CASE("doctor: what Redis says of itself is read line by line", "[app][doctor][redis]") {
  const RedisFacts facts = parse_redis_info(
      "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\nno colon\r\nused_memory:x12\r\n"
      "maxmemory:2097152\r\nmaxmemory_policy:noeviction\r\nrole:master");
  CHECK(facts.version == "7.0.15");
  CHECK(facts.mode == "standalone");
  CHECK(facts.role == "master");
  CHECK(facts.maxmemory_policy == "noeviction");
  CHECK(facts.memory == 0);  // no number
  CHECK(facts.memory_max == 2'097'152);
  CHECK(parse_redis_info("").version.empty());
  CHECK(parse_redis_info("# redis_version:1").version.empty());
}

TEST_CASE("doctor: what becomes of what Redis says", "[app][doctor][redis]") {
  struct Row {
    const char* name;
    std::string info;
    Health health;
    std::string want;
  };
  const std::string good = "redis_version:7.0.15\nredis_mode:standalone\nrole:master\nmaxmemory_policy:allkeys-lru\n";
  const Row row = GENERATE_REF(values<Row>({
      {"good", good, Health::Ok, "Redis 7.0.15, standalone, maxmemory-policy allkeys-lru"},
      {"a cluster", good + "redis_mode:cluster\n", Health::Ok, "cluster"},
      {"old", good + "redis_version:5.0.14\n", Health::Warning, "is version 5.0.14"},
      {"no number", good + "redis_version:new\n", Health::Warning, "is version new"},
      {"none", "role:master\n", Health::Warning, "does not say its version"},
      {"a sentinel", good + "redis_mode:sentinel\n", Health::Fault, "is a sentinel"},
      {"a replica", good + "role:slave\n", Health::Warning, "is a replica"},
      {"no bound", good + "used_memory:99999999999\nmaxmemory:0\n", Health::Ok, "Redis 7"},
      {"room is left", good + "used_memory:80000000\nmaxmemory:100000000\n", Health::Ok, "Redis 7"},
      {"full", good + "used_memory:90000000\nmaxmemory:100000000\n", Health::Warning, "85 of 95 MiB"},
  }));
  CAPTURE(row.name);
  const auto findings = judge(parse_redis_info(row.info), "redis://r");
  CHECK(worst_of(findings) == row.health);
  CHECK_THAT(shown(findings), Catch::Contains(row.want));
}

TEST_CASE("doctor: a Redis that runs is asked", "[app][doctor][redis]") {
  CHECK(look_at_redis_server(*parse_config("{}"), MonoTime::max()).empty());
  CHECK(look_at_nodes(*parse_config("{}")).empty());  // a file is one node's
  support::RedisServer server({});
  Config config;
  config.im.redis.url = im::parse_redis_url(server.url()).value();
  const MonoTime soon = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto good = look_at_redis_server(config, soon);
  CHECK(worst_of(good) == Health::Ok);
  CHECK_THAT(shown(good), Catch::Contains("maxmemory-policy noeviction"));
  server.stop();
  const auto away = look_at_redis_server(config, soon);
  CHECK_THAT(shown(away), Catch::Contains("does not say what it is"));
}

}  // namespace
}  // namespace nightpost::app
