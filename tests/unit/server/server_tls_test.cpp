// The TLS server: HTTP/2 and HTTP/1.1 by ALPN, every field of FaultAction, met by a stranger on a real socket.
#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "server/fault_injection.h"
#include "server/http_server.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::server {
namespace {

using probe::H2Probe;
using probe::Headers;
using probe::Reply;

constexpr std::uint16_t kMaxStreams = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;

class Served {
 public:
  explicit Served(FaultHandler handler, ServerOptions options = {}, ServerTls tls = {})
      : identity_(probe::server_identity()) {
    tls.certificate_pem = identity_.certificate_pem;
    tls.private_key_pem = identity_.private_key_pem;
    auto started = TlsServer::start(loop_, std::move(options), std::move(tls), with_faults(std::move(handler)));
    REQUIRE(started.has_value());
    server_ = std::move(*started);
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Served() {
    boost::asio::post(loop_, [this] { server_.reset(); });
    thread_.join();
  }
  std::uint16_t port() const { return server_->port(); }
  const std::string& ca() const { return identity_.certificate_pem; }
  void on_all(FaultAction action) {
    boost::asio::post(loop_, [this, action = std::move(action)] { inject_on_all(*server_, action); });
  }

 private:
  boost::asio::io_context loop_;
  probe::Identity identity_;
  std::unique_ptr<TlsServer> server_;
  std::jthread thread_;
};

ServerResponse text(std::string body) { return {.status = 200, .headers = {}, .body = std::move(body)}; }
FaultAction echo(const ServerRequest& request) {
  return {.respond = text(request.method + " " + request.target + " " + request.body)};
}
/// Streams without end until the test ends.
ServerTls many() { return {.streams_max_first = 10'000}; }

TEST_CASE("tls server: HTTP/2 requests arrive whole", "[net][server]") {
  std::mutex mutex;
  std::vector<ServerRequest> seen;
  Served served([&](const ServerRequest& request) {
    const std::scoped_lock lock(mutex);
    seen.push_back(request);
    return FaultAction{.respond = ServerResponse{.status = 418, .headers = {{"apns-id", "x"}}, .body = "short"}};
  });
  H2Probe client(served.port(), served.ca());
  const auto id = client.open("POST", "/3/device/ab?c", {{"apns-topic", "t"}, {"twice", "1"}, {"twice", "2"}}, "body");
  const Reply reply = client.wait(id);
  CHECK(reply.status == 418);
  CHECK(reply.header("apns-id") == "x");
  CHECK(reply.header("content-length") == "5");
  CHECK(reply.body == "short");
  const std::scoped_lock lock(mutex);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].http2);
  CHECK(seen[0].stream == id);
  CHECK(seen[0].connection > 0);
  CHECK(seen[0].method == "POST");
  CHECK(seen[0].target == "/3/device/ab?c");
  CHECK(seen[0].authority == "localhost");
  CHECK(seen[0].body == "body");
  CHECK(seen[0].headers == Headers{{"apns-topic", "t"}, {"twice", "1"}, {"twice", "2"}});
  CHECK(seen[0].peer_certificate_pem.empty());
}

TEST_CASE("tls server: HTTP/1.1 by ALPN and without ALPN, same handler", "[net][server]") {
  Served served([](const ServerRequest& request) {
    return FaultAction{.respond = text(request.http2 ? "h2" : "h1 " + request.target + " " + request.body)};
  });
  CHECK(probe::https(served.port(), served.ca(), "PUT", "/_x", "abc").body == "h1 /_x abc");
  probe::TlsProbe bare(served.port(), served.ca(), "");
  CHECK(bare.alpn().empty());
  bare.write("GET /y HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(probe::read_http1([&] { return bare.read(5000); }).body == "h1 /y ");
  CHECK_THROWS(probe::TlsProbe(served.port(), served.ca(), "spdy/3"));
}

TEST_CASE("tls server: thousands of streams on one connection", "[net][server]") {
  Served served(echo, {}, many());
  H2Probe client(served.port(), served.ca());
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 3000; ++i) ids.push_back(client.open("POST", "/n/" + std::to_string(i), {}, "b"));
  for (std::size_t i = 0; i < ids.size(); ++i)
    REQUIRE(client.wait(ids[i]).body == "POST /n/" + std::to_string(i) + " b");
}

TEST_CASE("tls server: streams beyond the limit are refused, before and after its acknowledgement", "[net][server]") {
  std::atomic<int> calls = 0;
  Served served([&](const ServerRequest& request) {
    ++calls;
    if (request.target == "/raise") return FaultAction{.respond = text("ok"), .settings = {{kMaxStreams, 3}}};
    return FaultAction{};  // hang
  });
  H2Probe client(served.port(), served.ca());
  client.until([&] { return !client.settings.empty(); });
  CHECK(client.settings[0] == std::pair<std::int32_t, std::uint32_t>(kMaxStreams, 1));

  CHECK(client.wait(client.open("GET", "/raise", {}, "")).body == "ok");
  CHECK(client.settings.back() == std::pair<std::int32_t, std::uint32_t>(kMaxStreams, 3));
  client.settings.clear();
  std::vector<std::int32_t> hung;
  for (int i = 0; i < 3; ++i) hung.push_back(client.open("GET", "/hang", {}, ""));
  client.until([&] { return calls == 4; });
  // nghttp2 as a client holds back what is beyond the limit, so a client that does not is needed.
  for (const auto id : hung) CHECK_FALSE(client.reply(id).ended);
  CHECK(client.goaways.empty());
}

/// Frames by hand (RFC 9113 §4.1), for what nghttp2 as a client would not do.
std::string frame(char type, char flags, char stream, const std::string& payload) {
  return std::string{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream} + payload;
}

TEST_CASE("tls server: a client that ignores the limit keeps its connection", "[net][server]") {
  const bool acknowledged = GENERATE(false, true);
  CAPTURE(acknowledged);
  Served served([](const ServerRequest&) { return FaultAction{}; });
  probe::TlsProbe client(served.port(), served.ca(), "h2");
  client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""));
  if (acknowledged) client.write(frame(4, 1, 0, ""));
  // :method GET, :scheme https, :path /, :authority "h" without indexing (RFC 7541 appendix A)
  const std::string headers("\x82\x87\x84\x01\x01h", 6);
  client.write(frame(1, 5, 1, headers) + frame(1, 5, 3, headers) + frame(6, 0, 0, "pingpong"));
  const std::string refused = frame(3, 0, 3, std::string("\0\0\0\x07", 4));
  const std::string pong = frame(6, 1, 0, "pingpong");
  std::string heard;
  while (heard.find(pong) == std::string::npos || heard.find(refused) == std::string::npos) {
    const std::string bytes = client.read(5000);
    REQUIRE_FALSE(bytes.empty());
    heard += bytes;
  }
  CHECK(heard.find(frame(3, 0, 1, std::string("\0\0\0\x07", 4))) == std::string::npos);
  client.write(frame(6, 0, 0, "stillon?"));
  heard.clear();
  while (heard.find(frame(6, 1, 0, "stillon?")) == std::string::npos) {
    const std::string bytes = client.read(5000);
    REQUIRE_FALSE(bytes.empty());
    heard += bytes;
  }
}

