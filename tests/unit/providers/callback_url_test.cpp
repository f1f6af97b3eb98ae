#include "providers/callback_url.h"

#include <catch2/catch.hpp>
#include <string>

using nightpost::check_callback_url;

TEST_CASE("callback url: https, or http to this very machine", "[providers]") {
  for (const char* good : {"https://a.example/r", "https://a", "http://127.0.0.1:8089/receipts/xiaomi/1",
                           "http://localhost/r", "http://[::1]:80/r"}) {
    CAPTURE(good);
    CHECK(check_callback_url<64>(good).empty());
  }
  for (const char* bad :
       {"", "https://", "http://a.example/r", "http://127.0.0.1.example/r", "http://localhost.example/r",
        "http://localhost@a.example/r", "http://127.0.0.1:80@a.example/r", "http://localhost:/r", "http://127.0.0.1",
        "http://[::1]@a.example/r", "http://10.0.0.1/r", "ftp://localhost/r", "HTTP://a.example/r",
        "https://a.example/a b", "https://a.example/\x7f", "localhost/r"}) {
    CAPTURE(bad);
    CHECK_FALSE(check_callback_url<64>(bad).empty());
  }
  CHECK(check_callback_url<20>("https://" + std::string(12, 'a')).empty());
  CHECK(check_callback_url<20>("https://" + std::string(13, 'a')) == "longer than the vendor's 20 bytes");
}
