// What falls to a node, by the rows of all: without a store.
#include "im/service/node_duties.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::im {
namespace {

constexpr milliseconds kLease{15'000};

/// "1 2x 3:16000": ids, x where it is over, and for how many ms it has been silent.
std::vector<NodeRow> rows_of(const std::string& text) {
  const std::int64_t now = 1'000'000;
  std::vector<NodeRow> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string word = text.substr(at, text.find(' ', at) - at);
    at += word.size() + 1;
    NodeRow row{.id = std::stoll(word), .over = word.ends_with('x'), .seen_at = wall_from_ms(now)};
    if (const auto colon = word.find(':'); colon != std::string::npos)
      row.seen_at -= milliseconds(std::stoll(word.substr(colon + 1)));
    out.push_back(std::move(row));
  }
  return out;
}

std::string words_of(const NodeDuties& duties) {
  std::string out = duties.first ? "first" : "waits";
  out += " of " + std::to_string(duties.live);
  for (const std::int64_t id : duties.ended) out += ", ends " + std::to_string(id);
  if (duties.over) out += ", takes over " + std::to_string(*duties.over);
  return out;
}

TEST_CASE("im nodes: what falls to a node", "[im][service][nodes]") {
  struct Row {
    const char* name;
    std::string rows;
    std::int64_t self;
    milliseconds steady;
    std::string want;
  };
  const milliseconds long_steady{60'000};
  const Row row = GENERATE_REF(values<Row>({
      {"alone", "3", 3, long_steady, "first of 1"},
      {"the lowest of three", "3 5 9", 3, long_steady, "first of 3"},
      {"the second waits", "3 5 9", 5, long_steady, "waits of 3"},
      {"the last waits", "3 5 9", 9, long_steady, "waits of 3"},
      {"at the lease to the ms nobody ends", "3 5:15000", 3, long_steady, "first of 2"},
      {"behind it the first ends another", "3 5:15001", 3, long_steady, "first of 1, ends 5, takes over 5"},
      {"the second ends the first and is the first", "3:20000 5 9", 5, long_steady, "first of 2, ends 3, takes over 3"},
      {"the third leaves that to the second", "3:20000 5 9", 9, long_steady, "waits of 3"},
      {"two at once, one after the other", "3:20000 5:20000 9", 9, long_steady,
       "first of 1, ends 3, ends 5, takes over 3"},
      {"one that was away itself ends nobody", "3:20000 5", 5, milliseconds(14'999), "waits of 2"},
      {"nor does it when it begins", "3:99999999 5", 5, milliseconds(0), "waits of 2"},
      {"and is not first before it has", "3:20000 5", 5, milliseconds(15'000), "first of 1, ends 3, takes over 3"},
      {"what is over is no node any more", "3x 5 9", 5, long_steady, "first of 2, takes over 3"},
      {"nor for one that is not steady", "3x 5 9", 5, milliseconds(0), "first of 2, takes over 3"},
      {"one over at a time", "3x 4x 5", 5, long_steady, "first of 1, takes over 3"},
      {"not by the second", "3x 5 9", 9, long_steady, "waits of 2"},
      {"one over with a greater id", "5 9x", 5, long_steady, "first of 1, takes over 9"},
      {"a clock that was set back ends nobody", "3:-50000 5", 5, long_steady, "waits of 2"},
      {"who has no row does nothing", "3 5", 7, long_steady, "waits of 1"},
      {"no rows at all", "", 7, long_steady, "waits of 1"},
  }));
  CAPTURE(row.name);
  CHECK(words_of(duties_of(rows_of(row.rows), row.self, row.steady, kLease)) == row.want);
}

}  // namespace
}  // namespace nightpost::im
