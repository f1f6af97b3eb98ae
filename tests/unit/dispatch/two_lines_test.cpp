#include "dispatch/two_lines.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost::dispatch;

namespace {

std::string turns(double share, const std::string& wants) {
  Turns turns(share);
  std::string all;
  for (const char each : wants) all += turns.next(each != 'm', each != 'f') == Audience::Few ? 'f' : 'm';
  return all;
}

}  // namespace

TEST_CASE("two lines: whose turn it is", "[dispatch][lines]") {
  struct Row {
    const char* name;
    double share;
    const char* wants;  // the few, the many, or both
    const char* turns;
  };
  const auto row = GENERATE(values<Row>({
      {"a fifth", 0.2, "bbbbbbbbbb", "ffffmffffm"},
      {"half", 0.5, "bbbbbb", "fmfmfm"},
      {"one alone has all", 0.2, "ffffffff", "ffffffff"},
      {"so has the other", 0.2, "mmmmmmmm", "mmmmmmmm"},
      {"time alone saves no turns up", 0.5, "mmmmbbbb", "mmmmfmfm"},
      {"nor do turns of the few alone", 0.5, "ffffbbbb", "fffffmfm"},
      {"a turn that was earned is kept while one is alone", 0.25, "bbbbffffbbbb", "fffmfffffffm"},
  }));
  CAPTURE(row.name);
  CHECK(turns(row.share, row.wants) == row.turns);
}

TEST_CASE("two lines: each in its order, taken in turns", "[dispatch][lines]") {
  TwoLines<int> lines(0.5);
  CHECK(lines.empty());
  for (const int each : {1, 2, 3}) lines.push_back(Audience::Few, each);
  for (const int each : {11, 12, 13, 14}) lines.push_back(Audience::Many, each);
  lines.erase_if([](int each) { return each == 2 || each == 12; });
  std::string all;
  while (!lines.empty()) all += std::to_string(lines.take()) + ' ';
  CHECK(all == "1 11 3 13 14 ");
}
