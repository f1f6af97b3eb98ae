#include "app/output.h"

#include <catch2/catch.hpp>

#include "app/ready_file.h"

using namespace nightpost;
using namespace nightpost::app;

TEST_CASE("output: width counts terminal columns", "[app][output]") {
  CHECK(width_of("") == 0);
  CHECK(width_of("abc") == 3);
  CHECK(width_of("家族") == 4);
  CHECK(width_of("e\xcc\x81") == 1);  // e and a combining acute
  CHECK(width_of("\xff\xfe") == 2);   // not UTF-8: two replacement characters
}

TEST_CASE("output: fitted is exactly as wide as asked", "[app][output]") {
  CHECK(fitted("abc", 5) == "abc  ");
  CHECK(fitted("abcdef", 4) == "abc…");
  CHECK(fitted("家族家族", 4) == "家… ");  // a wide character is never halved
  CHECK(width_of(fitted("👨‍👩‍👧 家族", 6)) == 6);
}

TEST_CASE("output: a table aligns its columns and ends no line in spaces", "[app][output]") {
  Table table({"A", "B"});
  CHECK(table.text("none") == "none\n");
  table.row({"long cell", ""});
  table.row({"語", "x"});
  CHECK(table.text("none") == "A          B\nlong cell\n語         x\n");
}

TEST_CASE("output: exit codes by what a script should do", "[app][output]") {
  CHECK(exit_code_of({Errc::Malformed, ""}) == kBadUsage);
  CHECK(exit_code_of({Errc::Unauthorized, ""}) == kBadUsage);
  CHECK(exit_code_of({Errc::NotFound, ""}) == kNotAllWell);
  CHECK(exit_code_of({Errc::Timeout, ""}) == kUnreachable);
  CHECK(exit_code_of({Errc::Io, ""}) == kUnreachable);
}

TEST_CASE("host:port: what is taken", "[app][host_port]") {
  CHECK(parse_host_port("127.0.0.1:8443")->port == 8443);
  CHECK(parse_host_port("localhost:0")->host == "localhost");
  CHECK(parse_host_port("[::1]:443")->host == "::1");
}

TEST_CASE("host:port: what is refused", "[app][host_port]") {
  const std::string bad =
      GENERATE("", ":", "host", "host:", ":80", "host:65536", "host:-1", "host:8o", "::1:80", "[]:80", "host: 80");
  CAPTURE(bad);
  CHECK_FALSE(parse_host_port(bad));
}
