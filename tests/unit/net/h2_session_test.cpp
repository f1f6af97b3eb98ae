// Pairs: our client session and a scripted server session, joined in memory.
#include "net/h2_session.h"

#include <nghttp2/nghttp2.h>

#include <catch2/catch.hpp>
#include <deque>

#include "support/h2_peer.h"

namespace nightpost::net {
namespace {

using support::H2Peer;
using support::PeerRequest;
using Fate = H2Session::Fate;
constexpr std::int32_t kAll = 0x7fff'ffff;

HttpRequest push(const std::string& token = "aa", const std::string& body = R"({"aps":{}})") {
  return {.method = "POST",
          .path = "/3/device/" + token,
          .headers = {{"authorization", "bearer secret-" + token, Indexing::Never},
                      {"apns-id", "id-" + token, Indexing::FirstOnly},
                      {"apns-topic", "com.example.app"}},
          .body = body};
}

struct Pair {
  explicit Pair(const H2Peer::Settings& settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}},
                H2Session::Options options = {}, std::size_t chunk = 65'536, bool open_windows = true)
      : chunk_size(chunk),
        client([&] {
          options.authority = "api.example";
          return options;
        }()),
        peer(settings, open_windows) {
    settle();
  }

  /// Moves bytes both ways, in chunks, until both are quiet.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto out = client.next_output(); !out.empty(); out = client.next_output()) {
        const auto part = out.first(std::min(chunk_size, out.size()));
        sent.insert(sent.end(), part.begin(), part.end());
        if (!peer.feed(part)) peer_complains = true;
        client.mark_sent(part.size());
        moved = true;
      }
      const std::vector<std::uint8_t> back = peer.output();
      for (std::size_t at = 0; at < back.size(); at += chunk_size) {
        moved = true;
        last_feed = client.feed(std::span(back).subspan(at, std::min(chunk_size, back.size() - at)));
      }
    }
    std::vector<H2Session::Done> some;
    client.take_done(some);
    for (auto& d : some) done.push_back(std::move(d));
  }
  std::int32_t submit(HttpRequest request, std::uint64_t tag = 7) {
    const auto stream = client.submit(requests.emplace_back(std::move(request)), tag);
    REQUIRE(stream);
    return *stream;
  }

  std::size_t chunk_size;
  H2Session client;
  H2Peer peer;
  std::deque<HttpRequest> requests;  // borrowed by the session
  std::vector<std::uint8_t> sent;
  std::vector<H2Session::Done> done;
  Result<void> last_feed;
  bool peer_complains = false;
};

/// The client's frames as they went out.
struct Frame {
  std::uint8_t type, flags;
  std::int32_t stream;
  std::vector<std::uint8_t> payload;
};
std::vector<Frame> frames_of(const std::vector<std::uint8_t>& sent) {
  std::vector<Frame> frames;
  for (std::size_t at = NGHTTP2_CLIENT_MAGIC_LEN; at + 9 <= sent.size();) {
    const std::size_t size = std::size_t{sent[at]} << 16 | std::size_t{sent[at + 1]} << 8 | sent[at + 2];
    const auto id = std::uint32_t{sent[at + 5]} << 24 | std::uint32_t{sent[at + 6]} << 16 |
                    std::uint32_t{sent[at + 7]} << 8 | sent[at + 8];
    const auto payload = sent.begin() + static_cast<std::ptrdiff_t>(at + 9);
    frames.push_back({sent[at + 3],
                      sent[at + 4],
                      static_cast<std::int32_t>(id),
                      {payload, payload + static_cast<std::ptrdiff_t>(size)}});
    at += 9 + size;
  }
  return frames;
}

}  // namespace

