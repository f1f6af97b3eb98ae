// Redis' protocol: commands as bytes, bytes in any pieces as replies, and what is no such protocol.
#include "im/nodes/redis_reply.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost;
using namespace nightpost::im;

namespace {

/// "(array (string a) 1)".
std::string redis_words(const RedisReply& reply) {
  switch (reply.kind) {
    case RedisReply::Kind::Nil:
      return "nil";
    case RedisReply::Kind::Status:
      return "(status " + reply.text + ")";
    case RedisReply::Kind::Error:
      return "(error " + reply.text + ")";
    case RedisReply::Kind::Integer:
      return std::to_string(reply.number);
    case RedisReply::Kind::String:
      return "(string " + reply.text + ")";
    case RedisReply::Kind::Array:
      break;
  }
  std::string all = "(array";
  for (const RedisReply& item : reply.items) all += " " + redis_words(item);
  return all + ")";
}

/// All replies of the bytes, given in pieces of that size; the last word is of what cannot be read.
std::string redis_read(std::string_view bytes, std::size_t piece, std::size_t bytes_max = 1'000) {
  RedisReader reader(bytes_max);
  std::string all;
  while (true) {
    const auto reply = reader.next();
    if (!reply) return all + "malformed";
    if (*reply) {
      all += redis_words(**reply) + " ";
      continue;
    }
    if (bytes.empty()) return all;
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

}  // namespace

TEST_CASE("redis reply: a command is an array of strings", "[im][nodes]") {
  std::string out = "before";
  append_redis_command(out, {"PUBLISH", "c", std::string_view("a\r\n\0b", 5)});
  CHECK(out == "before*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$5\r\n" + std::string("a\r\n\0b", 5) + "\r\n");
}

TEST_CASE("redis reply: replies in pieces of any size", "[im][nodes]") {
  const std::size_t piece = GENERATE(1U, 2U, 3U, 7U, 1'000U);
  CHECK(redis_read("+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n", piece) ==
        "(status OK) (error ERR no) -7 (string a\r\nbc) nil nil (array) ");
  CHECK(redis_read("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n*2\r\n*1\r\n:1\r\n+x\r\n", piece) ==
        "(array (string message) (string c) (string hi)) (array (array 1) (status x)) ");
  CHECK(redis_read("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nh", piece).empty());
}

TEST_CASE("redis reply: what is no such protocol ends it for good", "[im][nodes]") {
  const std::string many = "*65\r\n";
  const std::string row = GENERATE_COPY(
      values<std::string>({"HTTP/1.1 400 Bad Request\r\n\r\n", "x\r\n", "$-2\r\n", "*-2\r\n",
                           "$9999999999999999999\r\n", ":12a\r\n", "*99999999999\r\n", "*2147483647\r\n", "*1\r\n?\r\n",
                           many, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}));
  CAPTURE(row);
  CHECK(redis_read("+OK\r\n" + row + "+OK\r\n+OK\r\n", 1'000) == "(status OK) malformed");
}

TEST_CASE("redis reply: what it holds is bounded", "[im][nodes]") {
  CHECK(redis_read("$900\r\n" + std::string(900, 'x') + "\r\n", 100) == "(string " + std::string(900, 'x') + ") ");
  CHECK(redis_read("$2000\r\n" + std::string(2'000, 'x') + "\r\n", 100) == "malformed");
  CHECK(redis_read("+" + std::string(2'000, 'x'), 100) == "malformed");
}
