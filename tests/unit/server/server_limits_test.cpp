// Slow and greedy peers on real sockets: what they cannot do to the others.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "server/http_server.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::server {
namespace {

using probe::TcpProbe;

const std::string kHalf = "GET /healthz HTTP/1.1\r\nHost: h\r\n";
const std::string kWhole = kHalf + "\r\n";

struct Served {
  explicit Served(ServerOptions options, bool with_tls = false, ServerTls secure = {}) {
    options.metrics = &metrics;
    options.log = &log;
    options.name = "test";
    const auto handler = answered_at_once([](const ServerRequest& request) {
      const std::string body = request.target == "/big" ? std::string(8'000'000, 'a') : "ok";
      return ServerResponse{.status = 200, .headers = {}, .body = body};
    });
    if (with_tls) {
      identity = probe::server_identity();
      secure.certificate_pem = identity.certificate_pem;
      secure.private_key_pem = identity.private_key_pem;
      tls = *TlsServer::start(loop, std::move(options), std::move(secure), handler);
    } else {
      plain = *HttpServer::start(loop, std::move(options), handler);
    }
    thread = std::jthread([this] { loop.run(); });
  }
  ~Served() {
    boost::asio::post(loop, [this] {
      plain.reset();
      tls.reset();
    });
    thread.join();
  }
  std::uint16_t port() const { return plain ? plain->port() : tls->port(); }
  std::uint64_t refused(ServerRefusal why) const { return metrics.refusals[std::size_t(why)].read(); }
  /// Waits on the loop's own word: whatever was accepted before is on the books.
  std::string said() {
    std::promise<std::string> text;
    boost::asio::post(loop, [&] { text.set_value(lines.str()); });
    return text.get_future().get();
  }