TEST_CASE("h2 session: a request and its answer, whatever the chunks", "[net][h2]") {
  const std::size_t chunk = GENERATE(1, 2, 7, 65'536);
  CAPTURE(chunk);
  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}, {}, chunk);
  p.peer.on_request = [](H2Peer& peer, const PeerRequest& r) {
    peer.respond(r.stream, 410, R"({"reason":"Unregistered"})", {{"apns-id", r.header("apns-id")}});
  };
  p.submit(push("aa"), 11);
  p.submit(push("bb", ""), 12);
  p.settle();
  REQUIRE(p.done.size() == 2);
  for (const auto& d : p.done) {
    CHECK(d.fate == Fate::Answered);
    REQUIRE(d.reply);
    CHECK(d.reply->status == 410);
    CHECK(d.reply->body == R"({"reason":"Unregistered"})");
    CHECK(d.reply->header("apns-id") == (d.tag == 11 ? "id-aa" : "id-bb"));
  }
  REQUIRE(p.peer.requests.size() == 2);
  const PeerRequest& seen = p.peer.requests[0];
  CHECK(seen.header(":method") == "POST");
  CHECK(seen.header(":scheme") == "https");
  CHECK(seen.header(":authority") == "api.example");
  CHECK(seen.header(":path") == "/3/device/aa");
  CHECK(seen.body == R"({"aps":{}})");
  for (const PeerRequest& r : p.peer.requests) {
    CHECK_FALSE(r.headers_ended_stream);  // HEADERS, then DATA with END_STREAM, even for an empty body
    CHECK_FALSE(r.prioritized);
  }
  CHECK(p.peer.client_settings.at(NGHTTP2_SETTINGS_ENABLE_PUSH) == 0);
  CHECK(p.client.streams_open() == 0);
  CHECK_FALSE(p.peer_complains);
}

TEST_CASE("h2 session: secrets and unique values never enter HPACK's table", "[net][h2]") {
  Pair p;
  p.submit(push("aa"));
  p.submit(push("bb"));
  p.settle();
  nghttp2_hd_inflater* raw = nullptr;
  REQUIRE(nghttp2_hd_inflate_new(&raw) == 0);
  const Handle<nghttp2_hd_inflater, nghttp2_hd_inflate_del> inflater(raw);
  int blocks = 0;
  for (Frame& frame : frames_of(p.sent)) {
    if (frame.type != NGHTTP2_HEADERS) continue;
    ++blocks;
    std::map<std::string, bool> never;
    std::span<std::uint8_t> rest(frame.payload);
    const auto table_before = nghttp2_hd_inflate_get_num_table_entries(raw);
    for (bool final = false; !final;) {
      nghttp2_nv nv{};
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(raw, &nv, &flags, rest.data(), rest.size(), 1);
      REQUIRE(used >= 0);
      rest = rest.subspan(static_cast<std::size_t>(used));
      if (flags & NGHTTP2_HD_INFLATE_EMIT)
        never[std::string(reinterpret_cast<char*>(nv.name), nv.namelen)] = nv.flags & NGHTTP2_NV_FLAG_NO_INDEX;
      final = flags & NGHTTP2_HD_INFLATE_FINAL;
    }
    nghttp2_hd_inflate_end_headers(raw);
    CHECK(never.at(":path"));
    CHECK(never.at("authorization"));
    CHECK_FALSE(never.at("apns-topic"));
    CHECK(never.at("apns-id") == (blocks == 2));  // the first on a connection is indexed, for its name
    const auto added = nghttp2_hd_inflate_get_num_table_entries(raw) - table_before;
    CHECK(added == (blocks == 1 ? 3 : 0));  // :authority, apns-id, apns-topic
  }
  CHECK(blocks == 2);
}

TEST_CASE("h2 session: no stream before SETTINGS, and never more than they allow", "[net][h2]") {
  H2Session fresh({.authority = "a"});
  const HttpRequest early = push();
  CHECK(fresh.streams_limit() == 0);
  CHECK(fresh.submit(early, 1).error().code == Errc::Overloaded);

  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}}, {.streams_max = 3});
  CHECK(p.client.streams_limit() == 2);
  const auto first = p.submit(push(), 1);
  p.submit(push(), 2);
  CHECK(p.client.submit(early, 3).error().code == Errc::Overloaded);
  p.settle();

  p.peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});  // while two are open
  p.settle();
  CHECK(p.client.streams_limit() == 1);
  p.peer.respond(first, 200);
  p.settle();
  CHECK(p.client.streams_open() == 1);
  CHECK(p.client.submit(early, 3).error().code == Errc::Overloaded);

  p.peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}});
  p.settle();
  CHECK(p.client.streams_limit() == 0);
  p.peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000}});
  p.settle();
  CHECK(p.client.streams_limit() == 3);  // ours
  CHECK_FALSE(p.peer_complains);
}