TEST_CASE("tls server: reset and hang", "[net][server]") {
  Served served(
      [](const ServerRequest& request) {
        if (request.target == "/reset") return FaultAction{.respond = text("no"), .reset = NGHTTP2_CANCEL};
        if (request.target == "/hang") return FaultAction{};
        return echo(request);
      },
      {}, many());
  H2Probe client(served.port(), served.ca());
  const auto hung = client.open("POST", "/hang", {}, "x");
  const auto reset = client.open("POST", "/reset", {}, "x");
  CHECK(client.wait(reset).reset == NGHTTP2_CANCEL);
  CHECK(client.reply(reset).status == 0);
  CHECK(client.wait(client.open("POST", "/a", {}, "x")).status == 200);
  CHECK(client.reply(hung).status == 0);
  CHECK_FALSE(client.reply(hung).reset.has_value());
}

TEST_CASE("tls server: GOAWAY comes after the answer, with its words and last stream", "[net][server]") {
  struct Row {
    const char* name;
    std::optional<std::int32_t> asked;
    std::int32_t want;
  };
  const Row row = GENERATE(values<Row>(
      {{"the highest seen", std::nullopt, 3}, {"a lower one", 1, 1}, {"an even one", 2, 1}, {"none at all", 0, 0}}));
  CAPTURE(row.name);
  Served served(
      [&](const ServerRequest& request) {
        if (request.stream == 1) return FaultAction{};
        return FaultAction{
            .respond = text("answer"),
            .goaway = ServerGoaway{.code = 2, .debug = "{\"reason\":\"Shutdown\"}", .last_stream = row.asked}};
      },
      {}, many());
  H2Probe client(served.port(), served.ca());
  client.open("POST", "/hang", {}, "x");
  const auto id = client.open("POST", "/a", {}, "x");
  client.until([&] { return !client.goaways.empty(); });
  CHECK(client.reply(id).body == "answer");
  REQUIRE(client.goaways.size() == 1);
  CHECK(client.goaways[0].code == 2);
  CHECK(client.goaways[0].last_stream == row.want);
  CHECK(client.goaways[0].debug == "{\"reason\":\"Shutdown\"}");
}

