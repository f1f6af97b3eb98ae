#include "sandbox/form_fields.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::sandbox {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const FormFields& form) {
  Pairs out;
  for (const auto& [name, value] : form.all()) out.emplace_back(name, value);
  return out;
}

TEST_CASE("form: fields are decoded once, in order", "[sandbox][form]") {
  struct Row {
    const char* name;
    std::string body;
    Pairs want;
  };
  const Row row = GENERATE(values<Row>({
      {"empty", "", {}},
      {"one", "a=b", {{"a", "b"}}},
      {"plus and %20 are blanks", "a=x+y%20z", {{"a", "x y z"}}},
      {"a plus is %2B", "a=%2B1", {{"a", "+1"}}},
      {"decoded once only", "a=%2541", {{"a", "%41"}}},
      {"either case of hex", "a=%e5%BC%a0", {{"a", "张"}}},
      {"names are decoded too", "extra%2Ecallback=1&a+b=2", {{"extra.callback", "1"}, {"a b", "2"}}},
      {"repeats are kept", "r=1&r=2", {{"r", "1"}, {"r", "2"}}},
      {"empty value", "a=", {{"a", ""}}},
      {"no sign, no value", "a&b=1", {{"a", ""}, {"b", "1"}}},
      {"empty pieces", "&&a=1&&b=2&", {{"a", "1"}, {"b", "2"}}},
      {"escaped separators", "a=1%262%3D3%3B%23", {{"a", "1&2=3;#"}}},
      {"JSON as lenient clients leave it", R"(m={"k":["v"]}&n=1)", {{"m", R"({"k":["v"]})"}, {"n", "1"}}},
      {"zero byte", "a=%00b", {{"a", std::string("\0b", 2)}}},
  }));
  CAPTURE(row.name);
  const auto form = FormFields::parse(row.body);
  REQUIRE(form.has_value());
  CHECK(pairs_of(*form) == row.want);
}

TEST_CASE("form: what is not a form says where", "[sandbox][form]") {
  struct Row {
    const char* name;
    std::string body;
    std::string_view want;
  };
  const Row row = GENERATE(values<Row>({
      {"percent at the end", "a=%", "form byte 2: '%' without two hex digits"},
      {"one digit", "a=%4", "form byte 2: '%' without two hex digits"},
      {"first is no digit", "a=%g0", "form byte 2: '%' without two hex digits"},
      {"second is no digit", "a=%0g", "form byte 2: '%' without two hex digits"},
      {"cut by the next field", "a=%4&b=1", "form byte 2: '%' without two hex digits"},
      {"50% bare", "a=50%+off", "form byte 4: '%' without two hex digits"},
      {"a bare =", "a=1=2", "form byte 3: must be percent-encoded"},
      {"a bare ;", "a=1;b=2", "form byte 3: must be percent-encoded"},
      {"a bare #", "a=#1", "form byte 2: must be percent-encoded"},
      {"a bare blank", "a=1 2", "form byte 3: must be percent-encoded"},
      {"a line end", "a=1\r\n", "form byte 3: must be percent-encoded"},
      {"raw UTF-8", "a=张", "form byte 2: must be percent-encoded"},
      {"DEL", "a=\x7f", "form byte 2: must be percent-encoded"},
      {"no name", "a=1&=2", "form byte 4: a field without a name"},
      {"only a sign", "=", "form byte 0: a field without a name"},
      {"not UTF-8", "b=1&a=%ff", "form byte 4: not UTF-8"},
      {"half a character", "a=%e5%bc", "form byte 0: not UTF-8"},
      {"half a surrogate pair", "a=%ed%a0%bd", "form byte 0: not UTF-8"},
      {"a name that is not UTF-8", "%c0%80=1", "form byte 0: not UTF-8"},
      {"four fields", "a=1&b=2&c=3&d=4", "form byte 12: more than 3 fields"},
  }));
  CAPTURE(row.name);
  const auto form = FormFields::parse(row.body, 3);
  REQUIRE_FALSE(form.has_value());
  CHECK(form.error().code == Errc::Malformed);
  CHECK(form.error().detail == row.want);
}

TEST_CASE("form: lookups, and views that outlive a move", "[sandbox][form]") {
  auto parsed = FormFields::parse("a=1&b=&a=2");
  REQUIRE(parsed.has_value());
  const FormFields form = std::move(*parsed);
  CHECK(form.find("a") == "1");
  CHECK(form.count("a") == 2);
  CHECK(form.find("b") == "");
  CHECK_FALSE(form.find("c").has_value());
  CHECK(form.value("c").empty());
  CHECK(form.count("c") == 0);
  CHECK_FALSE(form.find("A").has_value());
}

}  // namespace
}  // namespace nightpost::sandbox
