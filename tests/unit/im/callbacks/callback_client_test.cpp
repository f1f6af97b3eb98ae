// The client against real servers: TLS, addresses, redirects, silence, its end.
#include "im/callbacks/callback_client.h"

#include <unistd.h>

#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "net/asio_loop.h"
#include "server/http_server.h"
#include "support/test_identity.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

namespace asio = boost::asio;

/// An app's server on loopback that remembers what it was asked. "/hang" is never answered, "/away" redirects, "/large"
/// says more than anybody wants, a number is its status.
class AppServer {
 public:
  explicit AppServer(bool tls) {
    const auto handler = [this](const server::ServerRequest& request, server::Responder responder) {
      {
        const std::scoped_lock lock(mutex_);
        asked_.push_back(request);
        if (request.target.starts_with("/hang")) return hanging_.push_back(std::move(responder));
      }
      if (request.target.starts_with("/away"))
        return responder.respond({.status = 302, .headers = {{"location", "/landed"}}, .body = {}});
      if (request.target.starts_with("/large"))
        return responder.respond({.status = 200, .headers = {}, .body = std::string(1'000'000, 'x')});
      const int status = request.target.size() > 3 ? std::atoi(request.target.c_str() + 1) : 0;
      responder.respond({.status = status != 0 ? status : 200, .headers = {}, .body = R"({"ErrorCode":0})"});
    };
    if (tls) {
      identity_ = probe::server_identity();
      auto started = server::TlsServer::start(
          loop_, {}, {.certificate_pem = identity_.certificate_pem, .private_key_pem = identity_.private_key_pem},
          handler);
      REQUIRE(started);
      tls_ = *std::move(started);
      port_ = tls_->port();
    } else {
      auto started = server::HttpServer::start(loop_, {}, handler);
      REQUIRE(started);
      plain_ = *std::move(started);
      port_ = plain_->port();
    }
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~AppServer() {
    loop_.stop();
    thread_.join();
    hanging_.clear();
  }
  std::string url(const std::string& path, const std::string& host = "localhost") const {
    return std::string(tls_ ? "https" : "http") + "://" + host + ":" + std::to_string(port_) + path;
  }
  std::vector<server::ServerRequest> asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  const std::string& certificate() const { return identity_.certificate_pem; }

 private:
  probe::Identity identity_;
  asio::io_context loop_;
  std::mutex mutex_;
  std::vector<server::ServerRequest> asked_;  // by the mutex, as what follows
  std::vector<server::Responder> hanging_;
  std::unique_ptr<server::TlsServer> tls_;
  std::unique_ptr<server::HttpServer> plain_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct PemFile {
  explicit PemFile(const std::string& pem) {
    std::string name = (std::filesystem::temp_directory_path() / "nightpost-ca-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path = name;
    std::ofstream(path) << pem;
  }
  ~PemFile() { std::filesystem::remove(path); }
  std::string path;
};

CallbackReach this_host() {
  return {.private_addresses = {server::AddressRange::parse("127.0.0.1").value(),
                                server::AddressRange::parse("::1").value()},
          .plain_http = false};
}

struct ClientBed {
  explicit ClientBed(CallbackClientOptions with = {.reach = this_host()}) : client(std::move(with), loop) {}
  Result<int> post(const std::string& url, const std::string& body = "{}") {
    std::optional<Result<int>> got;
    client.post({.url = url, .headers = {{"content-type", "application/json"}, {"x-id", "7"}}, .body = body},
                [&](Result<int> status) { got = std::move(status); });
    CHECK_FALSE(got);
    run_until([&] { return got.has_value(); });
    return *got;
  }
  Result<CallbackAnswer> question(const std::string& url, milliseconds timeout = milliseconds(5'000)) {
    std::optional<Result<CallbackAnswer>> got;
    client.ask({.url = url, .headers = {}, .body = "{}"}, timeout,
               [&](Result<CallbackAnswer> answer) { got = std::move(answer); });
    CHECK_FALSE(got);
    run_until([&] { return got.has_value(); });
    return *std::move(got);
  }
  void run_until(const std::function<bool()>& done) {
    context.restart();  // it has stopped where nothing was left to do
    const auto keep = asio::make_work_guard(context);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done() && std::chrono::steady_clock::now() < end) context.run_one_for(std::chrono::milliseconds(10));
    REQUIRE(done());
  }
  asio::io_context context;
  net::AsioLoop loop{context};
  CallbackClient client;
};

}  // namespace

TEST_CASE("callback client: it posts what it is given, and hears the status", "[im][callbacks]") {
  AppServer server(false);
  ClientBed bed;
  CHECK(bed.post(server.url("/?SdkAppid=1"), R"({"a":"你"})").value_or(0) == 200);
  CHECK(bed.post(server.url("/500")).value_or(0) == 500);
  CHECK(bed.post(server.url("/404")).value_or(0) == 404);
  CHECK(bed.post(server.url("/large")).value_or(0) == 200);
  const auto asked = server.asked();
  REQUIRE(asked.size() == 4);
  CHECK(asked[0].method == "POST");
  CHECK(asked[0].target == "/?SdkAppid=1");
  CHECK(asked[0].body == R"({"a":"你"})");
  std::map<std::string, std::string> headers(asked[0].headers.begin(), asked[0].headers.end());
  CHECK(headers["content-type"] == "application/json");
  CHECK(headers["x-id"] == "7");
}

TEST_CASE("callback client: a question's answer is handed on whole, or not at all", "[im][callbacks]") {
  AppServer server(false);
  ClientBed bed;
  const auto answer = bed.question(server.url("/"));
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body == R"({"ErrorCode":0})");
  const auto refused = bed.question(server.url("/503"));
  REQUIRE(refused);
  CHECK(refused->status == 503);
  const auto redirect = bed.question(server.url("/away"));
  REQUIRE(redirect);
  CHECK(redirect->status == 302);
  const auto large = bed.question(server.url("/large"));
  REQUIRE_FALSE(large);
  CHECK(large.error().code == Errc::Malformed);
  const auto silent = bed.question(server.url("/hang"), milliseconds(200));
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code == Errc::Timeout);
  ClientBed strict({.reach = {}});
  const auto hidden = strict.question(server.url("/"));
  REQUIRE_FALSE(hidden);
  CHECK(hidden.error().code == Errc::Unauthorized);
}

