#include "app/redaction.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

TEST_CASE("redaction: a secret goes in whatever encoding it stands", "[app][send]") {
  Redaction redaction;
  redaction.hide("a+b\"c=");
  CHECK(redaction.shown("x a+b\"c= y a+b\"c=") == "x (redacted) y (redacted)");
  CHECK(redaction.shown(R"({"k":"a+b\"c="})") == R"x({"k":"(redacted)"})x");
  CHECK(redaction.shown("k=a%2Bb%22c%3D&z=1") == "k=(redacted)&z=1");
  CHECK(redaction.shown("m=a%2Bb%5C%22c%3D") == "m=(redacted)");     // in JSON in a form
  CHECK(redaction.shown("m=a%252Bb%2522c%253D") == "m=(redacted)");  // a URL's in a form
  CHECK(redaction.shown("nothing of it: a+b") == "nothing of it: a+b");
  CHECK(Redaction().shown("all") == "all");
}

TEST_CASE("redaction: of a header the scheme stays", "[app][send]") {
  struct Row {
    const char *value, *want;
  };
  const Row row = GENERATE(values<Row>({{"Bearer ya29.secret", "Bearer (redacted)"},
                                        {"bearer eyJ.eyJ.sig", "bearer (redacted)"},
                                        {"key=app+secret", "key=(redacted)"},
                                        {"plain-token", "(redacted)"},
                                        {"", ""}}));
  Redaction redaction;
  redaction.hide_authorization(row.value);
  CHECK(redaction.shown(row.value) == row.want);
}

TEST_CASE("redaction: a receipt URL loses its key alone", "[app][send]") {
  Redaction redaction;
  redaction.hide_key_of("https://push.example.com/receipts/xiaomi/7?key=0123456789abcdef");
  redaction.hide_key_of("https://push.example.com/receipts/xiaomi/7");
  CHECK(redaction.shown(
            "extra.callback=https%3A%2F%2Fpush.example.com%2Freceipts%2Fxiaomi%2F7%3Fkey%3D0123456789abcdef") ==
        "extra.callback=https%3A%2F%2Fpush.example.com%2Freceipts%2Fxiaomi%2F7%3Fkey%3D(redacted)");
}

}  // namespace
}  // namespace nightpost::app
