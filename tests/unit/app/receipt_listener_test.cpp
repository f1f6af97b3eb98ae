// The real servers on a port of their own, met by clients that know nothing of them.
#include "app/receipt_listener.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sandbox/throwaway_ca.h"
#include "unit/app/receipt_fakes.h"

namespace nightpost::app {
namespace {

namespace asio = boost::asio;

constexpr const char* kPosted = R"({"receipts":[{"token":"t"}],"answer":"ok"})";

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

template <class Stream>
std::string converse(Stream& stream, const std::string& request) {
  boost::system::error_code ended;
  asio::write(stream, asio::buffer(request), ended);  // a server may answer and close before it has all
  std::string reply;
  asio::read(stream, asio::dynamic_buffer(reply), ended);
  return reply;
}

std::string ask(std::uint16_t port, const std::string& request) {
  asio::io_context loop;
  asio::ip::tcp::socket socket(loop);
  socket.connect({asio::ip::address_v4::loopback(), port});
  return converse(socket, request);
}

/// Empty: whoever is there has no certificate of `ca_pem` for localhost.
std::string ask_tls(std::uint16_t port, const std::string& ca_pem, const std::string& request) {
  asio::io_context loop;
  asio::ssl::context trust(asio::ssl::context::tls_client);
  trust.add_certificate_authority(asio::buffer(ca_pem));
  trust.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<asio::ip::tcp::socket> stream(loop, trust);
  stream.set_verify_callback(asio::ssl::host_name_verification("localhost"));
  stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
  boost::system::error_code refused;
  stream.handshake(asio::ssl::stream_base::client, refused);
  return refused ? "" : converse(stream, request);
}

struct Listening {
  explicit Listening(ReceiptOptions options = {}) {
    options.host = "127.0.0.1";
    auto opened = store_in_memory();
    certificate = add_certificate(*opened, Vendor::Huawei);
    auto made = std::make_unique<FakeSink>();
    sink = made.get();
    auto started = ReceiptListener::start(options, std::move(opened), std::move(made), signers, clock, log, metrics,
                                          plain_reader_of);
    if (started) listener = *std::move(started);
    if (!started) error = started.error();
  }
  std::string target() const { return "/receipts/huawei/" + std::to_string(certificate.value) + "?key=s3cret-key"; }

