// Answers that come later, from elsewhere, or never.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <typeinfo>

#include "server/http_server.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::server {
namespace {

using probe::TcpProbe;

/// Keeps every request's responder until the test says what becomes of it.
struct Served {
  explicit Served(bool with_tls = false) {
    const auto keep = [this](const ServerRequest& request, Responder responder) {
      owed.emplace(request.target, std::move(responder));
    };
    if (with_tls) {
      identity = probe::server_identity();
      tls = *TlsServer::start(loop, {},
                              {.certificate_pem = identity.certificate_pem,
                               .private_key_pem = identity.private_key_pem,
                               .streams_max_first = 100},
                              keep);
    } else {
      plain = *HttpServer::start(loop, {}, keep);
    }
    thread = std::jthread([this] { loop.run(); });
  }
  ~Served() {
    run([this] {
      plain.reset();
      tls.reset();
      owed.clear();
    });
    work.reset();
    thread.join();
  }
  std::uint16_t port() const { return plain ? plain->port() : tls->port(); }
  void wait_for(std::size_t count) {
    for (std::size_t here = 0; here < count;) {
      std::promise<std::size_t> size;
      boost::asio::post(loop, [&] { size.set_value(owed.size()); });
      here = size.get_future().get();
    }
  }
  void run(std::function<void()> what) {
    std::promise<void> done;
    boost::asio::post(loop, [&] {
      what();
      done.set_value();
    });
    done.get_future().get();
  }
  void answer(const std::string& target) {
    run([&] { owed.at(target).respond({.body = "late " + target}); });
  }

