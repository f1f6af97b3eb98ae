#include "app/event_time.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::app {
namespace {

TEST_CASE("event publish --now: only the time changes", "[app]") {
  struct Row {
    std::string before, after;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"event_id":"e","occurred_at":5,"app_id":1})", R"({"event_id":"e","occurred_at":1795225887405,"app_id":1})"},
      {R"({"z":1,"a":{"occurred_at":5}})", R"({"z":1,"a":{"occurred_at":5},"occurred_at":1795225887405})"},
      {R"({"occurred_at":"soon"})", R"({"occurred_at":1795225887405})"},
      {"[1]", "[1]"},
      {"null", "null"},
      {"", ""},
      {R"({"event_id":)", R"({"event_id":)"},
  }));
  CHECK(occurred_now(row.before, wall_from_ms(1'795'225'887'405)) == row.after);
}

}  // namespace
}  // namespace nightpost::app
