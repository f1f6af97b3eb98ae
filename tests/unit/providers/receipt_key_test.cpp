#include <catch2/catch.hpp>

#include "providers/receipt_key.h"

using namespace nightpost;

TEST_CASE("receipt key: one query parameter, whole and first", "[receipts]") {
  CHECK(carries_receipt_key("key=k3y", "k3y"));
  CHECK(carries_receipt_key("a=b&key=k%33y&c", "k3y"));
  CHECK(carries_receipt_key("key=a+b", "a b"));
  for (const char* query : {"", "key", "key=", "key=k3", "key=k3yy", "key=K3Y", "Key=k3y", "xkey=k3y", "k3y",
                            "key=x&key=k3y", "key=%6", "key=%zz", "=k3y", "key==k3y"}) {
    CAPTURE(query);
    CHECK_FALSE(carries_receipt_key(query, "k3y"));
  }
  CHECK_FALSE(carries_receipt_key("key=", ""));
  CHECK_FALSE(carries_receipt_key("", ""));
}

TEST_CASE("receipt key: a URL that ops give the vendor carries it", "[receipts]") {
  struct Row {
    const char* name;
    const char *url, *key;
    bool fine;
  };
  const Row row = GENERATE(values<Row>({
      {"carries it", "https://a.example/receipts/oppo/7?key=k3y", "k3y", true},
      {"among others", "https://a.example/r?x=1&key=k3y", "k3y", true},
      {"no URL, no receipts", "", "k3y", true},
      {"no key: receipts for someone else", "https://a.example/r", "", true},
      {"no query", "https://a.example/r", "k3y", false},
      {"an empty query", "https://a.example/r?", "k3y", false},
      {"another key", "https://a.example/r?key=old", "k3y", false},
      {"in the path", "https://a.example/key=k3y", "k3y", false},
  }));
  CAPTURE(row.name);
  Certificate certificate;
  if (*row.url != '\0') certificate.settings = {{"receipt_url", row.url}};
  const auto fits = check_receipt_key(certificate, {.bytes = "s", .password = {}, .receipt_key = row.key});
  CHECK(fits.has_value() == row.fine);
  if (!fits) CHECK(fits.error().code == Errc::Malformed);
}