TEST_CASE("tls server: after a GOAWAY the connection ends once its streams have", "[net][server]") {
  Served served([](const ServerRequest& request) {
    FaultAction action = echo(request);
    action.goaway = ServerGoaway{};
    return action;
  });
  H2Probe client(served.port(), served.ca());
  CHECK(client.wait(client.open("POST", "/a", {}, "x")).status == 200);
  CHECK(client.until([&] { return client.closed(); }));
}

TEST_CASE("tls server: SETTINGS come before the answer", "[net][server]") {
  Served served([](const ServerRequest& request) {
    FaultAction action = echo(request);
    action.settings = {{kMaxStreams, 77}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1234}};
    return action;
  });
  H2Probe client(served.port(), served.ca());
  client.until([&] { return !client.settings.empty(); });
  client.settings.clear();
  const auto id = client.open("POST", "/a", {}, "x");
  client.until([&] { return client.reply(id).status != 0; });
  CHECK(client.settings == std::vector<std::pair<std::int32_t, std::uint32_t>>{
                               {kMaxStreams, 77}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1234}});
}

TEST_CASE("tls server: a delay holds back its stream only", "[net][server]") {
  Served served(
      [](const ServerRequest& request) {
        FaultAction action = echo(request);
        if (request.target == "/late") action.delay = milliseconds(80);
        if (request.target == "/later") action.delay = milliseconds(120);
        return action;
      },
      {}, many());
  H2Probe client(served.port(), served.ca());
  const auto start = std::chrono::steady_clock::now();
  const auto later = client.open("POST", "/later", {}, "x");
  const auto late = client.open("POST", "/late", {}, "x");
  CHECK(client.wait(client.open("POST", "/now", {}, "x")).status == 200);
  CHECK_FALSE(client.reply(late).ended);
  CHECK(client.wait(late).status == 200);
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(80));
  CHECK_FALSE(client.reply(later).ended);
  CHECK(client.wait(later).status == 200);
}

TEST_CASE("tls server: drop closes the connection without another byte", "[net][server]") {
  Served served(
      [](const ServerRequest& request) {
        if (request.target == "/drop") return FaultAction{.respond = text("x"), .drop = true};
        return FaultAction{.respond = text("late"), .delay = milliseconds(20)};
      },
      {}, many());
  H2Probe client(served.port(), served.ca());
  const auto other = client.open("POST", "/a", {}, "x");
  const auto id = client.open("POST", "/drop", {}, "x");
  CHECK(client.until([&] { return client.closed(); }));
  CHECK(client.reply(id).status == 0);
  CHECK(client.reply(other).status == 0);
  CHECK(client.goaways.empty());
}

