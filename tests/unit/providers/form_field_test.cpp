#include "providers/form_field.h"

#include <catch2/catch.hpp>

#include "core/text.h"

using namespace nightpost;

TEST_CASE("form field: found and decoded", "[providers]") {
  struct Row {
    const char* name;
    const char *form, *field;
    std::optional<std::string> want;
  };
  const Row row = GENERATE(values<Row>({
      {"the only one", "a=1", "a", "1"},
      {"the last", "a=1&b=2", "b", "2"},
      {"the first of two", "a=1&a=2", "a", "1"},
      {"a plus is a blank", "a=x+y", "a", "x y"},
      {"escapes of either case", "a=%e6%B6%88%2B", "a", "消+"},
      {"an equals sign in the value", "a=b=c", "a", "b=c"},
      {"empty", "a=", "a", ""},
      {"without an equals sign", "a&b=1", "a", ""},
      {"an escaped name", "%61=1", "a", "1"},
      {"empty pairs are passed over", "&&a=1&", "a", "1"},
      {"other fields may be broken", "b=%zz&a=1", "a", "1"},
      {"none", "a=1", "b", std::nullopt},
      {"a part of a name", "aa=1", "a", std::nullopt},
      {"nothing at all", "", "a", std::nullopt},
      {"cut escape", "a=%4", "a", std::nullopt},
      {"lone percent", "a=%", "a", std::nullopt},
      {"no digits", "a=%g0", "a", std::nullopt},
      {"signs are no digits", "a=%+1", "a", std::nullopt},
      {"capital name", "A=1", "a", std::nullopt},
  }));
  CAPTURE(row.name);
  CHECK(form_field(row.form, row.field) == row.want);
}

TEST_CASE("form field: gives back what core writes", "[providers]") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string form;
  append_form_field(form, "first", "x");
  append_form_field(form, all, all);
  CHECK(form_field(form, all) == all);
}
