// The plain HTTP/1.1 server, met by a stranger on a real socket.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "server/fault_injection.h"
#include "server/http_server.h"
#include "support/h2_probe.h"

namespace nightpost::server {
namespace {

using probe::Reply;
using probe::TcpProbe;

/// Runs the loop beside the test and stops the server on it.
class Served {
 public:
  Served(ServerOptions options, FaultHandler handler) : Served(with_faults(std::move(handler)), std::move(options)) {}
  Served(ServerHandler handler, ServerOptions options) {
    auto started = HttpServer::start(loop_, std::move(options), std::move(handler));
    REQUIRE(started.has_value());
    server_ = std::move(*started);
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Served() {
    boost::asio::post(loop_, [this] { server_.reset(); });
    thread_.join();
  }
  std::uint16_t port() const { return server_->port(); }

 private:
  boost::asio::io_context loop_;
  std::unique_ptr<HttpServer> server_;
  std::jthread thread_;
};

FaultAction echo(const ServerRequest& request) {
  std::string seen = request.method + " " + request.target + " " + request.authority + " " + request.body;
  for (const auto& [name, value] : request.headers)
    if (name.starts_with("x-")) seen += " " + name + "=" + value;
  return {.respond = ServerResponse{.status = 200, .headers = {{"content-type", "text/plain"}}, .body = seen}};
}

Reply ask(TcpProbe& tcp, const std::string& bytes) {
  tcp.write(bytes);
  return probe::read_http1([&] { return tcp.read(5000); });
}

TEST_CASE("http server: answers and keeps the connection", "[net][server]") {
  Served served({}, echo);
  TcpProbe tcp(served.port());
  const Reply first = ask(tcp, "GET /metrics?x=1 HTTP/1.1\r\nHost: here\r\nX-One: a\r\nx-one: b\r\n\r\n");
  CHECK(first.status == 200);
  CHECK(first.header("content-type") == "text/plain");
  CHECK(first.body == "GET /metrics?x=1 here  x-one=a x-one=b");
  const Reply second = ask(tcp, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  CHECK(second.body == "POST /a h abc");
  CHECK_FALSE(tcp.ended());
}

TEST_CASE("http server: a request in pieces, chunked, or two at once", "[net][server]") {
  Served served({}, echo);
  TcpProbe tcp(served.port());
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char byte : request) tcp.write({&byte, 1});
  CHECK(ask(tcp, "").body == "POST /p h abcde");

  tcp.write("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string all;
  while (!tcp.ended()) all += tcp.read(5000);
  const auto one = all.find("GET /1 h");
  const auto two = all.find("GET /2 h");
  CHECK(one != std::string::npos);
  CHECK(two != std::string::npos);
  CHECK(one < two);
}

TEST_CASE("http server: says 100 Continue where it is waited for", "[net][server]") {
  Served served({}, echo);
  TcpProbe tcp(served.port());
  const Reply go = ask(tcp, "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(go.status == 100);
  CHECK(ask(tcp, "ok").body == "PUT /x h ok");
}

TEST_CASE("http server: HEAD has no body", "[net][server]") {
  Served served({}, echo);
  TcpProbe tcp(served.port());
  tcp.write("HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string all;
  while (!tcp.ended()) all += tcp.read(5000);
  CHECK(all.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(all.ends_with("\r\n\r\n"));
}

TEST_CASE("http server: refuses what it cannot or will not read, and closes", "[net][server]") {
  struct Row {
    const char* name;
    std::string bytes;
    int status;
  };
  const Row row = GENERATE(values<Row>({
      {"no HTTP at all", "hello\r\n\r\n", 400},
      {"a control character in a name", "GET / HTTP/1.1\r\nHo\x01st: h\r\n\r\n", 400},
      {"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400},
      {"a length and chunks", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a bad chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"a body announced too big", "POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413},
      {"chunks too big", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'a'), 413},
      {"headers too big", "GET / HTTP/1.1\r\nX: " + std::string(2000, 'a') + "\r\n\r\n", 431},
  }));
  CAPTURE(row.name);
  bool called = false;
  {
    Served served({.body_bytes_max = 100, .headers_bytes_max = 1000}, [&](const ServerRequest& request) {
      called = true;
      return echo(request);
    });
    TcpProbe tcp(served.port());
    CHECK(ask(tcp, row.bytes).status == row.status);
    while (!tcp.ended()) CHECK(tcp.read(5000).empty());
  }
  CHECK_FALSE(called);
}

TEST_CASE("http server: a delay is kept, and what is pipelined waits its turn", "[net][server]") {
  Served served({}, [](const ServerRequest& request) {
    FaultAction action = echo(request);
    if (request.target == "/slow") action.delay = milliseconds(60);
    return action;
  });
  TcpProbe tcp(served.port());
  const auto start = std::chrono::steady_clock::now();
  tcp.write("GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string all;
  while (!tcp.ended()) all += tcp.read(5000);
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(60));
  CHECK(all.find("/slow") < all.find("/next"));
  CHECK(all.find("/next") != std::string::npos);
}

TEST_CASE("http server: a peer that only listens any more gets its answer", "[net][server]") {
  Served served({}, echo);
  TcpProbe tcp(served.port());
  tcp.write("GET /half HTTP/1.1\r\nHost: h\r\n\r\n");
  tcp.finish();
  CHECK(probe::read_http1([&] { return tcp.read(5000); }).body == "GET /half h ");
  CHECK(tcp.read(5000).empty());
  CHECK(tcp.ended());
}

TEST_CASE("http server: drop closes without a byte", "[net][server]") {
  Served served({}, [](const ServerRequest&) { return FaultAction{.drop = true}; });
  TcpProbe tcp(served.port());
  CHECK(ask(tcp, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 0);
  CHECK(tcp.ended());
}

TEST_CASE("http server: idle connections end, and one too many does not begin", "[net][server]") {
  Served served({.connections_max = 1, .idle_timeout = milliseconds(100)}, echo);
  TcpProbe first(served.port());
  CHECK(ask(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
  TcpProbe second(served.port());
  CHECK(second.read(5000).empty());
  CHECK(second.ended());
  CHECK(first.read(5000).empty());
  CHECK(first.ended());
}

TEST_CASE("http server: a taken port and a bad host are errors", "[net][server]") {
  boost::asio::io_context loop;
  auto first = HttpServer::start(loop, {}, with_faults(echo));
  REQUIRE(first.has_value());
  const auto second = HttpServer::start(loop, {.port = (*first)->port()}, with_faults(echo));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::Io);
  CHECK_FALSE(HttpServer::start(loop, {.host = "256.0.0.1"}, with_faults(echo)).has_value());
}

}  // namespace
}  // namespace nightpost::server