TEST_CASE("tls server: a body beyond the limit is answered 413 and stopped", "[net][server]") {
  std::atomic<int> calls = 0;
  Served served(
      [&](const ServerRequest& request) {
        ++calls;
        return echo(request);
      },
      {.body_bytes_max = 1000}, many());
  H2Probe client(served.port(), served.ca());
  CHECK(client.wait(client.open("POST", "/big", {}, std::string(100'000, 'a'))).status == 413);
  CHECK(calls == 0);
  CHECK(client.wait(client.open("POST", "/fits", {}, std::string(1000, 'a'))).status == 200);
}

TEST_CASE("tls server: headers beyond the limit are answered 431, and the connection lives", "[net][server]") {
  Served served(echo, {.headers_bytes_max = 2000}, many());
  H2Probe client(served.port(), served.ca());
  CHECK(client.wait(client.open("POST", "/big", {{"x", std::string(3000, 'a')}}, "b")).status == 431);
  CHECK(client.wait(client.open("POST", "/fits", {}, "b")).status == 200);
}

TEST_CASE("tls server: the client's certificate reaches the handler", "[net][server]") {
  std::mutex mutex;
  std::string seen;
  Served served(
      [&](const ServerRequest& request) {
        const std::scoped_lock lock(mutex);
        seen = request.peer_certificate_pem;
        return echo(request);
      },
      {}, {.ask_client_certificate = true});
  const probe::Identity mine = probe::client_identity({.uid = "com.example"});
  H2Probe client(served.port(), served.ca(), &mine);
  CHECK(client.wait(client.open("POST", "/a", {}, "b")).status == 200);
  {
    const std::scoped_lock lock(mutex);
    CHECK(seen == mine.certificate_pem);
  }
  H2Probe nobody(served.port(), served.ca());
  CHECK(nobody.wait(nobody.open("POST", "/a", {}, "b")).status == 200);
  const std::scoped_lock lock(mutex);
  CHECK(seen.empty());
}

TEST_CASE("tls server: acts on all connections from outside a request", "[net][server]") {
  Served served(echo);
  H2Probe one(served.port(), served.ca());
  H2Probe two(served.port(), served.ca());
  REQUIRE(one.wait(one.open("GET", "/", {}, "")).status == 200);
  REQUIRE(two.wait(two.open("GET", "/", {}, "")).status == 200);
  served.on_all({.settings = {{kMaxStreams, 9}}});
  const std::pair<std::int32_t, std::uint32_t> want(kMaxStreams, 9);
  CHECK(one.until([&] { return one.settings.back() == want; }));
  CHECK(two.until([&] { return two.settings.back() == want; }));
  served.on_all({.goaway = ServerGoaway{.debug = "bye"}});
  CHECK(one.until([&] { return one.closed(); }));
  CHECK(one.goaways.at(0).debug == "bye");
  CHECK(two.until([&] { return two.closed(); }));

  H2Probe three(served.port(), served.ca());
  REQUIRE(three.wait(three.open("GET", "/", {}, "")).status == 200);
  served.on_all({.drop = true});
  CHECK(three.until([&] { return three.closed(); }));
  CHECK(three.goaways.empty());
}

TEST_CASE("tls server: idle connections end with a GOAWAY, and their end is told", "[net][server]") {
  std::promise<std::uint64_t> ended;
  std::atomic<std::uint64_t> asked = 0;
  Served served(
      [&](const ServerRequest& request) {
        asked = request.connection;
        return echo(request);
      },
      {.idle_timeout = milliseconds(100), .closed = [&](std::uint64_t id) { ended.set_value(id); }});
  {
    H2Probe client(served.port(), served.ca());
    CHECK(client.wait(client.open("GET", "/", {}, "")).status == 200);
    CHECK(client.until([&] { return client.closed(); }));
    CHECK(client.goaways.size() == 1);
  }
  auto told = ended.get_future();
  REQUIRE(told.wait_for(std::chrono::seconds(5)) == std::future_status::ready);
  CHECK(told.get() == asked);
}

TEST_CASE("tls server: who never finishes the handshake is let go", "[net][server]") {
  Served served(echo, {.handshake_timeout = milliseconds(100)});
  probe::TcpProbe silent(served.port());
  CHECK(silent.read(5000).empty());
  CHECK(silent.ended());
  probe::TcpProbe wrong(served.port());
  wrong.write("GET / HTTP/1.1\r\n\r\n");
  while (!wrong.ended()) wrong.read(5000);
  SUCCEED("closed");
}

TEST_CASE("tls server: bytes that are not HTTP/2 end the connection", "[net][server]") {
  Served served(echo);
  probe::TlsProbe client(served.port(), served.ca(), "h2");
  client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (!client.ended()) client.read(5000);
  SUCCEED("closed");
}

TEST_CASE("tls server: a certificate that is none, or another key, is an error", "[net][server]") {
  boost::asio::io_context loop;
  const probe::Identity one = probe::server_identity();
  const probe::Identity two = probe::server_identity();
  struct Row {
    const char* name;
    std::string certificate, key;
    const char* why;
  };
  const std::string begin = "-----BEGIN CERTIFICATE-----\n";
  for (const Row& row :
       {Row{"no certificate", "", one.private_key_pem, "server certificate cannot be read"},
        Row{"no key", one.certificate_pem, "x", "server key cannot be read"},
        Row{"another key", one.certificate_pem, two.private_key_pem, "server certificate and key"},
        Row{"an encrypted key", one.certificate_pem, probe::encrypted(one.private_key_pem, true), "key is encrypted"},
        Row{"likewise, the older form", one.certificate_pem, probe::encrypted(one.private_key_pem, false),
            "key is encrypted"},
        Row{"a chain that breaks off", one.certificate_pem + begin + "MIIB\n", one.private_key_pem,
            "chain of the server certificate cannot be read"},
        Row{"a chain of rubbish", one.certificate_pem + begin + "AAAA\n-----END CERTIFICATE-----\n",
            one.private_key_pem, "chain of the server certificate cannot be read"}}) {
    CAPTURE(row.name);
    const auto started =
        TlsServer::start(loop, {}, {.certificate_pem = row.certificate, .private_key_pem = row.key}, with_faults(echo));
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::Malformed);
    CHECK(started.error().detail.contains(row.why));
  }
}

}  // namespace
}  // namespace nightpost::server
