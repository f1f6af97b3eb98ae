// HTTP/1.1 Upgrade: who gets one, and what the stream that it gives keeps to.
#include <boost/asio.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "server/fault_injection.h"
#include "server/http1_server_session.h"
#include "server/http_server.h"
#include "server/upgraded_stream.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using probe::TcpProbe;

static_assert(boost::beast::is_async_stream<UpgradedStream>::value);

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

TEST_CASE("upgrade: which requests may leave HTTP/1.1", "[server][upgrade]") {
  struct Row {
    const char* name;
    std::string request;
    const char* why;  // empty: it may
  };
  const Row row = GENERATE(values<Row>({
      {"as a browser asks", kUpgrade, ""},
      {"fields apart, other cases, one of several",
       "GET / HTTP/1.1\r\nConnection: close\r\nconnection: UPGRADE\r\nUpgrade: h2c, foo/1\r\nupgrade: "
       "WebSocket\r\n\r\n",
       ""},
      {"an empty body is none",
       "GET / HTTP/1.1\r\nContent-Length: 0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", ""},
      {"HTTP/1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "HTTP/1.0 has no Upgrade (RFC 9110 §7.8)"},
      {"not GET", "POST / HTTP/1.1\r\nContent-Length: 0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "only a GET is upgraded"},
      {"HEAD", "HEAD / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "only a GET is upgraded"},
      {"with a body", "GET / HTTP/1.1\r\nContent-Length: 1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\na",
       "a request with a body is not upgraded"},
      {"with chunks, if none",
       "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n0\r\n\r\n",
       "a request with a body is not upgraded"},
      {"no Connection", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "no Connection: upgrade"},
      {"another Connection", "GET / HTTP/1.1\r\nConnection: upgraded\r\nUpgrade: websocket\r\n\r\n",
       "no Connection: upgrade"},
      {"no Upgrade", "GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n", "the client does not offer websocket"},
      {"another protocol", "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket2, web, socket\r\n\r\n",
       "the client does not offer websocket"},
  }));
  CAPTURE(row.name);
  constexpr MonoTime kStart{seconds(1000)};
  Http1ServerSession session({}, kStart);
  const auto output = [&] {
    std::string out;
    session.pull_output(out);
    return out;
  };
  REQUIRE(session.feed(row.request, kStart));
  REQUIRE(session.take_requests().size() == 1);
  const auto behind = session.upgrade(0, "websocket", {{"sec-websocket-accept", "x"}});
  if (std::string_view(row.why).empty()) {
    REQUIRE(behind);
    CHECK(behind->empty());
    CHECK(output() ==
          "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: "
          "x\r\n\r\n");
    CHECK(session.serving());  // nobody closes it for another
    CHECK_FALSE(session.finished());
    CHECK_FALSE(session.deadline().has_value());
    CHECK(session.upgrade(0, "websocket", {}).error().code == Errc::ConnectionLost);
  } else {
    REQUIRE_FALSE(behind);
    CHECK(behind.error().code == Errc::Malformed);
    CHECK(behind.error().detail == row.why);
    CHECK(output().empty());
    session.respond(0, {.status = 426}, kStart);
    CHECK(output().starts_with("HTTP/1.1 426 "));
  }
}

TEST_CASE("upgrade: what came behind the head is handed over, before and after the handler decides",
          "[server][upgrade]") {
  constexpr MonoTime kStart{seconds(1000)};
  Http1ServerSession session({}, kStart);
  REQUIRE(session.feed(kUpgrade + "GET / HT", kStart));
  REQUIRE(session.take_requests().size() == 1);
  REQUIRE(session.feed("TP/1.1\r\n\r\n", kStart));
  CHECK(session.upgrade(0, "websocket", {}) == "GET / HTTP/1.1\r\n\r\n");
  CHECK(session.take_requests().empty());
}

/// Upgrades what asks for /ws and keeps the streams; /later waits for the test. Others are answered.
struct Served {
  explicit Served(ServerOptions options = {}, bool with_tls = false) {
    options.metrics = &metrics;
    const auto handler = [this](const ServerRequest& request, Responder responder) {
      if (request.target == "/later") {
        owed.push_back(std::move(responder));
      } else if (request.target == "/ws") {
        upgrade(std::move(responder));
      } else {
        responder.respond({.body = "plain"});
      }
    };
    if (with_tls) {
      identity = probe::server_identity();
      tls = *TlsServer::start(loop, std::move(options),
                              {.certificate_pem = identity.certificate_pem,
                               .private_key_pem = identity.private_key_pem,
                               .streams_max_first = 10},
                              handler);
    } else {
      plain = *HttpServer::start(loop, std::move(options), handler);
    }
    thread = std::jthread([this] { loop.run(); });
  }
  ~Served() {
    run([this] {
      plain.reset();
      tls.reset();
      owed.clear();
      streams.clear();
    });
    work.reset();
    thread.join();
  }
  void upgrade(Responder responder) {
    auto stream = responder.upgrade("websocket", {});
    if (stream) {
      streams.push_back(*std::move(stream));
    } else {
      refused = stream.error();
      responder.respond({.status = 426});
    }
  }
  std::uint16_t port() const { return plain ? plain->port() : tls->port(); }
  void run(const std::function<void()>& what) {
    std::promise<void> done;
    asio::post(loop, [&] {
      what();
      done.set_value();
    });
    done.get_future().get();
  }
  void wait_for_streams(std::size_t count) {
    for (std::size_t here = 0; here < count; std::this_thread::yield()) run([&] { here = streams.size(); });
  }
  /// One read of the i-th stream.
  std::future<std::pair<error_code, std::string>> read(std::size_t i, std::size_t room = 65'536) {
    auto told = std::make_shared<std::promise<std::pair<error_code, std::string>>>();
    run([&] {
      auto to = std::make_shared<std::string>(room, '\0');
      streams.at(i).async_read_some(asio::buffer(*to), [told, to](error_code error, std::size_t count) {
        told->set_value({error, to->substr(0, count)});
      });
    });
    return told->get_future();
  }
  std::future<std::pair<error_code, std::size_t>> write(std::size_t i, const std::string& text) {
    auto told = std::make_shared<std::promise<std::pair<error_code, std::size_t>>>();
    run([&] {
      auto kept = std::make_shared<std::string>(text);
      asio::async_write(streams.at(i), asio::buffer(*kept), [told, kept](error_code error, std::size_t count) {
        told->set_value(std::pair(error, count));
      });
    });
    return told->get_future();
  }

  ServerMetrics metrics;
  std::vector<UpgradedStream> streams;  // on the loop
  std::vector<Responder> owed;          // likewise
  std::optional<Error> refused;
  asio::io_context loop;
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(loop);
  probe::Identity identity;
  std::unique_ptr<HttpServer> plain;
  std::unique_ptr<TlsServer> tls;
  std::jthread thread;
};

/// A client over TLS or plain.
struct Client {
  Client(const Served& served, bool with_tls) {
    if (with_tls) {
      tls.emplace(served.port(), served.identity.certificate_pem, "http/1.1");
    } else {
      plain.emplace(served.port());
    }
  }
  void write(std::string_view bytes) { tls ? tls->write(bytes) : plain->write(bytes); }
  std::string read() { return tls ? tls->read(5000) : plain->read(5000); }
  bool ended() const { return tls ? tls->ended() : plain->ended(); }
  std::string read(std::size_t size) {
    std::string all;
    while (all.size() < size && !ended()) all += read();
    return all;
  }
  std::string read_head() {
    std::string all;
    while (!all.contains("\r\n\r\n") && !ended()) all += read();
    return all;
  }
  std::optional<probe::TlsProbe> tls;
  std::optional<TcpProbe> plain;
};

const std::string kSwitched = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";

TEST_CASE("upgrade: bytes go both ways, those behind the head first", "[server][upgrade]") {
  const bool with_tls = GENERATE(false, true);
  CAPTURE(with_tls);
  Served served({}, with_tls);
  Client client(served, with_tls);
  client.write(kUpgrade + "early");
  CHECK(client.read_head() == kSwitched);
  served.wait_for_streams(1);
  CHECK(served.read(0, 3).get().second == "ear");
  CHECK(served.read(0).get().second == "ly");
  auto waiting = served.read(0);
  client.write("late");
  CHECK(waiting.get().second == "late");

  const std::string much(3'000'000, 'm');
  auto written = served.write(0, much);
  CHECK(client.read(much.size()) == much);
  CHECK(written.get() == std::pair(error_code{}, much.size()));

  std::jthread sender([&] { client.write(much); });
  std::size_t got = 0;
  while (got < much.size()) {
    const auto [error, text] = served.read(0).get();
    REQUIRE_FALSE(error);
    got += text.size();
  }
  CHECK(got == much.size());
}

TEST_CASE("upgrade: the handler may decide later, or refuse", "[server][upgrade]") {
  Served served;
  TcpProbe later(served.port());
  std::string request = kUpgrade;
  request.replace(request.find("/ws"), 3, "/later");
  later.write(request);
  for (bool here = false; !here;) served.run([&] { here = !served.owed.empty(); });
  later.write("between");
  SECTION("101") {
    served.run([&] { served.upgrade(std::move(served.owed.back())); });
    CHECK(served.read(0).get().second == "between");
    CHECK(later.read(5000) == kSwitched);
  }
  SECTION("an ordinary answer, and the connection lives") {
    TcpProbe other(served.port());
    other.write(request);
    for (std::size_t here = 0; here < 2;) served.run([&] { here = served.owed.size(); });
    served.run([&] { served.owed.back().respond({.status = 403}); });
    CHECK(probe::read_http1([&] { return other.read(5000); }).status == 403);
    other.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(probe::read_http1([&] { return other.read(5000); }).body == "plain");
  }
  SECTION("nobody is there any more") {
    served.run([&] { served.plain.reset(); });
    served.run([&] { served.upgrade(std::move(served.owed.back())); });
    CHECK(served.refused->code == Errc::ConnectionLost);
  }
}

TEST_CASE("upgrade: what the handler does at once comes behind the 101, and that behind the answers before",
          "[server][upgrade]") {
  asio::io_context loop;
  std::optional<UpgradedStream> kept;
  static const std::string kWords = "at once";
  const auto server = *HttpServer::start(loop, {}, [&](const ServerRequest& request, Responder responder) {
    if (request.target == "/plain") return responder.respond({.body = "plain"});
    auto stream = responder.upgrade("websocket", {});
    REQUIRE(stream);
    stream->async_write_some(asio::buffer(kWords), [](error_code, std::size_t) {});
    if (request.target == "/ws") kept.emplace(*std::move(stream));  // else it ends with the handler
  });
  const bool dropped = GENERATE(false, true);
  CAPTURE(dropped);
  std::string request = kUpgrade;
  if (dropped) request.replace(request.find("/ws"), 3, "/drop");
  std::string all;
  bool ended = false;
  std::thread client([&] {
    TcpProbe tcp(server->port());
    tcp.write("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n" + request);
    while (!tcp.ended() && !all.ends_with(kWords)) all += tcp.read(5000);
    if (dropped) ended = tcp.read(5000).empty() && tcp.ended();
    asio::post(loop, [&] { loop.stop(); });
  });
  loop.run();
  client.join();
  kept.reset();
  CHECK(ended == dropped);
  CHECK(all == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain" + kSwitched + kWords);
}

TEST_CASE("upgrade: HTTP/2 has none, and the handler still answers", "[server][upgrade]") {
  Served served({}, true);
  probe::H2Probe client(served.port(), served.identity.certificate_pem);
  CHECK(client.wait(client.open("GET", "/ws", {}, "")).status == 426);
  served.run([] {});  // what the loop wrote is ours to read
  CHECK(served.refused->code == Errc::Malformed);
  CHECK(served.refused->detail.contains("HTTP/2"));
}

TEST_CASE("upgrade: a peer that closed its half still hears", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade + "last");
  served.wait_for_streams(1);
  client.finish();
  CHECK(served.read(0).get().second == "last");
  CHECK(served.read(0).get().first == asio::error::eof);
  CHECK(served.read(0).get().first == asio::error::eof);
  CHECK(served.write(0, "goodbye").get().second == 7);
  served.run([&] { served.streams.clear(); });
  std::string all;
  while (!client.ended()) all += client.read(5000);
  CHECK(all == kSwitched + "goodbye");
}

TEST_CASE("upgrade: over TLS a half is closed by close_notify alone", "[server][upgrade]") {
  Served served({}, true);
  std::optional<Client> client(std::in_place, served, true);
  client->write(kUpgrade);
  CHECK(client->read_head() == kSwitched);
  auto waiting = served.read(0);
  client.reset();  // TCP's end alone
  CHECK(waiting.get().first == asio::error::connection_reset);
  CHECK(served.read(0).get().first == asio::error::not_connected);
  CHECK(served.write(0, "x").get().first == asio::error::not_connected);
}

TEST_CASE("upgrade: the stream's end is the connection's, after what was written", "[server][upgrade]") {
  const bool with_tls = GENERATE(false, true);
  CAPTURE(with_tls);
  Served served({}, with_tls);
  Client client(served, with_tls);
  client.write(kUpgrade);
  CHECK(client.read_head() == kSwitched);
  served.wait_for_streams(1);
  auto reading = served.read(0);
  std::promise<error_code> wrote;
  served.run([&] {
    static const std::string kWords = "the last words";
    served.streams[0].async_write_some(asio::buffer(kWords),
                                       [&](error_code error, std::size_t) { wrote.set_value(error); });
    served.streams.clear();
  });
  CHECK(reading.get().first == asio::error::operation_aborted);
  wrote.get_future().get();
  CHECK(client.read(14) == "the last words");
  while (!client.ended()) CHECK(client.read().empty());
}

TEST_CASE("upgrade: the server's end ends the waits", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  served.wait_for_streams(1);
  auto reading = served.read(0);
  auto writing = served.write(0, std::string(50'000'000, 'a'));  // more than the peer's socket takes
  served.run([&] { served.plain.reset(); });
  CHECK(reading.get().first == asio::error::operation_aborted);
  CHECK(writing.get().first);
  bool open = true;
  served.run([&] { open = served.streams[0].is_open(); });
  CHECK_FALSE(open);
  CHECK(served.read(0).get().first == asio::error::not_connected);
  while (!client.ended()) client.read(5000);
}

TEST_CASE("upgrade: one read and one write at a time", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  served.wait_for_streams(1);
  auto first = served.read(0);
  CHECK(served.read(0).get().first == asio::error::already_started);
  CHECK(served.write(0, "").get() == std::pair(error_code{}, std::size_t{0}));
  auto writing = served.write(0, std::string(50'000'000, 'a'));
  while (!served.write(0, "").get().first) {  // until the kernel takes no more
  }
  CHECK(served.write(0, "x").get().first == asio::error::already_started);
  client.write("one");
  CHECK(first.get().second == "one");
}

TEST_CASE("upgrade: a cancelled read takes nothing", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  served.wait_for_streams(1);
  std::promise<error_code> told;
  asio::cancellation_signal signal;
  std::string room(10, '\0');
  served.run([&] {
    served.streams[0].async_read_some(
        asio::buffer(room),
        asio::bind_cancellation_slot(signal.slot(), [&](error_code error, std::size_t) { told.set_value(error); }));
  });
  served.run([&] { signal.emit(asio::cancellation_type::total); });
  CHECK(told.get_future().get() == asio::error::operation_aborted);
  client.write("kept");
  CHECK(served.read(0).get().second == "kept");
  served.run([&] { signal.emit(asio::cancellation_type::total); });  // of a read that is over
}

TEST_CASE("upgrade: a write heeds a terminal cancellation alone", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  served.wait_for_streams(1);
  CHECK(client.read(5000) == kSwitched);
  std::promise<error_code> told;
  asio::cancellation_signal signal;
  const std::string much(64'000'000, 'm');  // more than the kernel takes while nobody reads
  served.run([&] {
    asio::async_write(
        served.streams[0], asio::buffer(much),
        asio::bind_cancellation_slot(signal.slot(), [&](error_code error, std::size_t) { told.set_value(error); }));
  });
  auto over = told.get_future();
  for (int i = 0; i < 10'000; ++i) served.run([] {});
  served.run([&] { signal.emit(asio::cancellation_type::total); });
  for (int i = 0; i < 100; ++i) served.run([] {});
  CHECK(over.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  served.run([&] { signal.emit(asio::cancellation_type::terminal); });
  CHECK(over.get() == asio::error::operation_aborted);
}

TEST_CASE("upgrade: a stream that is assigned to ends what it had", "[server][upgrade]") {
  Served served;
  Client first(served, false), second(served, false);
  first.write(kUpgrade);
  CHECK(first.read_head() == kSwitched);
  served.wait_for_streams(1);
  second.write(kUpgrade);
  CHECK(second.read_head() == kSwitched);
  served.wait_for_streams(2);
  served.run([&] { served.streams[0] = std::move(served.streams[1]); });
  while (!first.ended()) first.read();
  second.write("on");
  CHECK(served.read(0).get().second == "on");
  CHECK(served.read(1).get().first == asio::error::not_connected);
}

asio::awaitable<std::string> echo_once(UpgradedStream& stream) {
  std::string text(100, '\0');
  text.resize(co_await stream.async_read_some(asio::buffer(text), asio::use_awaitable));
  co_await asio::async_write(stream, asio::buffer(text), asio::use_awaitable);
  co_return text;
}

TEST_CASE("upgrade: a coroutine reads and writes it", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  CHECK(client.read(5000) == kSwitched);
  served.wait_for_streams(1);
  auto echoed = asio::co_spawn(served.loop, echo_once(served.streams[0]), asio::use_future);
  client.write("hello");
  CHECK(client.read(5000) == "hello");
  CHECK(echoed.get() == "hello");
}

TEST_CASE("upgrade: it keeps its slot, and nobody's new connection closes it", "[server][upgrade]") {
  Served served({.connections_max = 3, .connections_per_address_max = 2});
  std::deque<TcpProbe> greedy;
  for (int i = 0; i < 2; ++i) {
    greedy.emplace_back(served.port(), "127.0.0.7").write(kUpgrade);
    REQUIRE(greedy.back().read(5000) == kSwitched);
  }
  TcpProbe third(served.port(), "127.0.0.7");
  CHECK(third.read(5000).empty());
  CHECK(third.ended());
  CHECK(served.metrics.refusals[std::size_t(ServerRefusal::AddressFull)].read() == 1);
  TcpProbe other(served.port(), "127.0.0.8");
  other.write(kUpgrade);
  CHECK(other.read(5000) == kSwitched);
  TcpProbe full(served.port(), "127.0.0.9");
  CHECK(full.read(5000).empty());
  CHECK(served.metrics.refusals[std::size_t(ServerRefusal::Full)].read() == 1);
  CHECK(served.metrics.connections.read() == 3);

  served.run([&] { served.streams.erase(served.streams.begin()); });  // gives its slot back once the peer is gone too
  while (!greedy[0].ended()) greedy[0].read(5000);
  greedy.pop_front();
  while (served.metrics.connections.read() == 3) std::this_thread::yield();
  TcpProbe next(served.port(), "127.0.0.7");
  next.write(kUpgrade);
  CHECK(next.read(5000) == kSwitched);
}

TEST_CASE("upgrade: silence and a peer that does not read end it", "[server][upgrade]") {
  SECTION("silence") {
    Served served({.idle_timeout = milliseconds(40)});
    TcpProbe client(served.port());
    client.write(kUpgrade);
    served.wait_for_streams(1);
    CHECK(served.read(0).get().first == asio::error::timed_out);
    CHECK(served.metrics.refusals[std::size_t(ServerRefusal::IdleTimeout)].read() == 1);
    while (!client.ended()) client.read(5000);
  }
  SECTION("no reader") {
    Served served({.write_timeout = milliseconds(40)});
    TcpProbe client(served.port());
    client.write(kUpgrade);
    served.wait_for_streams(1);
    CHECK(served.write(0, std::string(50'000'000, 'a')).get().first == asio::error::timed_out);
    CHECK(served.metrics.refusals[std::size_t(ServerRefusal::WriteTimeout)].read() == 1);
  }
}

TEST_CASE("upgrade: a slow reader holds up the peer, not our memory", "[server][upgrade]") {
  Served served;
  TcpProbe client(served.port());
  client.write(kUpgrade);
  served.wait_for_streams(1);
  CHECK(client.read(5000) == kSwitched);
  constexpr std::size_t kMuch = 64'000'000;
  std::atomic<bool> sent = false;
  std::jthread sender([&] {
    client.write(std::string(kMuch, 'a'));  // blocks while nobody reads
    sent = true;
  });
  CHECK(served.read(0, 1).get().second == "a");
  for (int i = 0; i < 10'000; ++i) served.run([] {});  // turns enough to read all of it
  CHECK_FALSE(sent);
  std::size_t got = 1;
  while (got < kMuch) got += served.read(0).get().second.size();
  CHECK(got == kMuch);
}

TEST_CASE("upgrade: the server's GOAWAY ends an upgraded connection too", "[server][upgrade]") {
  Served served({}, true);
  Client client(served, true);
  client.write(kUpgrade);
  CHECK(client.read_head() == kSwitched);
  served.wait_for_streams(1);
  auto reading = served.read(0);
  served.run([&] { inject_on_all(*served.tls, {.goaway = ServerGoaway{}}); });
  CHECK(reading.get().first == asio::error::operation_aborted);
  while (!client.ended()) client.read();
}

}  // namespace
}  // namespace nightpost::server
