#include "providers/reply_json.h"

#include <catch2/catch.hpp>

using namespace nightpost;

TEST_CASE("reply_json: absent is whatever is not there as it should be", "[providers]") {
  const auto json =
      parsed(R"({"s":"x","n":7,"d":"8","m":-9,"big":18446744073709551615,"f":1.5,"b":true,"z":null,"o":{}})");
  CHECK(text_in(json, "s") == "x");
  CHECK(text_in(json, "n") == "7");
  CHECK(text_in(json, "m") == "-9");
  CHECK(text_in(json, "big") == "18446744073709551615");
  for (const char* none : {"f", "b", "z", "o", "absent"}) {
    CAPTURE(none);
    CHECK(text_in(json, none).empty());
    CHECK_FALSE(integer_in(json, none));
  }
  CHECK(integer_in(json, "n") == 7);
  CHECK(integer_in(json, "d") == 8);
  CHECK(integer_in(json, "m") == -9);
  CHECK_FALSE(integer_in(json, "s"));
  CHECK_FALSE(integer_in(json, "big"));
  CHECK(member(json, "z") != nullptr);
  CHECK(member(json, "absent") == nullptr);
  for (const char* text : {"", "<html>", "[]", "null", "7", R"("s")", R"({"s":)"}) {
    CAPTURE(text);
    CHECK(member(parsed(text), "s") == nullptr);
    CHECK(text_in(parsed(text), "s").empty());
  }
}

TEST_CASE("reply_json: foreign words are short, printable, one line", "[providers]") {
  CHECK(printable("plain words") == "plain words");
  CHECK(printable(std::string("a\nb\0c\x7f", 6)) == "a?b?c?");
  CHECK(printable("小") == "???");
  CHECK(printable(std::string(500, 'x')).size() == kForeignWordBytesMax);
  CHECK(printable("abc", 2) == "ab");
}

TEST_CASE("reply json: a vendor's own words, where they can be read", "[providers]") {
  CHECK(vendor_words("title is too long") == " It said: title is too long.");
  CHECK(vendor_words("Parameter value is illegal.") == " It said: Parameter value is illegal.");
  CHECK(vendor_words("notify_id不合法\n") == " It said: notify_id?.");
  CHECK(vendor_words("参数错误").empty());
  CHECK(vendor_words("").empty());
  CHECK(vendor_words(std::string(500, 'x')).size() < 200);
}