TEST_CASE("h2 session: SETTINGS that cross a request on the way hold it back, and it can be withdrawn", "[net][h2]") {
  Pair p;
  p.submit(push("aa"), 1);
  p.submit(push("bb"), 2);
  p.peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  REQUIRE(p.client.feed(p.peer.output()));  // before a byte of the two left
  p.settle();
  CHECK(p.peer.requests.size() == 1);
  CHECK(p.done.empty());
  p.client.withdraw_unsent();
  p.settle();
  REQUIRE(p.done.size() == 1);
  CHECK(p.done[0].tag == 2);
  CHECK(p.done[0].fate == Fate::NeverSent);
  p.peer.respond(1, 200);
  p.settle();
  REQUIRE(p.done.size() == 2);
  CHECK(p.done[1].fate == Fate::Answered);
  CHECK(p.client.streams_open() == 0);
  CHECK(p.peer.requests.size() == 1);  // nothing of the withdrawn one ever left
}

TEST_CASE("h2 session: what a reset says about the request", "[net][h2]") {
  struct Row {
    const char* name;
    std::uint32_t code;
    Fate want;
    bool refused;
  };
  const Row row = GENERATE(values<Row>({
      {"refused: surely not processed", NGHTTP2_REFUSED_STREAM, Fate::NotProcessed, true},
      {"cancelled", NGHTTP2_CANCEL, Fate::Unknown, false},
      {"internal error", NGHTTP2_INTERNAL_ERROR, Fate::Unknown, false},
      {"closed", NGHTTP2_STREAM_CLOSED, Fate::Unknown, false},
      {"no error and no answer", NGHTTP2_NO_ERROR, Fate::Unknown, false},
      {"calm down", NGHTTP2_ENHANCE_YOUR_CALM, Fate::Unknown, false},
      {"a code from the future", 0x7777, Fate::Unknown, false},
  }));
  CAPTURE(row.name);
  Pair p;
  p.peer.on_request = [&](H2Peer& peer, const PeerRequest& r) { peer.reset(r.stream, row.code); };
  p.submit(push(), 5);
  p.settle();
  REQUIRE(p.done.size() == 1);
  CHECK(p.done[0].fate == row.want);
  CHECK(p.done[0].refused == row.refused);
  CHECK(p.done[0].reply.error().code == Errc::ConnectionLost);
  CHECK(p.client.streams_open() == 0);
  CHECK(p.client.streams_limit() == 100);
  CHECK(p.last_feed);  // one stream's trouble is not the connection's
}

TEST_CASE("h2 session: GOAWAY divides the open requests", "[net][h2]") {
  Pair p;
  const auto a = p.submit(push("aa"), 1);
  const auto b = p.submit(push("bb"), 2);
  p.submit(push("cc"), 3);
  p.settle();
  p.submit(push("dd"), 4);                    // not sent yet when the GOAWAY comes
  p.peer.goaway(NGHTTP2_NO_ERROR, "", kAll);  // "no more, please": all that was sent may be answered
  REQUIRE(p.client.feed(p.peer.output()));
  p.settle();
  CHECK(p.client.goaways_seen() == 1);
  CHECK(p.client.streams_limit() == 0);
  REQUIRE(p.done.size() == 1);
  CHECK(p.done[0].tag == 4);
  CHECK(p.done[0].fate == Fate::NeverSent);

  p.peer.goaway(NGHTTP2_NO_ERROR, R"({"reason":"Shutdown"})", b);  // the second says how far it came
  p.settle();
  CHECK(p.client.goaways_seen() == 2);
  REQUIRE(p.client.goaway());
  CHECK(p.client.goaway()->debug == R"({"reason":"Shutdown"})");
  CHECK(p.client.goaway()->last_stream == b);
  REQUIRE(p.done.size() == 2);
  CHECK(p.done[1].tag == 3);
  CHECK(p.done[1].fate == Fate::NotProcessed);
  CHECK(p.done[1].refused);

  p.peer.respond(a, 200);
  p.settle();
  REQUIRE(p.done.size() == 3);
  CHECK(p.done[2].fate == Fate::Answered);
  CHECK(p.client.wants_io());
  p.client.abandon({Errc::ConnectionLost, "gone"});
  p.client.take_done(p.done);
  REQUIRE(p.done.size() == 1);
  CHECK(p.done[0].tag == 2);
  CHECK(p.done[0].fate == Fate::Unknown);
}