TEST_CASE("callback client: a redirect is not followed", "[im][callbacks]") {
  AppServer server(false);
  ClientBed bed;
  CHECK(bed.post(server.url("/away")).value_or(0) == 302);
  CHECK(server.asked().size() == 1);
}

TEST_CASE("callback client: the certificate and its name are checked", "[im][callbacks]") {
  AppServer server(true);
  const PemFile ca(server.certificate());
  SECTION("trusted") {
    ClientBed bed({.reach = this_host(), .ca_file = ca.path});
    CHECK(bed.post(server.url("/")).value_or(0) == 200);
    CHECK(server.asked().at(0).http2);
  }
  SECTION("another name") {
    ClientBed bed({.reach = this_host(), .ca_file = ca.path});
    CHECK_FALSE(bed.post(server.url("/", "other.localhost")));  // which libcurl knows to be this host
    CHECK(server.asked().empty());
  }
  SECTION("not trusted") {
    ClientBed bed;
    const auto status = bed.post(server.url("/"));
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::ConnectionLost);
    CHECK(server.asked().empty());
  }
}

TEST_CASE("callback client: a name that stands for a private address is not followed", "[im][callbacks]") {
  AppServer server(false);
  ClientBed bed({.reach = {}});
  for (const char* const host : {"localhost", "127.0.0.1"}) {
    const auto status = bed.post(server.url("/", host));
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::Unauthorized);
    CHECK(status.error().detail.contains("not public"));
  }
  CHECK(server.asked().empty());
}

TEST_CASE("callback client: a server that hangs is given up, and holds no other", "[im][callbacks]") {
  AppServer server(false);
  ClientBed bed({.reach = this_host(), .timeout = milliseconds(3'000)});
  std::optional<Result<int>> hangs;
  bed.client.post({.url = server.url("/hang"), .headers = {}, .body = "{}"},
                  [&](Result<int> status) { hangs = std::move(status); });
  bed.run_until([&] { return !server.asked().empty(); });
  CHECK_FALSE(hangs);
  CHECK(bed.post(server.url("/")).value_or(0) == 200);
  bed.run_until([&] { return hangs.has_value(); });
  REQUIRE_FALSE(*hangs);
  CHECK(hangs->error().code == Errc::Timeout);
}

TEST_CASE("callback client: nobody listens there", "[im][callbacks]") {
  std::string url;
  {
    url = AppServer(false).url("/");
  }
  ClientBed bed;
  const auto status = bed.post(url);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::ConnectionLost);
  CHECK_FALSE(bed.post("gopher://localhost/"));
}

TEST_CASE("callback client: its end gives up what is open, and tells nobody", "[im][callbacks]") {
  AppServer server(false);
  asio::io_context context;
  net::AsioLoop loop(context);
  bool told = false;
  {
    CallbackClient client({.reach = this_host()}, loop);
    for (int i = 0; i < 3; ++i)
      client.post({.url = server.url("/hang"), .headers = {}, .body = "{}"}, [&](const auto&) { told = true; });
  }
  context.run();
  CHECK_FALSE(told);
}
