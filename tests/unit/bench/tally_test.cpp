#include "bench/h2_sink/tally.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/process.h"

namespace nightpost::bench {
namespace {

Request request_for(const std::string& token, const std::string& body = "") {
  return {
      .path = "/3/device/" + token, .apns_id = "id-1", .collapse_id = "c-1", .body = body, .body_bytes = body.size()};
}
nlohmann::json stats_of(const Tally& tally) { return nlohmann::json::parse(tally.json()); }

TEST_CASE("tokens: each counts once, however many there are", "[bench]") {
  TokenSet tokens;
  CHECK(tokens.size() == 0);
  constexpr int kMany = 600'000;  // beyond the first doubling
  int added = 0;
  for (int i = 0; i < kMany; ++i) added += tokens.add(std::to_string(i));
  CHECK(added == kMany);
  for (int i = 0; i < kMany; i += 7) added += tokens.add(std::to_string(i));
  CHECK(added == kMany);
  CHECK(tokens.size() == kMany);
  CHECK(tokens.add(""));
  CHECK_FALSE(tokens.add(""));
  tokens.clear();
  CHECK(tokens.size() == 0);
  CHECK(tokens.add("0"));
}

TEST_CASE("histogram: a percentile is at most 3 % above the truth, never below", "[bench]") {
  struct Row {
    const char* name;
    std::uint64_t from, to;  // each once
    double p;
    std::uint64_t truth;
  };
  const Row row = GENERATE(values<Row>({
      {"one value", 5, 5, 0.5, 5},
      {"zero", 0, 0, 0.99, 0},
      {"small values are exact", 1, 60, 0.5, 30},
      {"median of thousands", 1, 100'000, 0.5, 50'000},
      {"the tail", 1, 100'000, 0.99, 99'000},
      {"everything", 1, 100'000, 1.0, 100'000},
      {"an hour", 3'600'000'000, 3'600'000'000, 0.5, 3'600'000'000},
      {"the largest there is", ~0ULL, ~0ULL, 0.5, ~0ULL},
  }));
  CAPTURE(row.name);
  Histogram histogram;
  for (std::uint64_t us = row.from;; ++us) {
    histogram.add(us);
    if (us == row.to) break;
  }
  const std::uint64_t said = histogram.percentile(row.p);
  CHECK(said >= row.truth);
  CHECK(said - row.truth <= row.truth / 32);
  CHECK(histogram.max() == row.to);
  CHECK(histogram.count() == row.to - row.from + 1);
}

TEST_CASE("histogram: nothing seen is zero", "[bench]") { CHECK(Histogram().percentile(0.99) == 0); }

TEST_CASE("tally: a repeat is a request and no new token", "[bench]") {
  Tally tally(0);
  tally.saw(request_for("aa", "12345"), 1'000);
  tally.saw(request_for("bb"), 1'500);
  tally.saw(request_for("aa"), 2'000);
  const auto stats = stats_of(tally);
  CHECK(stats["requests"] == 3);
  CHECK(stats["distinct"] == 2);
  CHECK(stats["body_bytes"] == 5);
  CHECK(stats["first_us"] == 1'000);
  CHECK(stats["last_us"] == 2'000);
  tally.reset();
  CHECK(stats_of(tally)["requests"] == 0);
  CHECK(stats_of(tally)["distinct"] == 0);
  CHECK(stats_of(tally)["first_us"] == 0);
}

TEST_CASE("tally: only a stamped body has a latency", "[bench]") {
  struct Row {
    const char* name;
    std::string body;
    int count;
    std::uint64_t p50_us;
  };
  const Row row = GENERATE(values<Row>({
      {"stamped", R"({"ext":"bench_us=1000000"})", 1, 25},
      {"inside escaped JSON", R"({"ext":"{\"x\":\"bench_us=1000005\"}"})", 1, 20},
      {"due later than it came: no time at all", "bench_us=2000000", 1, 0},
      {"no stamp", R"({"aps":{}})", 0, 0},
      {"no digits", "bench_us=soon", 0, 0},
      {"more digits than fit", "bench_us=99999999999999999999999", 0, 0},
      {"empty", "", 0, 0},
  }));
  CAPTURE(row.name);
  Tally tally(0);
  tally.saw(request_for("aa", row.body), 1'000'025);
  const auto latency = stats_of(tally)["latency"];
  CHECK(latency["count"] == row.count);
  CHECK(latency["p50_us"] == row.p50_us);
}

TEST_CASE("tally: records are bounded, in order, and written whole", "[bench]") {
  const support::TempFolder folder("tally");
  Tally tally(2);
  for (const char* token : {"aa", "bb", "cc"}) tally.saw(request_for(token), 7);
  REQUIRE(tally.dump(folder.file("dump")));
  CHECK(support::read_file(folder.file("dump")) == "7\taa\tc-1\tid-1\n7\tbb\tc-1\tid-1\n");
  CHECK(stats_of(tally)["requests"] == 3);
  CHECK_FALSE(tally.dump(folder.file("no/such/folder")));
}

}  // namespace
}  // namespace nightpost::bench
