#include "sandbox/request_parts.h"

#include <catch2/catch.hpp>

namespace nightpost::sandbox {
namespace {

TEST_CASE("request parts: path and query", "[sandbox]") {
  CHECK(path_of({.target = "/a/b?c=d?e"}) == "/a/b");
  CHECK(query_of({.target = "/a/b?c=d?e"}) == "c=d?e");
  CHECK(path_of({.target = "/a"}) == "/a");
  CHECK(query_of({.target = "/a"}).empty());
}

TEST_CASE("request parts: headers", "[sandbox]") {
  const server::ServerRequest request{.headers = {{"a", "1"}, {"b", ""}, {"a", "2"}}};
  CHECK(header_of(request, "a") == "1");
  CHECK(header_of(request, "b") == "");
  CHECK_FALSE(header_of(request, "c").has_value());
}

TEST_CASE("request parts: media types", "[sandbox]") {
  const auto says = [](const char* type) { return has_media_type({.headers = {{"content-type", type}}}, kFormType); };
  CHECK(says("application/x-www-form-urlencoded"));
  CHECK(says("application/x-www-form-urlencoded;charset=UTF-8"));
  CHECK(says("Application/X-WWW-Form-Urlencoded; charset=\"utf-8\""));
  CHECK(says("application/x-www-form-urlencoded;"));
  for (const char* type : {"", "application/json", "text/plain", "application/x-www-form-urlencoded;charset=GBK",
                           "application/x-www-form-urlencoded2", "x;application/x-www-form-urlencoded"}) {
    CAPTURE(type);
    CHECK_FALSE(says(type));
  }
  CHECK_FALSE(has_media_type({}, kFormType));
}

}  // namespace
}  // namespace nightpost::sandbox
