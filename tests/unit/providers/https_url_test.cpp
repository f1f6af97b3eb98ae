#include "providers/https_url.h"

#include <catch2/catch.hpp>

using namespace nightpost;

TEST_CASE("https_url: what is one, and its parts", "[providers]") {
  struct Row {
    const char* text;
    const char* origin;
    const char* host;
    const char* path;
  };
  const Row row = GENERATE(values<Row>({
      {"https://a.example", "https://a.example", "a.example", "/"},
      {"https://A.Example:8443/x/y?z=1", "https://a.example:8443", "a.example", "/x/y?z=1"},
      {"https://127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1", "/"},
      {"https://[::1]:8443/", "https://[::1]:8443", "::1", "/"},
      {"https://localhost:65535/", "https://localhost:65535", "localhost", "/"},
  }));
  CAPTURE(row.text);
  const auto url = https_url(row.text);
  REQUIRE(url);
  CHECK(url->origin == row.origin);
  CHECK(url->host == row.host);
  CHECK(url->path == row.path);
}

TEST_CASE("https_url: what is none", "[providers]") {
  const std::string text = GENERATE(values<std::string>({"",
                                                         "https://",
                                                         "http://a.example",
                                                         "HTTPS://a.example",
                                                         "//a.example",
                                                         "a.example",
                                                         "https:///x",
                                                         "https://a.example:",
                                                         "https://a.example:0",
                                                         "https://a.example:65536",
                                                         "https://a.example:80x",
                                                         "https://a.example:-1",
                                                         "https://u@a.example",
                                                         "https://u:p@a.example",
                                                         "https://a.example#x",
                                                         "https://a.example/#x",
                                                         "https://a.example/x y",
                                                         "https://a.example\\x",
                                                         "https://a.example/\r\nx: y",
                                                         "https://.example",
                                                         "https://-a",
                                                         "https://a_b",
                                                         "https://[::1",
                                                         "https://[]",
                                                         "https://[g::]",
                                                         "https://[::1]x",
                                                         "https://ümlaut.example",
                                                         "https://a.example?x=1",
                                                         "https://a.example/ü",
                                                         "https://a.example/" + std::string(2'048, 'x')}));
  CAPTURE(text);
  CHECK_FALSE(https_url(text));
}

TEST_CASE("https_url: an override is an origin and nothing else", "[providers]") {
  Certificate certificate;
  CHECK(*origin_of(certificate, "https://vendor.example") == "https://vendor.example");
  certificate.host_override = "https://localhost:8443";
  CHECK(*origin_of(certificate, "https://vendor.example") == "https://localhost:8443");
  for (const char* bad : {"https://localhost:8443/", "https://localhost/x", "http://localhost", "localhost", " "}) {
    CAPTURE(bad);
    certificate.host_override = bad;
    REQUIRE_FALSE(origin_of(certificate, "https://vendor.example"));
    CHECK(origin_of(certificate, "https://vendor.example").error().code == Errc::Malformed);
  }
}
