#include "sandbox/field_text.h"

#include <catch2/catch.hpp>

#include <limits>
#include "support/no_crypto.h"

namespace nightpost::sandbox {
namespace {

TEST_CASE("field text: lengths are UTF-16 units", "[sandbox][field_text]") {
  CHECK(utf16_units("") == 0);
  CHECK(utf16_units("abc") == 3);
  CHECK(utf16_units("张三") == 2);
  CHECK(utf16_units("é") == 1);
  CHECK(utf16_units("😀") == 2);
  CHECK(utf16_units("👨‍👩‍👧") == 8);  // three pairs and two joiners
}

TEST_CASE("field text: blank", "[sandbox][field_text]") {
  CHECK(is_blank(""));
  CHECK(is_blank(" \t\r\n"));
  CHECK(is_blank("\u3000 \u3000"));
  CHECK_FALSE(is_blank(" a"));
  CHECK_FALSE(is_blank("\u3001"));
  CHECK_FALSE(is_blank("\u3000张"));
}

TEST_CASE("field text: whole numbers", "[sandbox][field_text]") {
  CHECK(whole_number("0") == 0);
  CHECK(whole_number("-1") == -1);
  CHECK(whole_number("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808", "true"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number(text).has_value());
  }
}

TEST_CASE("field text: web addresses", "[sandbox][field_text]") {
  CHECK(is_web_url("https://example.com/p?a=1&b=2"));
  CHECK(is_web_url("http://a"));
  CHECK(is_intent_uri("intent:#Intent;component=a/.B;end"));
  CHECK(is_intent_uri("intent://h/p#Intent;scheme=a;end"));
  for (const char* text : {"", "intent:", "#Intent;end", "intent:#Intent;", "com.a.B", "intent:a;end"})
    CHECK_FALSE(is_intent_uri(text));
  for (const char* text : {"", "https://", "http://", "ftp://a", "example.com", "HTTPS://a", "https://a b"}) {
    CAPTURE(text);
    CHECK_FALSE(is_web_url(text));
  }
}

TEST_CASE("field text: pieces", "[sandbox][field_text]") {
  using Pieces = std::vector<std::string_view>;
  CHECK(split("", ",") == Pieces{""});
  CHECK(split("a", ",") == Pieces{"a"});
  CHECK(split("a,b,", ",") == Pieces{"a", "b", ""});
  CHECK(split("a;$;b;$c", ";$;") == Pieces{"a", "b;$c"});
}

TEST_CASE("field text: a digest that libcrypto refuses is none", "[sandbox][field_text]") {
  const support::NoCrypto refused;
  CHECK_THROWS(md5_hex("abc"));
  CHECK_THROWS(sha256_hex("abc"));
}

TEST_CASE("field text: digests of RFC 1321 §A.5 and FIPS 180-2 §B.1", "[sandbox][field_text]") {
  CHECK(md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5_hex("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace nightpost::sandbox