TEST_CASE("h2 session: after a GOAWAY and the last answer there is nothing left to say", "[net][h2]") {
  Pair p;
  const auto a = p.submit(push(), 1);
  p.settle();
  p.peer.goaway(NGHTTP2_NO_ERROR, std::string(5000, 'x'), a);
  p.settle();
  CHECK(p.client.goaway()->debug.size() == 1024);
  CHECK(p.client.wants_io());
  p.peer.respond(a, 200);
  p.settle();
  CHECK(p.done.size() == 1);
  CHECK_FALSE(p.client.wants_io());
}

TEST_CASE("h2 session: how far a lost connection's requests came", "[net][h2]") {
  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4}}, {}, 65'536,
         false);
  p.submit(push("whole", "1234"), 1);
  p.submit(push("half", "123456789"), 2);  // the window lets four bytes through
  p.settle();
  p.submit(push("gathered", "1"), 3);
  const auto out = p.client.next_output();
  REQUIRE(out.size() > 20);
  SECTION("nothing of it was handed over") {}
  SECTION("a part of its HEADERS was handed over") { p.client.mark_sent(10); }
  SECTION("all but a byte was handed over") { p.client.mark_sent(out.size() - 1); }
  p.client.abandon({Errc::ConnectionLost, "reset"});
  p.client.take_done(p.done);
  REQUIRE(p.done.size() == 3);
  CHECK(p.done[0].fate == Fate::Unknown);
  CHECK(p.done[1].fate == Fate::NotProcessed);
  CHECK(p.done[2].fate != Fate::Unknown);
  CHECK(p.done[2].reply.error().detail == "reset");
}

TEST_CASE("h2 session: written means its last byte was handed to the socket", "[net][h2]") {
  Pair p;
  p.submit(push(), 9);
  std::vector<std::uint64_t> written;
  const std::size_t size = p.client.next_output().size();
  p.client.mark_sent(size - 1);
  p.client.take_written(written);
  CHECK(written.empty());
  CHECK(p.client.next_output().size() == 1);
  p.client.mark_sent(1);
  p.client.take_written(written);
  CHECK(written == std::vector<std::uint64_t>{9});
}

TEST_CASE("h2 session: a shut window blocks and does not kill", "[net][h2]") {
  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}, {}, 65'536, false);
  std::int32_t last = 0;
  for (int i = 0; i < 20; ++i) last = p.submit(push("t", std::string(4096, 'x')), 100 + i);  // more than 65535 bytes
  p.settle();
  CHECK(p.peer.requests.size() == 15);
  CHECK(p.done.empty());
  p.client.ping();  // still alive meanwhile
  p.settle();
  CHECK(p.client.pings_acked() == 1);
  CHECK(p.client.cancel(last) == Fate::NotProcessed);
  p.settle();
  CHECK(p.peer.resets.at(last) == NGHTTP2_CANCEL);
  for (const auto& r : p.peer.requests) p.peer.open_window(r.stream, 4096);
  p.settle();
  CHECK(p.peer.requests.size() == 19);
}

TEST_CASE("h2 session: cancelled requests", "[net][h2]") {
  Pair p;
  const auto sent = p.submit(push("aa"), 1);
  p.settle();
  const auto unsent = p.submit(push("bb"), 2);
  CHECK(p.client.cancel(sent) == Fate::Unknown);
  CHECK(p.client.cancel(unsent) == Fate::NeverSent);
  CHECK(p.client.cancel(unsent) == Fate::Unknown);  // twice is harmless; what is over may have been sent
  CHECK(p.client.cancel(sent) == Fate::Unknown);
  CHECK(p.client.cancel(999) == Fate::NeverSent);  // so is a stream that never was
  p.requests.clear();                              // no longer borrowed
  p.peer.respond(sent, 200, "late");
  p.settle();
  CHECK(p.done.empty());
  CHECK(p.peer.resets.at(sent) == NGHTTP2_CANCEL);
  CHECK(p.peer.requests.size() == 1);
  CHECK(p.client.streams_open() == 0);
  p.submit(push("cc"), 3);
  p.settle();
  CHECK(p.peer.requests.size() == 2);
}

