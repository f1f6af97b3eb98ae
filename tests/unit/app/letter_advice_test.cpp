#include "app/letter_advice.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace nightpost;
using namespace nightpost::app;

namespace {

/// Of the table "Stage | Reason | What to do" of the contract.
std::set<std::string> documented_reasons() {
  std::ifstream file(std::string(NIGHTPOST_SOURCE_DIR) + "/config/schemas/dead-letter" + ".md");
  REQUIRE(file.good());
  std::set<std::string> all;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| Stage | Reason")) inside = true;
    if (!inside || !line.starts_with("|")) continue;
    const std::size_t second = line.find('|', 1);
    const std::string cell = line.substr(second + 1, line.find('|', second + 1) - second - 1);
    const std::regex quoted("`([a-z_]+)`");
    for (auto each = std::sregex_iterator(cell.begin(), cell.end(), quoted); each != std::sregex_iterator(); ++each)
      all.insert((*each)[1]);
  }
  return all;
}

}  // namespace

TEST_CASE("letter advice: each reason of the contract has words", "[app][dlq]") {
  std::set<std::string_view> advised;
  for (const LetterAdvice& each : letter_advice()) {
    CAPTURE(each.reason);
    CHECK(advised.insert(each.reason).second);
    CHECK(what_to_do(each.reason) == each.todo);
  }
  const auto documented = documented_reasons();
  CHECK(documented.size() > 15);
  for (const std::string& reason : documented) {
    CAPTURE(reason);
    CHECK(advised.contains(reason));
    CHECK(why_dead(reason) != why_dead("of the future"));
  }
}

TEST_CASE("letter advice: unknown words are not empty words", "[app][dlq]") {
  CHECK(why_dead("of the future") == "this version of Nightpost does not know the reason");
  CHECK_FALSE(what_to_do("").empty());
  CHECK(when_dead("deliver") == "when it was sent to the vendor");
  CHECK(when_dead("elsewhere").empty());
}
