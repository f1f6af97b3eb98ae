#include "kafka/refusal.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace nightpost::kafka {
namespace {

TEST_CASE("refusal: the back-off doubles to its limit and is never less than half", "[kafka][refusal]") {
  struct Row {
    const char* name;
    int refusals;
    milliseconds first, max, nominal;
  };
  const Row row = GENERATE(values<Row>({
      {"first", 1, milliseconds(1000), milliseconds(30'000), milliseconds(1000)},
      {"second", 2, milliseconds(1000), milliseconds(30'000), milliseconds(2000)},
      {"at the limit", 6, milliseconds(1000), milliseconds(30'000), milliseconds(30'000)},
      {"a day of refusals", 100'000, milliseconds(1000), milliseconds(30'000), milliseconds(30'000)},
      {"limit below the first", 1, milliseconds(1000), milliseconds(10), milliseconds(10)},
      {"nothing configured is still a wait", 1, milliseconds(0), milliseconds(0), milliseconds(1)},
  }));
  CAPTURE(row.name);
  std::minstd_rand rng(7);
  milliseconds least = row.nominal * 2, most{0};
  for (int i = 0; i < 1000; ++i) {
    const milliseconds wait = refusal_backoff(row.refusals, row.first, row.max, rng);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  CHECK(least >= (row.nominal + milliseconds(1)) / 2);
  CHECK(most <= row.nominal);
  if (row.nominal > milliseconds(100)) CHECK(most - least > row.nominal / 4);  // jitter
}

TEST_CASE("refusal: a shortened letter keeps its coordinates and says what was cut", "[kafka][refusal]") {
  const Headers headers = {{"stage", "decode"}, {"source_offset", "42"}, {"detail", std::string(3000, 'd')}};
  SECTION("value and a header") {
    const ShortMessage made = shortened("k", std::string(5000, 'v'), headers);
    CHECK(made.key == "k");
    CHECK(made.value == std::string(1024, 'v'));
    CHECK(made.headers == Headers{{"stage", "decode"},
                                  {"source_offset", "42"},
                                  {"detail", std::string(1024, 'd')},
                                  {"truncated", "true"},
                                  {"original_bytes", "5000"}});
  }
  SECTION("the key as well") {
    const ShortMessage made = shortened(std::string(9000, 'k'), "v", {});
    CHECK(made.key.size() == 1024);
    CHECK(made.value == "v");
    CHECK(made.headers == Headers{{"truncated", "true"}, {"original_bytes", "1"}, {"original_key_bytes", "9000"}});
  }
}

TEST_CASE("refusal: every kind has a name and a remedy", "[kafka][refusal]") {
  for (const Refusal refusal : {Refusal::TooLarge, Refusal::TopicMissing, Refusal::Forbidden, Refusal::Other}) {
    CHECK_FALSE(name_of(refusal).empty());
    CHECK(remedy_of(refusal).size() > 10);
  }
}

}  // namespace
}  // namespace nightpost::kafka
