#include "providers/ext_form.h"

#include <catch2/catch.hpp>

using namespace nightpost;

TEST_CASE("ext form: an object as it is, all else inside of one", "[providers]") {
  struct Row {
    const char *ext, *want;
  };
  const Row row = GENERATE(values<Row>({
      {"", ""},
      {R"({"a":"1"})", R"({"a":"1"})"},
      {" {\"a\": {\"b\":[1]} }\n", " {\"a\": {\"b\":[1]} }\n"},
      {R"({"id":123456789012345678901234,"x":1.10})", R"({"id":123456789012345678901234,"x":1.10})"},
      {"hello \"you\"", R"({"ext":"hello \"you\""})"},
      {"[1]", R"({"ext":"[1]"})"},
      {"7", R"({"ext":"7"})"},
      {"null", R"({"ext":"null"})"},
      {R"({"a":1)", R"({"ext":"{\"a\":1"})"},
      {R"({"a":1}x)", R"({"ext":"{\"a\":1}x"})"},
      {R"({'a':1})", R"({"ext":"{'a':1}"})"},
      // The last of two equal members counts, in the order of the first.
      {R"({"a":1,"b":2,"a":3})", R"({"a":3,"b":2})"},
      {R"({"o":{"a":1,"\u0061":2},"p":{"a":1}})", R"({"o":{"a":2},"p":{"a":1}})"},
      {R"([{"a":1,"a":2}])", R"({"ext":"[{\"a\":1,\"a\":2}]"})"},
  }));
  CHECK(ext_object(row.ext) == row.want);
}

TEST_CASE("ext form: depth costs nothing", "[providers]") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  CHECK(ext_object(deep).starts_with(R"({"ext":)"));
  deep.resize(8'000);
  CHECK(ext_object(deep).starts_with(R"({"ext":)"));
}

TEST_CASE("ext form: a reference by the message's id, where it is shorter", "[providers]") {
  Notification n;
  n.ext = std::string(100, 'x');
  CHECK(ext_reference(n).empty());
  n.push_id = "p-1";
  CHECK(ext_reference(n) == R"({"ref":"p-1"})");
  n.collapse_id = "m-\"1";
  CHECK(ext_reference(n) == R"({"ref":"m-\"1"})");
  n.ext = "short";
  CHECK(ext_reference(n).empty());
}
