// Deadlines and limits of one HTTP/1.1 connection, on manual time.
#include "server/http1_server_session.h"

#include <catch2/catch.hpp>

namespace nightpost::server {
namespace {

constexpr MonoTime kStart{seconds(1000)};
MonoTime at(int ms) { return kStart + milliseconds(ms); }

int status_of(Http1ServerSession& session) {
  std::string out;
  session.pull_output(out);
  return out.empty() ? 0 : std::stoi(out.substr(9, 3));
}

TEST_CASE("http1 session: a request's deadlines", "[server][http1]") {
  Http1ServerSession session({}, kStart);
  CHECK(session.deadline() == at(10'000));  // the first head, from the start
  CHECK(session.feed("POST / HT", at(9'000)));
  CHECK(session.deadline() == at(10'000));
  CHECK(session.feed("TP/1.1\r\nContent-Length: 131072\r\n\r\n", at(9'900)));
  CHECK(session.deadline() == at(19'900));  // the body
  CHECK(session.feed(std::string(65'536, 'a'), at(19'000)));
  CHECK(session.deadline() == at(20'900));  // and a second for each 64 KiB that came
  CHECK(session.feed(std::string(65'536, 'a'), at(20'000)));
  CHECK_FALSE(session.deadline().has_value());  // the handler's time is its own
  CHECK(session.take_requests().size() == 1);
  CHECK(session.serving());
  session.respond(0, {}, at(90'000));
  CHECK_FALSE(session.serving());
  CHECK_FALSE(session.deadline().has_value());  // idle
  CHECK(session.feed("G", at(100'000)));
  CHECK(session.deadline() == at(110'000));  // the next head, from its first byte
  session.expire(at(109'999));
  CHECK_FALSE(session.finished());
}

TEST_CASE("http1 session: what is late is answered 408 and ends", "[server][http1]") {
  struct Row {
    const char* name;
    std::string bytes;
    int status;  // 0: no answer
    std::vector<ServerRefusal> why;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing at all", "", 0, {ServerRefusal::HeadTimeout}},
      {"one byte", "G", 408, {ServerRefusal::HeadTimeout}},
      {"half a line", "GET / HTTP/1.1\r\nHos", 408, {ServerRefusal::HeadTimeout}},
      {"all but the last byte", "GET / HTTP/1.1\r\nHost: h\r\n\r", 408, {ServerRefusal::HeadTimeout}},
      {"no body", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 408, {ServerRefusal::BodyTimeout}},
      {"half a body", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", 408, {ServerRefusal::BodyTimeout}},
      {"no last chunk",
       "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
       408,
       {ServerRefusal::BodyTimeout}},
  }));
  CAPTURE(row.name);
  Http1ServerSession session({}, kStart);
  if (!row.bytes.empty()) CHECK(session.feed(row.bytes, kStart));
  session.expire(at(9'999));
  CHECK(session.take_refusals().empty());
  session.expire(at(10'000));
  CHECK(session.take_refusals() == row.why);
  CHECK(status_of(session) == row.status);
  CHECK(session.finished());
  CHECK(session.take_requests().empty());
}

TEST_CASE("http1 session: a request that drips is late for all that", "[server][http1]") {
  Http1ServerSession head({}, kStart);
  for (int second = 0; second < 10; ++second) CHECK(head.feed("x", at(second * 1000)));
  CHECK(head.deadline() == at(10'000));

  Http1ServerSession body({}, kStart);
  CHECK(body.feed("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", kStart));
  for (int second = 1; second < 10; ++second) CHECK(body.feed("x", at(second * 1000)));
  body.expire(at(10'001));
  CHECK(status_of(body) == 408);
}

TEST_CASE("http1 session: a head too large is answered 431, however it comes", "[server][http1]") {
  const auto bytes = GENERATE(values<std::size_t>({2'100, 5'000, 200'000}));
  const auto piece = GENERATE(values<std::size_t>({1, 999, 131'072}));
  const bool one_field = GENERATE(true, false);
  CAPTURE(bytes, piece, one_field);
  std::string head = "GET / HTTP/1.1\r\n";
  if (one_field) head += "x: " + std::string(bytes, 'a');
  while (head.size() < bytes) head += "x: y\r\n";
  Http1ServerSession session({.headers_bytes_max = 1'000}, kStart);
  for (std::size_t sent = 0; sent < head.size(); sent += piece) {
    CHECK(session.feed(std::string_view(head).substr(sent, piece), kStart));
    if (sent > 3'000 && piece == 1) break;
  }
  CHECK(status_of(session) == 431);
  CHECK(session.finished());
  CHECK(session.take_refusals() == std::vector{ServerRefusal::HeadTooLarge});
  CHECK(session.take_requests().empty());
}

TEST_CASE("http1 session: only so much is pipelined", "[server][http1]") {
  Http1ServerSession session({}, kStart);
  CHECK(session.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n", kStart));
  CHECK(session.take_requests().size() == 1);
  CHECK(session.feed(std::string(65'536, 'a'), kStart));
  CHECK_FALSE(session.feed("a", kStart).has_value());
  CHECK(session.take_refusals() == std::vector{ServerRefusal::PipelineTooLong});
}

}  // namespace
}  // namespace nightpost::server