  std::ostringstream lines;
  SystemClock clock;
  observe::Log log{observe::Level::Debug, 1'000, lines, clock};
  ServerMetrics metrics;
  boost::asio::io_context loop;
  probe::Identity identity;
  std::unique_ptr<HttpServer> plain;
  std::unique_ptr<TlsServer> tls;
  std::jthread thread;
};

int ask(TcpProbe& tcp, const std::string& bytes = kWhole) {
  tcp.write(bytes);
  return probe::read_http1([&] { return tcp.read(5000); }).status;
}

TEST_CASE("server limits: half-sent requests do not close the listener to others", "[server][limits]") {
  Served served({.connections_max = 50});
  std::deque<TcpProbe> scanners;
  for (int i = 0; i < 200; ++i) scanners.emplace_back(served.port()).write(kHalf);
  for (int i = 0; i < 10; ++i) {
    TcpProbe client(served.port());
    CHECK(ask(client) == 200);
  }
  CHECK(scanners[0].read(5000).empty());
  CHECK(scanners[0].ended());  // the oldest
  CHECK(served.refused(ServerRefusal::Evicted) >= 150);
  CHECK(served.refused(ServerRefusal::Full) == 0);
  CHECK(served.said().contains(R"("event":"server.limit","listener":"test","reason":"evicted","address":"127.0.0.1")"));
}

TEST_CASE("server limits: health is answered while strangers hold every other slot", "[server][limits]") {
  // Strangers whose answers are on the way to them, so nobody may be closed for a new one.
  Served served({.connections_max = 8,
                 .connections_per_address_max = 4,
                 .connections_reserved = 2,
                 .reserved_addresses = {*AddressRange::parse("127.0.0.1")}});
  std::deque<TcpProbe> strangers;
  for (int i = 0; i < 6; ++i) {
    TcpProbe& one = strangers.emplace_back(served.port(), "127.0.0." + std::to_string(10 + i));
    one.write("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE_FALSE(one.read(5000).empty());
  }
  TcpProbe another(served.port(), "127.0.0.99");
  CHECK(ask(another) == 0);
  CHECK(another.ended());
  for (int i = 0; i < 5; ++i) {
    TcpProbe health(served.port());
    CHECK(ask(health) == 200);
  }
  CHECK(served.refused(ServerRefusal::Full) == 1);
}

TEST_CASE("server limits: one address has its share", "[server][limits]") {
  Served served({.connections_max = 100, .connections_per_address_max = 3});
  std::deque<TcpProbe> greedy;
  for (int i = 0; i < 20; ++i) greedy.emplace_back(served.port(), "127.0.0.7").write(kHalf);
  TcpProbe other(served.port(), "127.0.0.8");
  CHECK(ask(other) == 200);
  for (int i = 0; i < 17; ++i) {
    greedy[static_cast<std::size_t>(i)].read(5000);
    CHECK(greedy[static_cast<std::size_t>(i)].ended());
  }
  CHECK(ask(greedy.back(), "\r\n") == 200);  // the youngest is there and finishes
  CHECK(served.metrics.connections.read() == 4);
}

TEST_CASE("server limits: a late head or body is told 408 and closed", "[server][limits]") {
  struct Row {
    const char* name;
    std::string bytes;
    int status;
    ServerRefusal why;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", "", 0, ServerRefusal::HeadTimeout},
      {"half a head", kHalf, 408, ServerRefusal::HeadTimeout},
      {"half a second head", kWhole + kHalf, 408, ServerRefusal::HeadTimeout},
      {"half a body", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", 408, ServerRefusal::BodyTimeout},
  }));
  CAPTURE(row.name);
  Served served({.head_timeout = milliseconds(40), .body_timeout = milliseconds(40)});
  TcpProbe tcp(served.port());
  tcp.write(row.bytes);
  std::string all;
  while (!tcp.ended()) all += tcp.read(5000);
  CHECK(all.contains("HTTP/1.1 408 ") == (row.status == 408));
  CHECK(all.contains("HTTP/1.1 200 ") == row.bytes.starts_with(kWhole));
  CHECK(served.refused(row.why) == 1);
  CHECK(served.refused(ServerRefusal::IdleTimeout) == 0);
}

TEST_CASE("server limits: a head that drips does not live longer", "[server][limits]") {
  Served served({.head_timeout = milliseconds(50), .idle_timeout = milliseconds(60'000)});
  TcpProbe tcp(served.port());
  std::string all;
  for (int i = 0; !tcp.ended() && i < 10'000; ++i) {
    tcp.write("x");
    all += tcp.read(5);
  }
  CHECK(tcp.ended());
  CHECK(served.refused(ServerRefusal::HeadTimeout) == 1);
}

TEST_CASE("server limits: who does not read its answer is closed", "[server][limits]") {
  const bool over_tls = GENERATE(false, true);
  CAPTURE(over_tls);
  Served served({.write_timeout = milliseconds(50)}, over_tls);
  std::optional<TcpProbe> plain;
  std::optional<probe::TlsProbe> tls;
  const std::string request = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";
  if (over_tls) {
    tls.emplace(served.port(), served.identity.certificate_pem, "").write(request);
  } else {
    plain.emplace(served.port()).write(request);
  }
  while (served.refused(ServerRefusal::WriteTimeout) == 0) std::this_thread::yield();
  TcpProbe other(served.port());
  std::size_t got = 0;
  while (over_tls ? !tls->ended() : !plain->ended()) got += (over_tls ? tls->read(5000) : plain->read(5000)).size();
  CHECK(got < 8'000'000);
}

TEST_CASE("server limits: a head too large is told 431, however much comes behind it", "[server][limits]") {
  const auto bytes = GENERATE(values<std::size_t>({70'000, 300'000, 1'000'000}));
  CAPTURE(bytes);
  Served served({});
  TcpProbe tcp(served.port());
  CHECK(ask(tcp, "GET / HTTP/1.1\r\nX: " + std::string(bytes, 'a')) == 431);
  CHECK(served.refused(ServerRefusal::HeadTooLarge) == 1);
}

TEST_CASE("server limits: a handshake that drips ends", "[server][limits]") {
  Served served({.handshake_timeout = milliseconds(50)}, true);
  TcpProbe tcp(served.port());
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  for (std::size_t i = 0; !tcp.ended() && i < 10'000; ++i) {
    tcp.write(i < hello.size() ? hello.substr(i, 1) : "");
    tcp.read(5);
  }
  CHECK(tcp.ended());
  CHECK(served.refused(ServerRefusal::HandshakeTimeout) == 1);
}

TEST_CASE("server limits: a rapid reset meets GOAWAY, a second connection is served", "[server][limits]") {
  Served served({}, true, {.streams_max_first = 1'000, .floods = {.resets_burst_max = 20, .resets_per_second_max = 1}});
  probe::TlsProbe tls(served.port(), served.identity.certificate_pem, "h2");
  std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\x04\0\0\0\0\0", 9);
  for (char id = 1; id < 100; id = static_cast<char>(id + 2)) {
    bytes += std::string("\0\0\x06\x01\x05\0\0\0", 8) + id + std::string("\x82\x87\x84\x01\x01h", 6);
    bytes += std::string("\0\0\x04\x03\0\0\0\0", 8) + id + std::string("\0\0\0\x08", 4);
  }
  tls.write(bytes);
  std::string all;
  while (!tls.ended()) all += tls.read(5000);
  CHECK(all.ends_with(std::string("\0\0\0\x0b", 4)));  // ENHANCE_YOUR_CALM
  CHECK(served.refused(ServerRefusal::ResetFlood) == 1);
  CHECK(served.metrics.requests.read() == 0);
  CHECK(served.said().contains(R"("reason":"reset_flood")"));
  CHECK(probe::https(served.port(), served.identity.certificate_pem, "GET", "/").status == 200);
}

}  // namespace
}  // namespace nightpost::server
