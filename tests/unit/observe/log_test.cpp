#include "observe/log.h"

#include <catch2/catch.hpp>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

namespace nightpost::observe {
namespace {

class ManualClock final : public Clock {
 public:
  WallTime wall() const noexcept override { return wall_from_ms(1'795'225'887'405) + passed; }
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1)) + passed; }
  milliseconds passed{0};
};

std::vector<std::string> lines_in(const std::ostringstream& out) {
  std::vector<std::string> lines;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string line_with(Field field) { return line_of(Level::Info, "T", "e", {field}, 0); }

TEST_CASE("log: a line is one JSON object whatever is in it", "[observe]") {
  struct Row {
    const char* name;
    Field field;
    const char* want;
  };
  const Row rows[] = {
      {"text", kv("k", "v"), R"("k":"v")"},
      {"a number", kv("k", -7), R"("k":-7)"},
      {"an unsigned one", kv("k", std::uint16_t(65535)), R"("k":65535)"},
      {"a flag is no number", kv("k", true), R"("k":true)"},
      {"false", kv("k", false), R"("k":false)"},
      {"a fraction", kv("k", 0.25), R"("k":0.25)"},
      {"not a number", kv("k", std::numeric_limits<double>::quiet_NaN()), R"("k":null)"},
      {"infinite", kv("k", -std::numeric_limits<double>::infinity()), R"("k":null)"},
      {"quotes and backslashes", kv("k", R"(say "no" \ yes)"), R"("k":"say \"no\" \\ yes")"},
      {"a line break stays one line", kv("k", "a\nb"), R"("k":"a\nb")"},
      {"broken UTF-8 is repaired", kv("k", std::string("a\xff")), "\"k\":\"a\xEF\xBF\xBD\""},
      {"an odd key", kv("a\"b", true), R"("a\"b":true)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(line_with(row.field) == std::string(R"({"at":"T","level":"info","event":"e",)") + row.want + "}");
  }
}

TEST_CASE("log: what was dropped comes last, and only if something was", "[observe]") {
  CHECK(line_of(Level::Warn, "T", "e", {}, 0) == R"({"at":"T","level":"warn","event":"e"})");
  CHECK(line_of(Level::Error, "T", "e", {kv("n", 1)}, 3) ==
        R"({"at":"T","level":"error","event":"e","n":1,"dropped":3})");
}

TEST_CASE("log: times are RFC 3339 in UTC", "[observe]") {
  CHECK(rfc3339(wall_from_ms(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(wall_from_ms(1'795'225'887'405)) == "2026-11-21T01:51:27.405Z");
  CHECK(rfc3339(wall_from_ms(-1)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("log: levels have names", "[observe]") {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Off})
    CHECK(level_from(name_of(level)) == level);
  CHECK_FALSE(level_from("verbose"));
  CHECK_FALSE(level_from("Info"));
  CHECK_FALSE(level_from(""));
}

TEST_CASE("log: says what reaches its level and nothing below", "[observe]") {
  ManualClock clock;
  std::ostringstream out;
  Log log(Level::Warn, 10, out, clock);
  log.debug("d");
  log.info("i");
  CHECK(out.str().empty());
  log.warn("w", {kv("n", 1)});
  log.error("e");
  CHECK(lines_in(out) ==
        std::vector<std::string>{R"({"at":"2026-11-21T01:51:27.405Z","level":"warn","event":"w","n":1})",
                                 R"({"at":"2026-11-21T01:51:27.405Z","level":"error","event":"e"})"});
}

TEST_CASE("log: off is silent even for errors, to its very end", "[observe]") {
  ManualClock clock;
  std::ostringstream out;
  {
    Log log(Level::Off, 1, out, clock);
    for (int i = 0; i < 5; ++i) log.error("e");
  }
  CHECK(out.str().empty());
}

TEST_CASE("log: a flood is cut, counted, and told", "[observe]") {
  ManualClock clock;
  std::ostringstream out;
  {
    Log log(Level::Info, 2, out, clock);
    for (int i = 0; i < 5; ++i) log.warn("flood", {kv("i", i)});
    log.info("calm");
    clock.passed += seconds(1);
    log.warn("flood", {kv("i", 5)});
    for (int i = 6; i < 10; ++i) log.warn("flood", {kv("i", i)});
  }
  const auto lines = lines_in(out);
  REQUIRE(lines.size() == 6);
  CHECK(lines[2].find("calm") != std::string::npos);
  CHECK(lines[3].ends_with(R"("event":"flood","i":5,"dropped":3})"));
  CHECK(lines[4].ends_with(R"("event":"flood","i":6})"));
  CHECK(lines[5].ends_with(R"("event":"log.dropped","of":"flood","dropped":3})"));
}

TEST_CASE("log: threads do not mix their lines", "[observe]") {
  ManualClock clock;
  std::ostringstream out;
  Log log(Level::Info, 1'000'000, out, clock);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 100; ++i) log.info("e", {kv("t", t), kv("pad", std::string(100, 'x'))});
      });
  }
  const auto lines = lines_in(out);
  CHECK(lines.size() == 400);
  for (const std::string& line : lines) {
    CHECK(line.starts_with(R"({"at":")"));
    CHECK(line.ends_with("x\"}"));
  }
}

}  // namespace
}  // namespace nightpost::observe
