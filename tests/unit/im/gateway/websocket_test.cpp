// WebSocket's framing, byte by byte, and the handshake.
#include "im/gateway/websocket.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "im/gateway/handshake.h"

namespace nightpost::im {
namespace {

using Kind = WsEvent::Kind;
using Mask = std::array<std::uint8_t, 4>;
constexpr Mask kMask = {0x37, 0xfa, 0x21, 0x3d};  // the mask of RFC 6455 §5.7

struct Heard {
  Kind kind;
  std::string data;
  std::uint16_t code = 0;
  std::size_t bytes = 0;
  bool operator==(const Heard&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Heard& heard) {
  return out << '{' << int(heard.kind) << " \"" << heard.data.substr(0, 80) << "\" " << heard.code << ' ' << heard.bytes
             << '}';
}

/// All events, fed in pieces of that size.
std::vector<Heard> hear(std::string_view bytes, WsRole own = WsRole::Server, WsLimits limits = {},
                        std::size_t piece = std::string_view::npos) {
  WsDecoder decoder(own, limits);
  std::vector<Heard> all;
  while (!bytes.empty()) {
    std::string_view now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    while (const auto event = decoder.next(now))
      all.push_back({event->kind, std::string(event->data), event->code,
                     event->kind == Kind::TooLong ? event->bytes : std::size_t{0}});
    CHECK(now.empty());
  }
  return all;
}

std::string frame(unsigned first, std::string_view payload, std::optional<Mask> mask = kMask) {
  std::string out;
  append_ws_frame(out, WsOpcode(first & 0x0FU), payload, mask);
  out[0] = static_cast<char>(first);
  return out;
}

TEST_CASE("websocket: the examples of RFC 6455 §5.7", "[im][websocket]") {
  using namespace std::string_literals;
  CHECK(hear("\x81\x05Hello", WsRole::Client) == std::vector<Heard>{{Kind::Text, "Hello"}});
  CHECK(hear("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == std::vector<Heard>{{Kind::Text, "Hello"}});
  CHECK(hear("\x01\x03Hel\x80\x02lo"s, WsRole::Client) == std::vector<Heard>{{Kind::Text, "Hello"}});
  CHECK(hear("\x89\x05Hello", WsRole::Client) == std::vector<Heard>{{Kind::Ping, "Hello"}});
  CHECK(hear("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == std::vector<Heard>{{Kind::Pong, "Hello"}});
  std::string out;
  append_ws_frame(out, WsOpcode::Text, "Hello", kMask);
  CHECK(out == "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST_CASE("websocket: what ends a connection, and the code that says why", "[im][websocket]") {
  using namespace std::string_literals;
  struct Row {
    const char* name;
    std::string bytes;
    std::uint16_t code;
  };
  const std::string masked = "\x37\xfa\x21\x3d";
  const Row row = GENERATE_COPY(values<Row>({
      {"not masked", "\x81\x05Hello", 1002},
      {"RSV1, though no compression was agreed on", frame(0xC1, "a"), 1002},
      {"RSV2", frame(0xA1, "a"), 1002},
      {"RSV3", frame(0x91, "a"), 1002},
      {"RSV1 on a ping", frame(0xC9, "a"), 1002},
      {"opcode 3", frame(0x83, "a"), 1002},
      {"opcode 7", frame(0x87, ""), 1002},
      {"opcode 11", frame(0x8B, ""), 1002},
      {"opcode 15", frame(0x8F, ""), 1002},
      {"a continuation of nothing", frame(0x80, "a"), 1002},
      {"an unfinished continuation of nothing", frame(0x00, "a"), 1002},
      {"a continuation behind a whole message", frame(0x81, "a") + frame(0x80, "b"), 1002},
      {"a text inside a text", frame(0x01, "a") + frame(0x81, "b"), 1002},
      {"a binary inside a text", frame(0x01, "a") + frame(0x82, "b"), 1002},
      {"a ping in fragments", frame(0x09, "a"), 1002},
      {"a close in fragments", frame(0x08, ""), 1002},
      {"a pong in fragments inside a text", frame(0x01, "a") + frame(0x0A, "b"), 1002},
      {"a ping of 126 bytes", frame(0x89, std::string(126, 'a')), 1002},
      {"a close of 126 bytes", frame(0x88, "\x03\xe8" + std::string(124, 'a')), 1002},
      {"125 in two bytes", "\x81\xfe\x00\x7d"s + masked, 1002},
      {"0 in two bytes", "\x81\xfe\x00\x00"s + masked, 1002},
      {"65535 in eight bytes", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff"s + masked, 1002},
      {"a length with its top bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00"s + masked, 1002},
      {"a length of 2^62", "\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00"s + masked, 1009},
      {"above what is skipped", "\x81\xff\x00\x00\x00\x00\x00\x10\x00\x01"s + masked, 1009},
      {"a close with half a code", frame(0x88, "\x03"), 1002},
      {"close 0", frame(0x88, "\x00\x00"s), 1002},
      {"close 999", frame(0x88, "\x03\xe7"), 1002},
      {"close 1004", frame(0x88, "\x03\xec"), 1002},
      {"close 1005", frame(0x88, "\x03\xed"), 1002},
      {"close 1006", frame(0x88, "\x03\xee"), 1002},
      {"close 1015", frame(0x88, "\x03\xf7"), 1002},
      {"close 1016", frame(0x88, "\x03\xf8"), 1002},
      {"close 2999", frame(0x88, "\x0b\xb7"), 1002},
      {"close 5000", frame(0x88, "\x13\x88"), 1002},
      {"close 65535", frame(0x88, "\xff\xff"), 1002},
      {"a close whose reason is not UTF-8", frame(0x88, "\x03\xe8\xce\xba\xed\xa0\x80"), 1007},
      {"a lone continuation byte", frame(0x81, "\x80"), 1007},
      {"a cut character", frame(0x81, "\xe2\x82"), 1007},
      {"a surrogate", frame(0x81, "\xed\xa0\x80"), 1007},
      {"overlong", frame(0x81, "\xc0\xaf"), 1007},
      {"above U+10FFFF", frame(0x81, "\xf4\x90\x80\x80"), 1007},
      {"a character cut by the end of the last fragment", frame(0x01, "\xe2") + frame(0x80, "\x82"), 1007},
  }));
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{3}, std::string::npos);
  CAPTURE(row.name, piece);
  // What is right before, and what comes behind and is not heard.
  const auto heard = hear(frame(0x81, "before") + row.bytes + frame(0x81, "behind"), WsRole::Server, {}, piece);
  REQUIRE(heard.size() >= 2);
  CHECK(heard.front() == Heard{Kind::Text, "before"});
  CHECK(heard.back().kind == Kind::Error);
  CHECK(heard.back().code == row.code);
  for (const Heard& each : heard) CHECK(each.data != "behind");
}

TEST_CASE("websocket: a text that cannot become UTF-8 any more is refused before its end", "[im][websocket]") {
  struct Row {
    const char* name;
    std::string begun;  // of a text: the bytes that are here
    bool refused;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing yet", "", false},
      {"a cut character of two bytes", "a\xc3", false},
      {"of three, behind its first", "a\xe2", false},
      {"of three, behind its second", "a\xe2\x82", false},
      {"of four, before its last", "a\xf0\x9f\x98", false},
      {"the least of three", "\xe0\xa0", false},
      {"the last before the surrogates", "\xed\x9f", false},
      {"the least of four", "\xf0\x90", false},
      {"U+10FFFF, begun", "\xf4\x8f\xbf", false},
      {"a continuation byte", "a\x80", true},
      {"four of them", "\x80\x80\x80\x80", true},
      {"one too many", "\xe2\x82\xac\x80", true},
      {"a character broken off", "a\xe2(", true},
      {"overlong, of two bytes", "\xc0", true},
      {"overlong, of three", "\xe0\x9f", true},
      {"overlong, of four", "\xf0\x8f", true},
      {"a surrogate", "\xed\xa0", true},
      {"above U+10FFFF", "\xf4\x90", true},
      {"the first byte of nothing", "\xf5", true},
      {"0xFF", "a\xff", true},
      {"a fault far before a cut character", "\xff" + std::string(20, 'a') + "\xe2", true},
  }));
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{3}, std::string::npos);
  CAPTURE(row.name, piece);
  // A fragment that another follows, and a frame whose last bytes are on their way.
  const std::string whole = frame(0x81, row.begun + std::string(30, 'a'));
  for (const std::string& bytes : {frame(0x01, row.begun), whole.substr(0, 6 + row.begun.size())}) {
    const auto heard = hear(bytes, WsRole::Server, {}, piece);
    REQUIRE(heard.size() == (row.refused ? 1 : 0));
    if (row.refused) CHECK(heard.front().code == kWsNotUtf8);
  }
  CHECK(hear(frame(0x02, row.begun), WsRole::Server, {}, piece).empty());  // binary
}

TEST_CASE("websocket: what is heard", "[im][websocket]") {
  using namespace std::string_literals;
  struct Row {
    const char* name;
    std::string bytes;
    std::vector<Heard> heard;
  };
  const std::string k125(125, 'a'), k126(126, 'b'), k65535(65'535, 'c'), k65536(65'536, 'd');
  const Row row = GENERATE_COPY(values<Row>({
      {"empty", frame(0x81, ""), {{Kind::Text, ""}}},
      {"binary", frame(0x82, "\xff\x00"s), {{Kind::Binary, "\xff\x00"s}}},
      {"lengths at their edges",
       frame(0x81, k125) + frame(0x81, k126) + frame(0x81, k65535) + frame(0x81, k65536),
       {{Kind::Text, k125}, {Kind::Text, k126}, {Kind::Text, k65535}, {Kind::Text, k65536}}},
      {"a character over two fragments, a ping between",
       frame(0x01, "\xe2\x82") + frame(0x89, "p") + frame(0x80, "\xac"),
       {{Kind::Ping, "p"}, {Kind::Text, "\xe2\x82\xac"}}},
      {"empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, "a"), {{Kind::Text, "a"}}},
      {"binary fragments are no text", frame(0x02, "\xe2") + frame(0x80, "\x28"), {{Kind::Binary, "\xe2\x28"}}},
      {"a ping of 125 bytes", frame(0x89, k125), {{Kind::Ping, k125}}},
      {"a close without a code", frame(0x88, ""), {{Kind::Close, "", 1005}}},
      {"a close with a reason", frame(0x88, "\x03\xe8tired"), {{Kind::Close, "tired", 1000}}},
      {"codes of IANA and of applications", frame(0x88, "\x0f\xa1"), {{Kind::Close, "", 4001}}},
      {"a close inside a message", frame(0x01, "a") + frame(0x88, "\x03\xe9"), {{Kind::Close, "", 1001}}},
      {"nothing behind a close", frame(0x88, "\x03\xe8") + frame(0x81, "a"), {{Kind::Close, "", 1000}}},
  }));
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{7}, std::string::npos);
  CAPTURE(row.name, piece);
  CHECK(hear(row.bytes, WsRole::Server, {}, piece) == row.heard);
}

TEST_CASE("websocket: a message above the limit is skipped, and the next one is heard", "[im][websocket]") {
  const WsLimits limits{.message_bytes_max = 10, .skipped_bytes_max = 100};
  const std::string k11 = "0123456789a", k100(100, 'x');
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{7}, std::string::npos);
  CHECK(hear(frame(0x81, "0123456789") + frame(0x81, k11) + frame(0x81, k100) + frame(0x81, "next"), WsRole::Server,
             limits, piece) == std::vector<Heard>{{Kind::Text, "0123456789"},
                                                  {Kind::TooLong, "0123456789", 0, 11},
                                                  {Kind::TooLong, "xxxxxxxxxx", 0, 100},
                                                  {Kind::Text, "next"}});
  // Together, in fragments.
  CHECK(hear(frame(0x01, "01234") + frame(0x00, "56789") + frame(0x89, "") + frame(0x80, "a") + frame(0x81, "next"),
             WsRole::Server, limits, piece) ==
        std::vector<Heard>{{Kind::Ping, ""}, {Kind::TooLong, "0123456789", 0, 11}, {Kind::Text, "next"}});
  const auto beyond = hear(frame(0x01, k100) + frame(0x80, "y"), WsRole::Server, limits, piece);
  REQUIRE(beyond.size() == 1);
  CHECK(beyond[0].code == kWsTooBig);
  // Not UTF-8 where it is skipped: nobody reads it.
  CHECK(hear(frame(0x81, "0123456789\xff"), WsRole::Server, limits, piece).front().kind == Kind::TooLong);
  CHECK(hear(frame(0x81, "012345678\xe2\x82\xac"), WsRole::Server, limits, piece).front().kind == Kind::TooLong);
  CHECK(hear(frame(0x81, "012345678\xff" + k11), WsRole::Server, limits, piece).front().code == kWsNotUtf8);
}

TEST_CASE("websocket: limits may change between messages", "[im][websocket]") {
  WsDecoder decoder(WsRole::Server, {.message_bytes_max = 4, .skipped_bytes_max = 0});
  const std::string first = frame(0x81, "1234"), second = frame(0x81, "12345");
  std::string_view bytes = first;
  CHECK(decoder.next(bytes)->data == "1234");
  decoder.set_limits({.message_bytes_max = 5, .skipped_bytes_max = 0});
  bytes = second;
  CHECK(decoder.next(bytes)->data == "12345");
  bytes = second;
  decoder.set_limits({.message_bytes_max = 4, .skipped_bytes_max = 0});
  CHECK(decoder.next(bytes)->code == kWsTooBig);
}

TEST_CASE("websocket: a client hears a server, and no masked frame", "[im][websocket]") {
  std::string out;
  append_ws_frame(out, WsOpcode::Text, "a");
  append_ws_close(out, 1001, std::string(122, 'r') + "\xe2\x82\xac");
  CHECK(hear(out, WsRole::Client) == std::vector<Heard>{{Kind::Text, "a"}, {Kind::Close, std::string(122, 'r'), 1001}});
  CHECK(hear(frame(0x81, "a"), WsRole::Client).front().code == kWsProtocolError);
  for (const std::size_t size : {0U, 125U, 126U, 65'535U, 65'536U}) {
    std::string whole, head;
    append_ws_frame(whole, WsOpcode::Text, std::string(size, 'a'));
    append_ws_head(head, WsOpcode::Text, size);
    CHECK(whole == head + std::string(size, 'a'));
  }
}

TEST_CASE("websocket: the handshake", "[im][websocket]") {
  CHECK(ws_accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 §1.3
  using Headers = server::ServerHeaders;
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  struct Row {
    const char* name;
    Headers headers;
    int status;  // 101: accepted
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"as the RFC asks", {{"sec-websocket-version", "13"}, {"sec-websocket-key", key}}, 101},
      {"any origin",
       {{"origin", "https://a.example"}, {"sec-websocket-version", " 13 "}, {"sec-websocket-key", key + " "}},
       101},
      {"no version", {{"sec-websocket-key", key}}, 426},
      {"an old version", {{"sec-websocket-version", "8"}, {"sec-websocket-key", key}}, 426},
      {"two versions",
       {{"sec-websocket-version", "13"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", key}},
       426},
      {"no key", {{"sec-websocket-version", "13"}}, 400},
      {"an empty key", {{"sec-websocket-version", "13"}, {"sec-websocket-key", ""}}, 400},
      {"a short key", {{"sec-websocket-version", "13"}, {"sec-websocket-key", "AAAA"}}, 400},
      {"no base64", {{"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=!"}}, 400},
      {"two keys", {{"sec-websocket-version", "13"}, {"sec-websocket-key", key}, {"sec-websocket-key", key}}, 400},
  }));
  CAPTURE(row.name);
  server::ServerRequest request;
  request.headers = row.headers;
  const auto accept = ws_accept(request);
  CHECK((accept ? 101 : accept.error().status) == row.status);
  if (accept) CHECK(*accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("websocket: a client's side of the handshake", "[im][websocket]") {
  std::array<std::uint8_t, 16> nonce{};
  std::copy_n("the sample nonce", 16, nonce.begin());
  CHECK(ws_client_request("h:1", "/ws", nonce) ==
        "GET /ws HTTP/1.1\r\nHost: h:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
      "SEC-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  CHECK(ws_client_accepted(good, nonce));
  CHECK_FALSE(ws_client_accepted("", nonce));
  CHECK_FALSE(ws_client_accepted("HTTP/1.1 200 OK\r\n" + good.substr(good.find('\n') + 1), nonce));
  CHECK_FALSE(ws_client_accepted(good + "Sec-WebSocket-Extensions: permessage-deflate\r\n", nonce));
  CHECK_FALSE(ws_client_accepted(good + "Sec-WebSocket-Protocol: chat\r\n", nonce));
  nonce[0] ^= 1U;
  CHECK_FALSE(ws_client_accepted(good, nonce));
}

}  // namespace
}  // namespace nightpost::im
