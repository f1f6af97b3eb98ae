// Where a Redis may be.
#include "im/nodes/redis_url.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::im;

TEST_CASE("redis url: what is taken", "[im][nodes]") {
  struct Row {
    const char* text;
    const char* shown;
  };
  const Row row = GENERATE(values<Row>({{"redis://localhost", "redis://localhost:6379"},
                                        {"redis://localhost/", "redis://localhost:6379"},
                                        {"redis://127.0.0.1:7000", "redis://127.0.0.1:7000"},
                                        {"rediss://im@redis.internal:6380", "rediss://im@redis.internal:6380"},
                                        {"redis://[::1]", "redis://[::1]:6379"},
                                        {"redis://[2001:db8::1]:65535", "redis://[2001:db8::1]:65535"}}));
  CAPTURE(row.text);
  const auto url = parse_redis_url(row.text);
  REQUIRE(url);
  CHECK(url->shown() == row.shown);
}

TEST_CASE("redis url: what is refused, and that no password is repeated", "[im][nodes]") {
  struct Row {
    const char* text;
    const char* why;
  };
  const Row row = GENERATE(values<Row>({{"", "is not redis://"},
                                        {"localhost", "is not redis://"},
                                        {"http://localhost", "is not redis://"},
                                        {"REDIS://localhost", "is not redis://"},
                                        {"redis://", "is not redis://"},
                                        {"redis://:6379", "is not redis://"},
                                        {"redis://a b", "is not redis://"},
                                        {"redis://host\nname", "is not redis://"},
                                        {"redis://[::1", "is not redis://"},
                                        {"redis://[]:1", "is not redis://"},
                                        {"redis://[::1]6379", "is not redis://"},
                                        {"redis://host:", "a port outside"},
                                        {"redis://host:0", "a port outside"},
                                        {"redis://host:65536", "a port outside"},
                                        {"redis://host:-1", "a port outside"},
                                        {"redis://host:6379x", "a port outside"},
                                        {"redis://::1", "is not redis://"},
                                        {"redis://host/0", "channels belong to no database"},
                                        {"redis://host:1/2", "channels belong to no database"},
                                        {"redis://host?db=1", "channels belong to no database"},
                                        {"redis://@host", "names a user of"},
                                        {"redis://im:hunter2@host", "has a password inside"},
                                        {"rediss://:hunter2@host:6380", "has a password inside"}}));
  CAPTURE(row.text);
  const auto url = parse_redis_url(row.text);
  REQUIRE_FALSE(url);
  CHECK(url.error().code == Errc::Malformed);
  CHECK_THAT(url.error().detail, Catch::Contains(row.why));
  CHECK_THAT(url.error().detail, !Catch::Contains("hunter2"));
}
