// TLS from both sides: what a lane makes of handshakes that go wrong.
#include "net/tls_client.h"

#include <catch2/catch.hpp>
#include <optional>

#include "net/lane.h"
#include "net/lane_metrics.h"
#include "support/h2_peer.h"
#include "support/test_identity.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using support::H2Peer;
using support::PeerRequest;
using support::TlsPeer;
using support::TlsPeerOptions;

struct One final : LaneHandler {
  void on_lane_reply(std::uint64_t, LaneReply r) override { reply.emplace(std::move(r)); }
  std::optional<LaneReply> reply;
};

/// One request over a fresh lane; the reply, and how often the lane tried to connect.
struct Tried {
  LaneReply reply;
  std::size_t connections;
};
Tried try_once(TlsPeerOptions peer_options, const std::function<void(LaneOptions&)>& adjust, milliseconds deadline) {
  asio::io_context loop;
  TlsPeer peer(loop, std::move(peer_options));
  peer.on_connection = [](std::size_t, H2Peer& h2) {
    h2.on_request = [](H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200); };
  };
  LaneOptions o;
  o.origin = "https://localhost:" + std::to_string(peer.port());
  o.ca_pem = support::test_pki().ca_pem;
  o.reconnect_first = o.reconnect_max = 10ms;
  if (adjust) adjust(o);
  LaneMetrics metrics;
  One one;
  Lane lane(loop, std::move(o), metrics);
  lane.send({.path = "/"}, std::chrono::steady_clock::now() + deadline, 1, one);
  lane.flush();
  const auto give_up = std::chrono::steady_clock::now() + 5s;
  while (!one.reply && std::chrono::steady_clock::now() < give_up) loop.run_one_for(20ms);
  REQUIRE(one.reply);
  loop.run_for(30ms);  // a storm would show
  return {std::move(*one.reply), peer.connections()};
}

TlsIdentity client_identity() { return {support::test_pki().client_pem, support::test_pki().client_key_pem}; }

}  // namespace

TEST_CASE("tls: whom a lane talks to", "[net][tls]") {
  struct Row {
    const char* name;
    TlsPeerOptions peer;
    std::function<void(LaneOptions&)> adjust;
  };
  const Row row = GENERATE(values<Row>({
      {"a name", {}, {}},
      {"an address", {}, [](LaneOptions& o) { o.origin.replace(o.origin.find("localhost"), 9, "127.0.0.1"); }},
      {"TLS 1.2", {.tls12 = true}, {}},
      {"one that asks for a certificate",
       {.require_client_certificate = true},
       [](LaneOptions& o) { o.identity = client_identity(); }},
      {"the same with TLS 1.2",
       {.tls12 = true, .require_client_certificate = true},
       [](LaneOptions& o) { o.identity = client_identity(); }},
      {"one that asks for none, while we have one", {}, [](LaneOptions& o) { o.identity = client_identity(); }},
  }));
  CAPTURE(row.name);
  const Tried tried = try_once(row.peer, row.adjust, 5s);
  INFO((tried.reply.response ? "answered" : tried.reply.response.error().detail));
  CHECK(tried.reply.response.has_value());
  CHECK(tried.connections == 1);
}

TEST_CASE("tls: whom it does not talk to", "[net][tls]") {
  struct Row {
    const char* name;
    TlsPeerOptions peer;
    std::function<void(LaneOptions&)> adjust;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"an authority we do not trust", {}, [](LaneOptions& o) { o.ca_pem.clear(); }, "certificate"},
      {"a certificate for another host", {.wrong_name = true}, {}, "certificate"},
      {"the same, by address",
       {.wrong_name = true},
       [](LaneOptions& o) { o.origin.replace(o.origin.find("localhost"), 9, "127.0.0.1"); },
       "certificate"},
      {"no ALPN", {.alpn = ""}, {}, "HTTP/2"},
  }));
  CAPTURE(row.name);
  const Tried tried = try_once(row.peer, row.adjust, 500ms);  // all of which it takes
  REQUIRE_FALSE(tried.reply.response);
  CHECK(tried.reply.response.error().code == Errc::ConnectionLost);
  CHECK_FALSE(tried.reply.maybe_sent);
  CAPTURE(tried.reply.response.error().detail);
  CHECK(tried.reply.response.error().detail.contains(row.says));
  CHECK(tried.connections > 1);  // it may be mended meanwhile
}

TEST_CASE("tls: a handshake that refuses our certificate is not tried again", "[net][tls]") {
  const bool tls12 = GENERATE(false, true);
  const bool have_one = GENERATE(false, true);
  CAPTURE(tls12, have_one);
  const Tried tried = try_once(
      {.tls12 = tls12, .require_client_certificate = true, .trust_client_certificate = !have_one},
      [&](LaneOptions& o) {
        if (have_one) o.identity = client_identity();
      },
      500ms);
  REQUIRE_FALSE(tried.reply.response);
  CAPTURE(tried.reply.response.error().detail);
  // Without a certificate TLS 1.2 can only say "handshake failure", which blames nobody.
  if (!tls12 || have_one) {
    CHECK(tried.reply.response.error().code == Errc::Unauthorized);
    CHECK(tried.connections == 1);
  } else {
    CHECK(tried.reply.response.error().code == Errc::ConnectionLost);
  }
  CHECK_FALSE(tried.reply.maybe_sent);
}

TEST_CASE("tls: an encrypted client key is refused in words, and nobody is asked for its passphrase", "[net][tls]") {
  const bool pkcs8 = GENERATE(true, false);
  asio::io_context loop;
  LaneOptions o;
  o.origin = "https://localhost:1";
  o.identity = client_identity();
  o.identity->private_key_pem = probe::encrypted(o.identity->private_key_pem, pkcs8);
  LaneMetrics metrics;
  One one;
  Lane lane(loop, std::move(o), metrics);
  lane.send({.path = "/"}, std::chrono::steady_clock::now() + 5s, 1, one);
  lane.flush();
  while (!one.reply) loop.run_one();
  REQUIRE_FALSE(one.reply->response);
  CHECK(one.reply->response.error().code == Errc::Unauthorized);
  CHECK(one.reply->response.error().detail.contains("client key is encrypted; give it without a passphrase"));
}

}  // namespace nightpost::net