  std::map<std::string, Responder> owed;  // on the loop
  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work = boost::asio::make_work_guard(loop);
  probe::Identity identity;
  std::unique_ptr<HttpServer> plain;
  std::unique_ptr<TlsServer> tls;
  std::jthread thread;
};

std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"; }
probe::Reply read(TcpProbe& tcp) {
  return probe::read_http1([&] { return tcp.read(5000); });
}

TEST_CASE("async handler: an answer comes later, and what is pipelined waits for it", "[server][async]") {
  Served served;
  TcpProbe tcp(served.port());
  tcp.write(get("/1") + get("/2"));
  served.wait_for(1);
  served.run([&] { CHECK(served.owed.size() == 1); });
  served.answer("/1");
  CHECK(read(tcp).body == "late /1");
  served.wait_for(2);
  served.answer("/2");
  CHECK(read(tcp).body == "late /2");
}

TEST_CASE("async handler: streams are answered in any order", "[server][async]") {
  Served served(true);
  probe::H2Probe client(served.port(), served.identity.certificate_pem);
  const auto one = client.open("GET", "/1", {}, "");
  const auto two = client.open("GET", "/2", {}, "");
  client.until([&] { return false; }, 50);
  served.wait_for(2);
  served.answer("/2");
  CHECK(client.wait(two).body == "late /2");
  CHECK_FALSE(client.reply(one).ended);
  served.answer("/1");
  CHECK(client.wait(one).body == "late /1");
}

TEST_CASE("async handler: what is forgotten is answered 500", "[server][async]") {
  Served served;
  TcpProbe tcp(served.port());
  tcp.write(get("/1"));
  served.wait_for(1);
  served.run([&] { served.owed.clear(); });
  CHECK(read(tcp).status == 500);
}

TEST_CASE("async handler: the first answer counts, and one moved over another answers both", "[server][async]") {
  Served served;
  TcpProbe one(served.port());
  TcpProbe two(served.port());
  one.write(get("/1"));
  two.write(get("/2"));
  served.wait_for(2);
  served.run([&] {
    Responder& first = served.owed.at("/1");
    first = std::move(served.owed.at("/2"));
    served.owed.at("/2") = Responder({}, 0);  // lets go of what it was given
    CHECK(first.wanted());
    first.respond({.body = "once"});
    first.respond({.body = "twice"});
    CHECK_FALSE(first.wanted());
  });
  CHECK(read(one).status == 500);
  CHECK(read(two).body == "once");
}

TEST_CASE("async handler: an answer to nobody is safe", "[server][async]") {
  SECTION("the client went") {
    Served served(true);
    {
      probe::H2Probe client(served.port(), served.identity.certificate_pem);
      client.open("GET", "/1", {}, "");
      client.until([&] { return false; }, 50);
      served.wait_for(1);
    }
    const auto wanted = [&] {
      bool is = false;
      served.run([&] { is = served.owed.at("/1").wanted(); });
      return is;
    };
    while (wanted()) std::this_thread::yield();
    served.answer("/1");
  }
  SECTION("the server went") {
    Served served;
    TcpProbe tcp(served.port());
    tcp.write(get("/1"));
    served.wait_for(1);
    served.run([&] { served.plain.reset(); });
    served.answer("/1");
    CHECK(tcp.read(5000).empty());
    CHECK(tcp.ended());
    served.run([&] { served.owed.clear(); });
  }
}

TEST_CASE("async handler: a peer that only listens any more gets its late answer", "[server][async]") {
  Served served;
  TcpProbe tcp(served.port());
  tcp.write(get("/1"));
  served.wait_for(1);
  tcp.finish();
  served.answer("/1");
  CHECK(read(tcp).body == "late /1");
  CHECK(tcp.read(5000).empty());
  CHECK(tcp.ended());
}

TEST_CASE("handler guard: an exception ends its request, not the connection or the server", "[server][async]") {
  struct Row {
    const char* target;
    int status;
    bool failed;
    std::string type;
  };
  const Row row = GENERATE(values<Row>({
      {"/throws", 500, true, typeid(std::runtime_error).name()},
      {"/throws-an-int", 500, true, "no std::exception"},
      {"/answers-then-throws", 200, true, typeid(std::runtime_error).name()},
      {"/fine", 200, false, ""},
  }));
  const bool over_tls = GENERATE(false, true);
  CAPTURE(row.target, over_tls);
  std::ostringstream lines;
  SystemClock clock;
  observe::Log log(observe::Level::Debug, 1'000, lines, clock);
  ServerMetrics metrics;
  boost::asio::io_context loop;
  const auto handler = [](const ServerRequest& request, Responder responder) {
    if (request.target == "/throws-an-int") throw 7;
    if (request.target != "/throws") responder.respond({});
    if (request.target != "/fine") throw std::runtime_error("secret words");
  };
  const ServerOptions options{.name = "test", .log = &log, .metrics = &metrics};
  std::unique_ptr<HttpServer> plain;
  std::unique_ptr<TlsServer> tls;
  const auto identity = over_tls ? probe::server_identity() : probe::Identity{};
  if (over_tls) {
    tls = *TlsServer::start(loop, options,
                            {.certificate_pem = identity.certificate_pem,
                             .private_key_pem = identity.private_key_pem,
                             .streams_max_first = 100},
                            handler);
  } else {
    plain = *HttpServer::start(loop, options, handler);
  }
  std::jthread thread([&] { loop.run(); });
  if (over_tls) {
    probe::H2Probe client(tls->port(), identity.certificate_pem);
    CHECK(client.wait(client.open("GET", row.target, {}, "")).status == row.status);
    CHECK(client.wait(client.open("GET", "/fine", {}, "")).status == 200);
  } else {
    TcpProbe client(plain->port());
    client.write(get(row.target) + get("/fine"));
    std::string all;
    while (all.size() < 2 || all.find("HTTP/1.1 200", 1) == all.npos) all += client.read(5000);
    CHECK(all.starts_with("HTTP/1.1 " + std::to_string(row.status)));
  }
  boost::asio::post(loop, [&] {
    plain.reset();
    tls.reset();
  });
  thread.join();
  CHECK(metrics.handler_failures.read() == (row.failed ? 1 : 0));
  CHECK(metrics.requests.read() == 2);
  const std::string said = lines.str();
  CHECK(said.contains(R"("event":"server.handler_failed","listener":"test","address":"127.0.0.1","method":"GET",)"
                      R"("exception":")" +
                      row.type + '"') == row.failed);
  CHECK_FALSE(said.contains("secret words"));
}

}  // namespace
}  // namespace nightpost::server
