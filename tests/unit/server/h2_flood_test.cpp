// What an HTTP/2 peer may not do for ever: slow streams and the known floods, frame by frame, on manual time.
#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "server/h2_server_session.h"

namespace nightpost::server {
namespace {

constexpr MonoTime kStart{seconds(1000)};
MonoTime at(int ms) { return kStart + milliseconds(ms); }

enum Type : char {
  Data,
  HeadersFrame,
  Priority,
  RstStream,
  Settings,
  PushPromise,
  Ping,
  Goaway,
  WindowUpdate,
  Continuation
};
constexpr char kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;
const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// :method GET, :scheme https, :path /, :authority "h" without indexing (RFC 7541 appendix A).
const std::string kGet("\x82\x87\x84\x01\x01h", 6);

std::string number(std::uint32_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}
std::string frame(char type, int flags, std::uint32_t stream, const std::string& payload) {
  return number(static_cast<std::uint32_t>(payload.size()), 3) + type + static_cast<char>(flags) + number(stream, 4) +
         payload;
}
std::string opening() { return kPreface + frame(Settings, 0, 0, ""); }

H2ServerSession::Options many(FloodLimits floods = {}) { return {.streams_max_first = 10'000, .floods = floods}; }

std::string output(H2ServerSession& session) {
  std::string out;
  session.pull_output(out);
  return out;
}
/// The error code of the last frame, if it is a GOAWAY.
std::optional<std::uint32_t> goaway_in(const std::string& out) {
  std::optional<std::uint32_t> code;
  for (std::size_t at = 0; at + 9 <= out.size();) {
    std::size_t size = 0;
    for (int i = 0; i < 3; ++i) size = size << 8 | static_cast<std::uint8_t>(out[at + static_cast<std::size_t>(i)]);
    if (out[at + 3] == Goaway) {
      code = 0;
      for (std::size_t i = 13; i < 17; ++i) code = *code << 8 | static_cast<std::uint8_t>(out[at + i]);
    }
    at += 9 + size;
  }
  return code;
}

TEST_CASE("h2 floods: each ends with ENHANCE_YOUR_CALM, and no request of it is served", "[server][h2]") {
  struct Row {
    const char* name;
    std::function<std::string(std::uint32_t i)> bytes;
    ServerRefusal why;
    std::string before = "";
  };
  const auto id = [](std::uint32_t i) { return 2 * i + 1; };
  const Row row = GENERATE_COPY(values<Row>({
      {"rapid reset (CVE-2023-44487)",
       [=](std::uint32_t i) {
         return frame(HeadersFrame, kEndHeaders | kEndStream, id(i), kGet) + frame(RstStream, 0, id(i), number(8, 4));
       },
       ServerRefusal::ResetFlood},
      {"rapid reset without an error",
       [=](std::uint32_t i) {
         return frame(HeadersFrame, kEndHeaders, id(i), kGet) + frame(RstStream, 0, id(i), number(0, 4));
       },
       ServerRefusal::ResetFlood},
      {"resets that we are made to send (CVE-2025-8671)",
       [=](std::uint32_t i) {
         return frame(HeadersFrame, kEndHeaders | kEndStream, id(i), kGet) +
                frame(WindowUpdate, 0, id(i), number(0x7fff'ffff, 4));
       },
       ServerRefusal::ResetFlood},
      {"malformed requests",
       [=](std::uint32_t i) { return frame(HeadersFrame, kEndHeaders | kEndStream, id(i), "\x82"); },
       ServerRefusal::ResetFlood},
      {"pings (CVE-2019-9512)", [](std::uint32_t) { return frame(Ping, 0, 0, "pingpong"); }, ServerRefusal::FrameFlood},
      {"answers to pings nobody sent", [](std::uint32_t) { return frame(Ping, kAck, 0, "pingpong"); },
       ServerRefusal::FrameFlood},
      {"settings (CVE-2019-9515)", [](std::uint32_t) { return frame(Settings, 0, 0, ""); }, ServerRefusal::FrameFlood},
      {"empty data (CVE-2019-9518)", [](std::uint32_t) { return frame(Data, 0, 1, ""); }, ServerRefusal::FrameFlood,
       frame(HeadersFrame, kEndHeaders, 1, kGet)},
      {"data that is padding", [](std::uint32_t) { return frame(Data, kPadded, 1, std::string("\0", 1)); },
       ServerRefusal::FrameFlood, frame(HeadersFrame, kEndHeaders, 1, kGet)},
      {"empty continuations (CVE-2024-28182)", [](std::uint32_t) { return frame(Continuation, 0, 1, ""); },
       ServerRefusal::FrameFlood, frame(HeadersFrame, 0, 1, kGet)},
      {"priorities (CVE-2019-9513)", [](std::uint32_t) { return frame(Priority, 0, 1, number(0, 4) + '\x10'); },
       ServerRefusal::FrameFlood},
      {"windows", [](std::uint32_t) { return frame(WindowUpdate, 0, 0, number(1, 4)); }, ServerRefusal::FrameFlood},
  }));
  CAPTURE(row.name);
  const bool one_read = GENERATE(true, false);
  CAPTURE(one_read);
  constexpr std::uint32_t kAllowed = 100;
  H2ServerSession session(many({.resets_burst_max = kAllowed,
                                .resets_per_second_max = 1,
                                .control_frames_burst_max = 2 * kAllowed,
                                .control_frames_per_second_max = 1,
                                .acks_queued_max = 2 * kAllowed}),
                          kStart);
  std::string out;
  std::string bytes = opening() + row.before;
  std::uint32_t sent = 0;
  bool lives = true;
  for (std::uint32_t i = 0; i < 4 * kAllowed && lives; ++i) {
    bytes += row.bytes(i);
    if (one_read && i + 1 < 4 * kAllowed) continue;
    lives = session.feed(std::exchange(bytes, ""), at(0)).has_value();
    session.pull_output(out);
    if (session.finished() || goaway_in(out)) lives = false;
    sent = i;
  }
  session.pull_output(out);
  CHECK_FALSE(lives);
  CHECK(goaway_in(out) == std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  CHECK(session.finished());
  CHECK(session.take_requests().empty());
  CHECK_FALSE(session.feed("x", at(0)).has_value());
  const auto whys = session.take_refusals();
  CHECK(std::ranges::count(whys, row.why) == 1);
  if (!one_read && row.why == ServerRefusal::ResetFlood) CHECK(sent >= kAllowed);
}

TEST_CASE("h2 floods: what a busy client does is none", "[server][h2]") {
  H2ServerSession session(many({.resets_burst_max = 10,
                                .resets_per_second_max = 10,
                                .control_frames_burst_max = 20,
                                .control_frames_per_second_max = 20}),
                          kStart);
  REQUIRE(session.feed(opening(), kStart));
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    const std::uint32_t id = 2 * i + 1;
    // A request with its window, answered; now and then one cancelled, and a ping.
    std::string bytes = frame(WindowUpdate, 0, 0, number(1'000, 4)) + frame(HeadersFrame, kEndHeaders, id, kGet) +
                        frame(Data, kEndStream, id, "b");
    const bool cancelled = i % 100 == 0;
    if (cancelled) bytes += frame(RstStream, 0, id, number(8, 4)) + frame(Ping, 0, 0, "pingpong");
    REQUIRE(session.feed(bytes, at(static_cast<int>(i) * 2)));
    const auto requests = session.take_requests();
    REQUIRE(requests.size() == (cancelled ? 0 : 1));  // what was cancelled in the same read asks nobody
    for (const auto& request : requests) session.respond(request.stream, {.body = "ok"}, at(static_cast<int>(i) * 2));
    CHECK_FALSE(goaway_in(output(session)).has_value());
  }
  CHECK_FALSE(session.serving());
  CHECK_FALSE(session.deadline().has_value());
}

TEST_CASE("h2 session: budgets grow back", "[server][h2]") {
  FloodBudget budget(3, 2);
  for (int i = 0; i < 3; ++i) CHECK(budget.spend(at(0)));
  CHECK_FALSE(budget.spend(at(499)));
  CHECK(budget.spend(at(500)));
  CHECK_FALSE(budget.spend(at(500)));
  CHECK(budget.spend(at(60'000)));
  CHECK(budget.spend(at(60'000)));
  CHECK(budget.spend(at(60'000)));
  CHECK_FALSE(budget.spend(at(60'000)));
  budget.give_back();
  CHECK(budget.spend(at(60'000)));
}

TEST_CASE("h2 session: a slow stream is answered 408, the others live", "[server][h2]") {
  H2ServerSession session(many(), kStart);
  REQUIRE(session.feed(opening() + frame(HeadersFrame, kEndHeaders, 1, kGet), kStart));
  REQUIRE(
      session.feed(frame(HeadersFrame, kEndHeaders, 3, kGet) + frame(Data, 0, 3, std::string(16'384, 'a')), at(1'000)));
  output(session);
  CHECK(session.deadline() == at(10'000));
  session.expire(at(9'999));
  CHECK(output(session).empty());
  session.expire(at(10'000));
  const std::string out = output(session);
  CHECK(out.contains("408"));
  CHECK(out.contains(frame(RstStream, 0, 1, number(0, 4))));
  CHECK_FALSE(out.contains(frame(RstStream, 0, 3, number(0, 4))));
  CHECK(session.take_refusals() == std::vector{ServerRefusal::BodyTimeout});
  CHECK(session.deadline() == at(11'250));  // 16 KiB bought it a quarter of a second
  CHECK_FALSE(session.finished());
  REQUIRE(session.feed(frame(Data, kEndStream, 3, "b"), at(11'000)));
  CHECK(session.take_requests().size() == 1);
  CHECK_FALSE(session.deadline().has_value());
}

TEST_CASE("h2 session: a header block or preface that does not end closes the connection", "[server][h2]") {
  struct Row {
    const char* name;
    std::string bytes;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", ""},
      {"half a preface", "PRI * HTTP"},
      {"no settings", kPreface},
      {"no END_HEADERS", opening() + frame(HeadersFrame, kEndStream, 1, kGet)},
      {"half a frame", opening() + frame(HeadersFrame, kEndHeaders, 1, kGet).substr(0, 12)},
      {"a continuation without its end", opening() + frame(HeadersFrame, 0, 1, kGet) + frame(Continuation, 0, 1, kGet)},
  }));
  CAPTURE(row.name);
  H2ServerSession session(many(), kStart);
  if (!row.bytes.empty()) REQUIRE(session.feed(row.bytes, kStart));
  session.expire(at(9'999));
  CHECK_FALSE(goaway_in(output(session)).has_value());
  session.expire(at(10'000));
  CHECK(goaway_in(output(session)) == std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  CHECK(session.finished());
  const auto whys = session.take_refusals();
  REQUIRE_FALSE(whys.empty());
  CHECK(whys.back() == ServerRefusal::HeadTimeout);
}

/// A POST's head, without an end.
std::string post(std::uint32_t id) { return frame(HeadersFrame, kEndHeaders, id, "\x83" + kGet.substr(1)); }
bool is_cut(const std::string& out, std::uint32_t id) {
  return out.contains(frame(RstStream, 0, id, number(NGHTTP2_ENHANCE_YOUR_CALM, 4)));
}

TEST_CASE("h2 session: unfinished requests of a connection hold only so much together", "[server][h2]") {
  H2ServerSession::Options options = many();
  options.window_first = 1'000'000;
  options.limits.body_bytes_max = 30'000;
  options.limits.unfinished_bytes_max = 50'000;
  H2ServerSession session(options, kStart);
  const std::string kPart(16'000, 'a');
  REQUIRE(session.feed(opening() + post(1) + frame(Data, 0, 1, kPart) + post(3) + frame(Data, 0, 3, kPart) + post(5) +
                           frame(Data, 0, 5, kPart),
                       kStart));
  CHECK(session.take_refusals().empty());
  const bool one_read = GENERATE(true, false);  // its end comes before our reset is out
  CAPTURE(one_read);
  REQUIRE(session.feed(post(7) + frame(Data, 0, 7, kPart), kStart));
  if (!one_read) CHECK(is_cut(output(session), 7));
  REQUIRE(session.feed(frame(Data, kEndStream, 7, kPart), kStart));
  if (one_read) CHECK(is_cut(output(session), 7));
  CHECK(session.take_refusals() == std::vector{ServerRefusal::UnfinishedTooLarge});
  CHECK(session.take_requests().empty());

  SECTION("a request that ends makes room") {
    REQUIRE(session.feed(frame(Data, kEndStream, 3, "b"), kStart));
    const auto requests = session.take_requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].body == kPart + "b");
  }
  SECTION("so does one that is reset") { REQUIRE(session.feed(frame(RstStream, 0, 3, number(8, 4)), kStart)); }
  SECTION("and one that is answered 413") {
    REQUIRE(session.feed(frame(Data, 0, 3, kPart), kStart));
    CHECK(output(session).contains("413"));
    CHECK(session.take_refusals() == std::vector{ServerRefusal::BodyTooLarge});
  }
  SECTION("and one that is answered 408") {
    session.expire(at(1'000'000));
    output(session);
    session.take_refusals();
  }
  REQUIRE(session.feed(post(9) + frame(Data, kEndStream, 9, kPart), kStart));
  CHECK(session.take_refusals().empty());
  CHECK(session.take_requests().size() == 1);
  CHECK_FALSE(is_cut(output(session), 9));
}

TEST_CASE("h2 session: heads count as well, and who does nothing else loses the connection", "[server][h2]") {
  H2ServerSession::Options options = many({.resets_burst_max = 5, .resets_per_second_max = 1});
  options.limits.unfinished_bytes_max = 10'000;
  H2ServerSession session(options, kStart);
  const std::string kLong = std::string("\x00\x01x\x7f\xa1\x1e", 6) + std::string(4'000, 'v');  // x: 4,000 bytes
  REQUIRE(session.feed(opening(), kStart));
  bool lives = true;
  std::string out;
  std::size_t cut = 0;
  for (std::uint32_t id = 1; id < 100 && lives; id += 2) {
    lives = session.feed(frame(HeadersFrame, kEndHeaders, id, "\x83" + kGet.substr(1) + kLong), kStart).has_value();
    const std::string now = output(session);
    if (is_cut(now, id)) ++cut;
    out += now;
    lives = lives && !goaway_in(now);
  }
  CHECK(cut >= 5);
  CHECK(cut <= 7);
  CHECK(goaway_in(out) == std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  CHECK(session.take_requests().empty());
}

TEST_CASE("h2 session: who does not open its window loses the stream", "[server][h2]") {
  H2ServerSession session(many(), kStart);
  // SETTINGS_INITIAL_WINDOW_SIZE 0 (CVE-2019-9517, and every slow read)
  REQUIRE(session.feed(kPreface + frame(Settings, 0, 0, number(4, 2) + number(0, 4)) +
                           frame(HeadersFrame, kEndHeaders | kEndStream, 1, kGet),
                       kStart));
  REQUIRE(session.take_requests().size() == 1);
  CHECK_FALSE(session.deadline().has_value());
  session.respond(1, {.body = std::string(1'000, 'a')}, at(5'000));
  output(session);
  CHECK(session.serving());
  CHECK(session.deadline() == at(15'000));
  REQUIRE(session.feed(frame(WindowUpdate, 0, 1, number(1, 4)), at(14'000)));
  output(session);
  session.expire(at(15'001));
  CHECK(output(session).contains(frame(RstStream, 0, 1, number(8, 4))));
  CHECK(session.take_refusals() == std::vector{ServerRefusal::WriteTimeout});
  CHECK_FALSE(session.serving());
  CHECK_FALSE(session.finished());
}

}  // namespace
}  // namespace nightpost::server
