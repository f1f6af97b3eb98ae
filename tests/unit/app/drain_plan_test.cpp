#include "app/drain_plan.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

TEST_CASE("drain plan: the waits follow each other within one deadline", "[app][drain]") {
  const milliseconds limit =
      GENERATE(milliseconds(0), milliseconds(1), milliseconds(1'000), milliseconds(25'000), milliseconds(3'600'000));
  const bool is_static_member = GENERATE(false, true);
  const MonoTime start{seconds(100)};
  const DrainPlan plan = plan_drain(start, limit, is_static_member);
  CHECK(plan.answered >= start);
  CHECK(plan.handed_back >= plan.answered);
  CHECK(plan.flushed >= plan.handed_back);
  CHECK(plan.over == start + limit);
  CHECK(plan.flushed <= plan.over);
}

TEST_CASE("drain plan: a static member ends soon, for its partitions wait for it", "[app][drain]") {
  const MonoTime start{seconds(100)};
  const DrainPlan stays = plan_drain(start, milliseconds(25'000), true);
  CHECK(stays.answered - start == milliseconds(1'000));
  CHECK(stays.handed_back - start == milliseconds(1'500));
  const DrainPlan leaves = plan_drain(start, milliseconds(25'000), false);
  CHECK(leaves.answered - start == milliseconds(14'000));
  CHECK(leaves.handed_back - start == milliseconds(17'000));
}

TEST_CASE("drain plan: the consumer's wait fits into what is left", "[app][drain]") {
  struct Row {
    const char* name;
    milliseconds limit, configured, want;
  };
  const Row row = GENERATE(values<Row>({
      {"the defaults", milliseconds(25'000), milliseconds(5'000), milliseconds(3'000)},
      {"a long drain", milliseconds(600'000), milliseconds(5'000), milliseconds(5'000)},
      {"a hasty commit", milliseconds(25'000), milliseconds(10), milliseconds(10)},
      {"no drain at all", milliseconds(0), milliseconds(5'000), milliseconds(100)},
  }));
  CAPTURE(row.name);
  CHECK(commit_wait_of(row.limit, row.configured) == row.want);
}

}  // namespace
}  // namespace nightpost::app