  ManualClock clock;
  std::ostringstream lines;
  observe::Log log{observe::Level::Debug, 1'000, lines, clock};
  ReceiptMetrics metrics;
  dispatch::SignerLedger signers;
  CertificateId certificate;
  FakeSink* sink = nullptr;  // the listener's: touch it only while no call is under way
  Error error{Errc::Io, ""};
  std::unique_ptr<ReceiptListener> listener;
};

TEST_CASE("receipt listener: a call over plain HTTP", "[app][receipts]") {
  Listening at;
  REQUIRE(at.listener);
  const std::string reply = ask(at.listener->port(), post(at.target(), kPosted));
  CHECK(reply.starts_with("HTTP/1.1 200"));
  CHECK(reply.ends_with("\r\n\r\nok"));
  CHECK(at.sink->written.size() == 1);
}

TEST_CASE("receipt listener: half-sent calls keep no vendor out", "[app][receipts]") {
  Listening at({.server = {.connections_max = 8, .connections_per_address_max = 8}});
  REQUIRE(at.listener);
  asio::io_context loop;
  std::vector<asio::ip::tcp::socket> scanners;
  for (int i = 0; i < 40; ++i) {
    scanners.emplace_back(loop).connect({asio::ip::address_v4::loopback(), at.listener->port()});
    asio::write(scanners.back(), asio::buffer("POST / HTTP/1.1\r\n", 17));
  }
  for (int i = 0; i < 20; ++i) CHECK(ask(at.listener->port(), post(at.target(), kPosted)).starts_with("HTTP/1.1 200"));
  CHECK(at.metrics.server.refusals[std::size_t(server::ServerRefusal::Evicted)].read() >= 32);
  CHECK(at.metrics.server.requests.read() == 20);
  observe::MetricsPage page;
  register_receipt_metrics(page, at.metrics);
  CHECK(page.render().contains("nightpost_server_requests_total{listener=\"receipts\"} 20\n"));
  CHECK(page.render().contains("nightpost_server_refusals_total{listener=\"receipts\",reason=\"full\"} 0\n"));
}

TEST_CASE("receipt listener: what is refused", "[app][receipts]") {
  Listening at({.body_bytes_max = 1'024});
  REQUIRE(at.listener);
  const auto status_of = [&](const std::string& request) { return ask(at.listener->port(), request).substr(9, 3); };
  CHECK(status_of(post("/receipts/huawei/9", kPosted)) == "404");
  CHECK(status_of(post("/receipts/huawei/1?key=x", kPosted)) == "401");
  CHECK(status_of(post(at.target(), "{")) == "400");
  CHECK(status_of(post(at.target(), std::string(1'025, ' '))) == "413");
  CHECK(status_of("GET " + at.target() + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == "405");
  CHECK(at.sink->calls == 0);
}

TEST_CASE("receipt listener: over TLS, from files", "[app][receipts]") {
  std::string folder = "/tmp/nightpost-receipts-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto identity = sandbox::make_identity(SystemClock().wall());
  REQUIRE(identity);
  std::ofstream(folder + "/chain.pem") << identity->certificate_pem;
  std::ofstream(folder + "/key.pem") << identity->private_key_pem;
  {
    Listening at({.tls = {.certificate = folder + "/chain.pem", .key = folder + "/key.pem"}});
    REQUIRE(at.listener);
    CHECK(ask_tls(at.listener->port(), identity->ca_pem, post(at.target(), kPosted)).starts_with("HTTP/1.1 200"));
    CHECK_FALSE(ask(at.listener->port(), post(at.target(), kPosted)).starts_with("HTTP/1.1 200"));  // not in clear
  }
  {
    Listening absent({.tls = {.certificate = folder + "/nowhere.pem", .key = folder + "/key.pem"}});
    CHECK_FALSE(absent.listener);
    CHECK(absent.error.detail.contains("nowhere.pem"));
  }
  {
    Listening swapped({.tls = {.certificate = folder + "/key.pem", .key = folder + "/chain.pem"}});
    CHECK_FALSE(swapped.listener);
    CHECK(swapped.error.code == Errc::Malformed);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("receipt listener: renewed files are shown without a restart, bad ones never", "[app][receipts]") {
  std::string folder = "/tmp/nightpost-receipts-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder + name) << text; };
  const auto first = sandbox::make_identity(SystemClock().wall());
  const auto second = sandbox::make_identity(SystemClock().wall());
  REQUIRE(first);
  REQUIRE(second);
  write("/chain.pem", first->certificate_pem);
  write("/key.pem", first->private_key_pem);
  {
    Listening at(
        {.tls = {.certificate = folder + "/chain.pem", .key = folder + "/key.pem", .look_every = milliseconds(20)}});
    REQUIRE(at.listener);
    const auto answers = [&](const std::string& ca_pem) {
      return ask_tls(at.listener->port(), ca_pem, post(at.target(), kPosted)).starts_with("HTTP/1.1 200");
    };
    const auto soon = [](auto done) {
      for (int i = 0; i < 500 && !done(); ++i) std::this_thread::sleep_for(milliseconds(20));
      return done();
    };
    CHECK(at.listener->certificate_ends().has_value());
    write("/chain.pem", second->certificate_pem);  // its key is still to come
    std::this_thread::sleep_for(seconds(1));
    CHECK(answers(first->ca_pem));
    write("/key.pem", second->private_key_pem);
    CHECK(soon([&] { return answers(second->ca_pem); }));
    CHECK_FALSE(answers(first->ca_pem));
    std::filesystem::remove(folder + "/key.pem");
    std::this_thread::sleep_for(seconds(1));
    CHECK(answers(second->ca_pem));
    at.listener.reset();
    const std::string log = at.lines.str();
    CHECK(log.contains("tls.renewed"));
    CHECK(log.contains("tls.not_renewed"));
    CHECK(log.contains("key.pem: cannot be read"));
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("receipt listener: an address that is taken is an error at start", "[app][receipts]") {
  Listening first;
  REQUIRE(first.listener);
  Listening second({.port = first.listener->port()});
  CHECK_FALSE(second.listener);
  CHECK(second.error.detail.starts_with("receipts: "));
}

TEST_CASE("receipt listener: the end closes what is open", "[app][receipts]") {
  Listening at;
  REQUIRE(at.listener);
  asio::io_context loop;
  asio::ip::tcp::socket socket(loop);
  socket.connect({asio::ip::address_v4::loopback(), at.listener->port()});
  asio::write(socket, asio::buffer(std::string("POST ")));
  const std::uint16_t port = at.listener->port();
  at.listener.reset();
  std::string reply;
  boost::system::error_code ended;
  asio::read(socket, asio::dynamic_buffer(reply), ended);
  CHECK(reply.empty());
  asio::ip::tcp::socket late(loop);
  boost::system::error_code refused;
  late.connect({asio::ip::address_v4::loopback(), port}, refused);
  CHECK(refused);
}

}  // namespace
}  // namespace nightpost::app