TEST_CASE("h2 session: answers out of the ordinary", "[net][h2]") {
  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4}},
         {.response_bytes_max = 1000, .header_bytes_max = 4000});
  const auto stream = p.submit(push("aa", "1234"), 1);
  SECTION("1xx before it is forgotten") {
    p.settle();
    p.peer.interim(stream, 103);
    p.peer.interim(stream, 100);
    p.settle();
    CHECK(p.done.empty());
    p.peer.respond(stream, 200);
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].reply->status == 200);
    CHECK(p.done[0].reply->headers.empty());
  }
  SECTION("trailers are left out") {
    p.settle();
    p.peer.respond(stream, 200, "body", {{"apns-id", "x"}}, {{"grpc-status", "0"}});
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].reply->body == "body");
    CHECK(p.done[0].reply->headers.size() == 1);
  }
  SECTION("a body of exactly the limit is taken") {
    p.settle();
    p.peer.respond(stream, 200, std::string(1000, 'b'));
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].reply->body.size() == 1000);
  }
  SECTION("a byte more is not, and the request may have been processed") {
    p.settle();
    p.peer.respond(stream, 200, std::string(1001, 'b'));
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].fate == Fate::Unknown);
    CHECK(p.peer.resets.at(stream) == NGHTTP2_CANCEL);
  }
  SECTION("nor are endless fields") {
    p.settle();
    H2Peer::Fields many;
    for (int i = 0; i < 200; ++i) many.emplace_back("x-" + std::to_string(i), "v");
    p.peer.respond(stream, 200, "", many);
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].fate == Fate::Unknown);
  }
  SECTION("it may come before the request was heard out") {
    const auto big = p.submit(push("bb", "far more than four bytes"), 2);
    p.peer.on_headers = [&](H2Peer& peer, const PeerRequest& r) {
      if (r.stream == big) peer.respond(big, 413, "too large");
    };
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].tag == 2);
    CHECK(p.done[0].reply->status == 413);
    CHECK(p.client.streams_open() == 1);  // the other one
  }
  CHECK(p.last_feed);
}

TEST_CASE("h2 session: a response that breaks HTTP ends its request, and no other", "[net][h2]") {
  const auto broken = support::broken_responses();
  const support::BrokenResponse row = broken[GENERATE_COPY(range(std::size_t{0}, broken.size()))];
  CAPTURE(row.name);
  Pair p;
  const auto bad = p.submit(push("aa"), 1);
  const auto good = p.submit(push("bb"), 2);
  p.settle();
  REQUIRE(p.client.feed(row.frames(bad)));
  SECTION("by the end of the output that it causes") {
    p.settle();
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].tag == 1);
    CHECK(p.done[0].fate == Fate::Unknown);
    CHECK(p.done[0].reply.error().code == Errc::ConnectionLost);
  }
  SECTION("cancelled before, it may have been sent") {
    CHECK(p.client.cancel(bad) == Fate::Unknown);
    p.settle();
    CHECK(p.done.empty());
  }
  SECTION("cancelled after, it may have been sent, and no Done follows") {
    const auto out = p.client.next_output();
    REQUIRE(p.peer.feed(out));
    p.client.mark_sent(out.size());
    CHECK(p.client.cancel(bad) == Fate::Unknown);
    p.settle();
    CHECK(p.done.empty());
  }
  CHECK(p.peer.resets.contains(bad));
  CHECK(p.client.streams_open() == 1);
  p.done.clear();
  p.peer.respond(good, 200);
  p.settle();
  REQUIRE(p.done.size() == 1);
  CHECK(p.done[0].tag == 2);
  CHECK(p.done[0].fate == Fate::Answered);
  CHECK(p.last_feed);
  CHECK(p.client.streams_open() == 0);
}

TEST_CASE("h2 session: what stands in the output will be sent", "[net][h2]") {
  Pair p;
  const auto stream = p.submit(push("aa"), 1);
  REQUIRE_FALSE(p.client.next_output().empty());  // and the socket takes nothing yet
  SECTION("so a cancel cannot call it unsent") { CHECK(p.client.cancel(stream) == Fate::Unknown); }
  SECTION("nor can a response that breaks HTTP") {
    REQUIRE(p.client.feed(support::headers_frame(stream, {{"apns-id", "x"}}, true)));
    p.client.mark_sent(p.client.next_output().size());
    p.client.next_output();
    p.client.take_done(p.done);
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].fate == Fate::Unknown);
  }
  SECTION("unless the connection ends") {
    p.client.abandon({Errc::ConnectionLost, "gone"});
    p.client.take_done(p.done);
    REQUIRE(p.done.size() == 1);
    CHECK(p.done[0].fate == Fate::NeverSent);
  }
}

