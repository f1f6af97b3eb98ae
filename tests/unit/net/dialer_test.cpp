// From a name to a connection, against addresses of loopback that answer, refuse or are silent.
#include "net/dialer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "unit/net/dns_peer.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// Takes no connection: its queue is full, so a SYN gets no answer.
class SilentListener {
 public:
  SilentListener(asio::io_context& loop, const std::string& address, std::uint16_t port)
      : acceptor_(loop, {asio::ip::make_address(address), port}) {
    acceptor_.listen(0);
    for (int i = 0; i < 4; ++i) {
      fillers_.emplace_back(loop).async_connect(acceptor_.local_endpoint(), [](boost::system::error_code) {});
    }
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  tcp::acceptor acceptor_;
  std::deque<tcp::socket> fillers_;
};

struct DialRig {
  DialRig() {
    dns.script() = [this](const DnsQuestion& q) {
      return q.six ? DnsAnswer{.addresses = sixes} : DnsAnswer{.addresses = fours};
    };
  }
  void dial(const std::string& host, std::uint16_t port, milliseconds limit = 5s) {
    asio::co_spawn(loop, keep_result(*this, host, port, std::chrono::steady_clock::now() + limit), asio::detached);
  }
  static asio::awaitable<void> keep_result(DialRig& rig, std::string host, std::uint16_t port, MonoTime by) {
    rig.dialed.emplace(co_await rig.dialer.dial(std::move(host), port, {}, by));
  }
  template <class What>
  bool until(What&& what) {
    const auto give_up = std::chrono::steady_clock::now() + 5s;
    while (!what() && std::chrono::steady_clock::now() < give_up) loop.run_one_for(20ms);
    return what();
  }
  bool over() {
    return until([&] { return dialed.has_value(); });
  }

  asio::io_context loop;
  DnsPeer dns{loop};
  std::vector<std::string> fours, sixes;
  NameResolver names{loop, {.server_timeout = 100ms, .servers = dns.servers()}};
  Dialer dialer{loop, names};
  std::optional<Result<Dialer::Dialed>> dialed;
};

}  // namespace

TEST_CASE("dialer: whichever address connects is used", "[net][dialer]") {
  DialRig b;
  tcp::acceptor listener(b.loop, {asio::ip::make_address("127.0.0.9"), 0});
  const std::uint16_t port = listener.local_endpoint().port();
  SECTION("by name") { b.fours = {"127.0.0.9"}; }
  SECTION("others refuse") { b.fours = {"127.0.0.8", "127.0.0.7", "127.0.0.9"}; }
  SECTION("another family cannot be reached") {
    b.sixes = {"2001:db8::1"};
    b.fours = {"127.0.0.9"};
  }
  b.dial("push.test", port);
  REQUIRE(b.over());
  REQUIRE(*b.dialed);
  CHECK((*b.dialed)->endpoint == Endpoint(asio::ip::make_address("127.0.0.9"), port));
  CHECK((*b.dialed)->socket.remote_endpoint() == (*b.dialed)->endpoint);
  CHECK(b.dialer.progress().empty());
}

TEST_CASE("dialer: an address needs no name server", "[net][dialer]") {
  DialRig b;
  tcp::acceptor listener(b.loop, {asio::ip::make_address("127.0.0.1"), 0});
  b.dial("127.0.0.1", listener.local_endpoint().port());
  REQUIRE(b.over());
  CHECK(*b.dialed);
  CHECK(b.dns.questions().empty());
}

TEST_CASE("dialer: a silent first address delays the second, and no more", "[net][dialer]") {
  DialRig b;
  SilentListener silent(b.loop, "127.0.0.8", 0);
  tcp::acceptor listener(b.loop, {asio::ip::make_address("127.0.0.9"), silent.port()});
  b.fours = {"127.0.0.8", "127.0.0.9"};
  b.dial("push.test", silent.port(), 60s);  // of which a silent address alone may use half
  REQUIRE(b.over());                        // within 5 s
  REQUIRE(*b.dialed);
  CHECK((*b.dialed)->endpoint.address().to_string() == "127.0.0.9");
}

TEST_CASE("dialer: where no address answers, each is named", "[net][dialer]") {
  DialRig b;
  SECTION("refused") {
    b.fours = {"127.0.0.8", "127.0.0.7"};
    b.dial("push.test", 1);
    REQUIRE(b.over());
    REQUIRE_FALSE(*b.dialed);
    CHECK(b.dialed->error().code == Errc::ConnectionLost);
    CHECK(b.dialed->error().detail ==
          "connecting to push.test: 127.0.0.8: Connection refused, 127.0.0.7: Connection refused");
  }
  SECTION("one refuses, one is silent") {
    SilentListener silent(b.loop, "127.0.0.8", 0);
    b.fours = {"127.0.0.8", "127.0.0.7"};
    b.dial("push.test", silent.port(), 600ms);
    REQUIRE(b.over());
    REQUIRE_FALSE(*b.dialed);
    CHECK_THAT(b.dialed->error().detail, Catch::Matchers::Contains("127.0.0.8: no answer within 2") ||
                                             Catch::Matchers::Contains("127.0.0.8: no answer within 300 ms"));
    CHECK_THAT(b.dialed->error().detail, Catch::Matchers::Contains("127.0.0.7: Connection refused"));
  }
}

TEST_CASE("dialer: a name that has no answer", "[net][dialer]") {
  DialRig b;
  SECTION("none of that name") {
    b.dns.script() = [](const DnsQuestion&) { return DnsAnswer{.code = 3}; };
    b.dial("push.test", 443);
    REQUIRE(b.over());
    CHECK(b.dialed->error().detail == "resolving push.test: Domain name not found");
  }
  SECTION("silence") {
    b.dns.script() = [](const DnsQuestion&) { return std::optional<DnsAnswer>(); };
    b.dial("push.test", 443, 50ms);
    REQUIRE(b.over());
    CHECK(b.dialed->error().code == Errc::Timeout);
    CHECK(b.dialed->error().detail == "resolving push.test: no answer yet");
  }
}

TEST_CASE("dialer: can be cancelled at any point", "[net][dialer]") {
  DialRig b;
  SilentListener silent(b.loop, "127.0.0.8", 0);
  const bool while_resolving = GENERATE(true, false);
  if (while_resolving)
    b.dns.script() = [](const DnsQuestion&) { return std::optional<DnsAnswer>(); };
  else
    b.fours = {"127.0.0.8"};
  b.dial("push.test", silent.port(), 1h);
  REQUIRE(b.until([&] { return b.dialer.progress().starts_with(while_resolving ? "resolving" : "connecting"); }));
  b.dialer.cancel();
  REQUIRE(b.over());
  REQUIRE_FALSE(*b.dialed);
  CHECK(b.dialed->error().code == Errc::ConnectionLost);
}

}  // namespace nightpost::net
