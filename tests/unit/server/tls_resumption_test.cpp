// Session tickets: a second handshake resumes, and no key opens for ever.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <thread>
#include <utility>

#include "server/http_server.h"
#include "server/ticket_keys.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::server {
namespace {

constexpr milliseconds kLifetime{1'000};
MonoTime at(int ms) { return MonoTime(seconds(1000)) + milliseconds(ms); }

TEST_CASE("ticket keys: one seals for a lifetime and opens for another", "[server][tls]") {
  TicketKeys keys(kLifetime);
  const auto* first = keys.sealing(at(0));
  REQUIRE(first);
  const auto name = first->name;
  CHECK(keys.sealing(at(999))->name == name);
  const auto second = keys.sealing(at(1'000))->name;
  CHECK(second != name);
  REQUIRE(keys.opening(name, at(1'999)));
  CHECK(keys.opening(name, at(1'999))->name == name);
  CHECK_FALSE(keys.opening(name, at(2'000)));
  REQUIRE(keys.opening(second, at(2'999)));
  CHECK_FALSE(keys.opening(second, at(3'000)));  // nobody sealed meanwhile: it is too old all the same
  CHECK_FALSE(keys.opening(std::array<std::uint8_t, 16>{}, at(0)));
}

TEST_CASE("ticket keys: no two are alike", "[server][tls]") {
  TicketKeys one(kLifetime);
  TicketKeys two(kLifetime);
  const auto a = *one.sealing(at(0));
  const auto b = *two.sealing(at(0));
  const auto c = *one.sealing(at(5'000));
  CHECK(a.name != b.name);
  CHECK(a.cipher != b.cipher);
  CHECK(a.mac != b.mac);
  CHECK(a.cipher != c.cipher);
  CHECK_FALSE(two.opening(a.name, at(0)));
}

struct Served {
  explicit Served(ServerTls tls = {}) : identity(probe::server_identity()) {
    tls.certificate_pem = identity.certificate_pem;
    tls.private_key_pem = identity.private_key_pem;
    server = *TlsServer::start(loop, {}, std::move(tls), answered_at_once([](const ServerRequest& request) {
                                 return ServerResponse{.body = "seen:" + request.peer_certificate_pem};
                               }));
    thread = std::jthread([this] { loop.run(); });
  }
  ~Served() {
    boost::asio::post(loop, [this] { server.reset(); });
    thread.join();
  }
  boost::asio::io_context loop;
  probe::Identity identity;
  std::unique_ptr<TlsServer> server;
  std::jthread thread;
};

template <class Ask>
auto on_loop(boost::asio::io_context& loop, Ask ask) {
  std::packaged_task<decltype(ask())()> task(std::move(ask));
  auto answer = task.get_future();
  boost::asio::post(loop, [&task] { task(); });
  return answer.get();
}

std::string ask(probe::TlsProbe& tls) {
  tls.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  return probe::read_http1([&] { return tls.read(5000); }).body;
}

TEST_CASE("tls server: a renewed certificate is shown from then on, and tickets stay good", "[server][tls]") {
  Served served;
  const probe::Identity next = probe::server_identity();
  REQUIRE(next.certificate_pem != served.identity.certificate_pem);
  const auto renew = [&](const std::string& certificate, const std::string& key) {
    return on_loop(served.loop, [&] { return served.server->renew(certificate, key); });
  };
  const std::uint16_t port = served.server->port();
  probe::TlsProbe before(port, served.identity.certificate_pem, "http/1.1");
  CHECK(ask(before) == "seen:");
  const auto session = before.session();

  struct Row {
    const char* name;
    std::string certificate, key;
  };
  for (const Row& row : {Row{"no certificate", "", next.private_key_pem}, Row{"no key", next.certificate_pem, ""},
                         Row{"another's key", next.certificate_pem, served.identity.private_key_pem},
                         Row{"the other way round", next.private_key_pem, next.certificate_pem}}) {
    CAPTURE(row.name);
    const auto refused = renew(row.certificate, row.key);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
    probe::TlsProbe still(port, served.identity.certificate_pem, "http/1.1");
    CHECK(ask(still) == "seen:");
  }

  REQUIRE(renew(next.certificate_pem, next.private_key_pem));
  CHECK(ask(before) == "seen:");  // stands with the old one
  probe::TlsProbe after(port, next.certificate_pem, "http/1.1");
  CHECK(ask(after) == "seen:");
  CHECK_THROWS(probe::TlsProbe(port, served.identity.certificate_pem, "http/1.1"));
  probe::TlsProbe resumed(port, next.certificate_pem, "http/1.1", nullptr, session.get());
  CHECK(resumed.resumed());
  CHECK(ask(resumed) == "seen:");
}

TEST_CASE("tls server: a second handshake resumes, with the certificate of the first", "[server][tls]") {
  Served served({.ask_client_certificate = true});
  const probe::Identity mine = probe::client_identity({.uid = "com.example"});
  probe::TlsProbe first(served.server->port(), served.identity.certificate_pem, "http/1.1", &mine);
  CHECK_FALSE(first.resumed());
  CHECK(ask(first) == "seen:" + mine.certificate_pem);
  const auto session = first.session();
  probe::TlsProbe second(served.server->port(), served.identity.certificate_pem, "http/1.1", nullptr, session.get());
  CHECK(second.resumed());
  CHECK(second.alpn() == "http/1.1");
  CHECK(ask(second) == "seen:" + mine.certificate_pem);
  probe::TlsProbe stranger(served.server->port(), served.identity.certificate_pem, "http/1.1");
  CHECK_FALSE(stranger.resumed());
  CHECK(ask(stranger) == "seen:");
}

TEST_CASE("tls server: a ticket of another server is a full handshake", "[server][tls]") {
  Served one;
  Served other;
  probe::TlsProbe first(one.server->port(), one.identity.certificate_pem, "");
  CHECK(ask(first) == "seen:");
  const auto session = first.session();
  probe::TlsProbe second(other.server->port(), other.identity.certificate_pem, "", nullptr, session.get());
  CHECK_FALSE(second.resumed());
  CHECK(ask(second) == "seen:");
}

}  // namespace
}  // namespace nightpost::server