TEST_CASE("h2 session: cancelled once its Done is out, a request says the same, and its Done is not taken",
          "[net][h2]") {
  Pair p;
  const auto answered = p.submit(push("aa"), 1);
  const auto refused = p.submit(push("bb"), 2);
  const auto reset = p.submit(push("cc"), 3);
  p.settle();
  p.peer.respond(answered, 200);
  p.peer.reset(refused, NGHTTP2_REFUSED_STREAM);
  p.peer.reset(reset, NGHTTP2_INTERNAL_ERROR);
  REQUIRE(p.client.feed(p.peer.output()));
  CHECK(p.client.cancel(answered) == Fate::Unknown);
  CHECK(p.client.cancel(refused) == Fate::NotProcessed);
  CHECK(p.client.cancel(reset) == Fate::Unknown);
  p.settle();
  CHECK(p.done.empty());
}

TEST_CASE("h2 session: a peer that breaks HTTP/2 is left", "[net][h2]") {
  struct Row {
    const char* name;
    std::vector<std::uint8_t> bytes;
  };
  const Row row = GENERATE(values<Row>({
      {"garbage", {'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '4', '0', '0', ' ', 'B', 'a', 'd', '\r', '\n'}},
      {"DATA on stream 0", {0, 0, 1, 0, 0, 0, 0, 0, 0, 'x'}},
      {"SETTINGS of a wrong size", {0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}},
      {"a header block that is none", {0, 0, 1, 1, 5, 0, 0, 0, 1, 0xff}},
      {"WINDOW_UPDATE of nothing", {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {"a PUSH_PROMISE we forbade", {0, 0, 5, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x88}},
  }));
  CAPTURE(row.name);
  const bool settings_first = GENERATE(false, true);
  CAPTURE(settings_first);
  H2Session client({.authority = "a"});
  H2Peer peer({});
  const HttpRequest request = push();
  if (settings_first) {
    REQUIRE(client.feed(peer.output()));
    REQUIRE(client.submit(request, 1));
    const auto out = client.next_output();
    REQUIRE(peer.feed(out));
    client.mark_sent(out.size());
    REQUIRE(client.feed(peer.output()));
  }
  const auto fed = client.feed(row.bytes);
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == Errc::ConnectionLost);
  CHECK_FALSE(client.feed(row.bytes));
  CHECK(client.streams_limit() == 0);
  client.abandon(fed.error());
  std::vector<H2Session::Done> done;
  client.take_done(done);
  CHECK(done.size() == (settings_first ? 1 : 0));
}

TEST_CASE("h2 session: requests no peer should see", "[net][h2]") {
  struct Row {
    const char* name;
    HttpRequest request;
  };
  const std::string big(9000, 'x');
  const Row row = GENERATE_COPY(values<Row>({
      {"a line break in a value", {.path = "/", .headers = {{"apns-topic", "a\r\nx: y"}}}},
      {"NUL in a value", {.path = "/", .headers = {{"apns-topic", std::string("a\0b", 3)}}}},
      {"a space in the path", {.path = "/a b"}},
      {"a control byte in the path", {.path = "/a\x7f"}},
      {"no path", {.path = ""}},
      {"a path without its slash", {.path = "3/device"}},
      {"fields larger than the peer takes", {.path = "/", .headers = {{"apns-topic", big}}}},
      {"a path larger than the peer takes", {.path = "/" + big}},
  }));
  CAPTURE(row.name);
  Pair p({{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 8000}});
  CHECK(p.client.submit(row.request, 1).error().code == Errc::Malformed);
  CHECK(p.client.streams_open() == 0);
  p.submit(push());
  p.settle();
  CHECK(p.peer.requests.size() == 1);
}

TEST_CASE("h2 session: stream ids end before they run out", "[net][h2]") {
  Pair p({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}, {.stream_id_max = 3});
  p.submit(push());
  CHECK_FALSE(p.client.ids_used_up());
  p.submit(push());
  CHECK(p.client.ids_used_up());
  const HttpRequest third = push();
  CHECK(p.client.submit(third, 3).error().code == Errc::Overloaded);
  p.settle();
  CHECK(p.peer.requests.size() == 2);  // the two go on
}

}  // namespace nightpost::net
