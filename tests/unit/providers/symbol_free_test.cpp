#include "providers/symbol_free.h"

#include <catch2/catch.hpp>

using nightpost::symbol_free;

TEST_CASE("symbol free: symbols go, something stays", "[providers]") {
  struct Row {
    const char *in, *out;
  };
  const Row row = GENERATE(values<Row>({
      {"plain 文字", "plain 文字"},
      {"1 + 1 = 2 $", "1 + 1 = 2 $"},  // symbols of other kinds are not refused
      {"👍", "*"},
      {"a👨‍👩‍👧b", "a*b"},
      {"👍🏽👍", "*"},
      {"🇨🇳🇩🇪!", "*!"},
      {"1️⃣", "1"},
      {"☂️ and ®", "* and *"},
      {"", ""},
  }));
  CAPTURE(row.in);
  CHECK(symbol_free(row.in) == row.out);
}
