#include "chaos/relay.h"

#include <poll.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

namespace nightpost::chaos {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Says back what it hears, one connection after the other, on a thread of its own.
class Echo {
 public:
  Echo() : thread_([this] { loop_.run(); }) {}
  ~Echo() {
    loop_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  struct Talk : std::enable_shared_from_this<Talk> {
    explicit Talk(tcp::socket its_socket) : socket(std::move(its_socket)) {}
    void go() {
      socket.async_read_some(asio::buffer(bytes), [self = shared_from_this()](auto failed, std::size_t size) {
        if (failed) return;
        asio::async_write(self->socket, asio::buffer(self->bytes, size), [self](auto bad, std::size_t) {
          if (!bad) self->go();
        });
      });
    }
    tcp::socket socket;
    std::array<char, 4'096> bytes;
  };
  void accept() {
    acceptor_.async_accept([this](auto failed, tcp::socket socket) {
      if (failed) return;
      std::make_shared<Talk>(std::move(socket))->go();
      accept();
    });
  }
  asio::io_context loop_;
  tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
  bool accepting_ = (accept(), true);
  std::thread thread_;
};

tcp::socket connect(asio::io_context& loop, const Relay& relay) {
  tcp::socket socket(loop);
  socket.connect({asio::ip::address_v4::loopback(), relay.port()});
  return socket;
}

/// What comes within `ms`, up to `size` bytes; empty at once if the line ends.
std::string heard(tcp::socket& socket, std::size_t size, int ms) {
  std::string all;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  while (all.size() < size) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wanted{.fd = socket.native_handle(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&wanted, 1, int(left)) <= 0) return all;
    std::array<char, 1'024> bytes;
    boost::system::error_code failed;
    const std::size_t got = socket.read_some(asio::buffer(bytes), failed);
    if (failed) return all + "<" + failed.message() + ">";
    all.append(bytes.data(), got);
  }
  return all;
}

struct Bed {
  Echo echo;
  Relays relays;
  Relay relay{relays, echo.port()};
  asio::io_context loop;
};

TEST_CASE("relay: carries bytes both ways", "[chaos]") {
  Bed bed;
  tcp::socket a = connect(bed.loop, bed.relay), b = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("hello")));
  asio::write(b, asio::buffer(std::string("there")));
  CHECK(heard(a, 5, 5'000) == "hello");
  CHECK(heard(b, 5, 5'000) == "there");
  CHECK(bed.relay.connections() == 2);
}

TEST_CASE("relay: silent, nothing is carried and nothing lost", "[chaos]") {
  Bed bed;
  tcp::socket a = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("1")));
  CHECK(heard(a, 1, 5'000) == "1");
  bed.relay.be(Line::Silent);
  tcp::socket b = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("2")));
  asio::write(b, asio::buffer(std::string("3")));
  CHECK(heard(a, 1, 200).empty());
  CHECK(heard(b, 1, 1).empty());
  bed.relay.be(Line::Well);
  CHECK(heard(a, 1, 5'000) == "2");
  CHECK(heard(b, 1, 5'000) == "3");
}

TEST_CASE("relay: slow, answers come bit by bit", "[chaos]") {
  Bed bed;
  bed.relay.be(Line::Slow);
  tcp::socket a = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("hello")));
  CHECK(heard(a, 1, 5'000) == "h");
  CHECK(heard(a, 4, 5'000) == "ello");
}

TEST_CASE("relay: a cut resets what is open, and only that", "[chaos]") {
  Bed bed;
  tcp::socket a = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("1")));
  CHECK(heard(a, 1, 5'000) == "1");
  bed.relay.cut();
  CHECK(heard(a, 1, 5'000) == "<Connection reset by peer>");
  tcp::socket b = connect(bed.loop, bed.relay);
  asio::write(b, asio::buffer(std::string("2")));
  CHECK(heard(b, 1, 5'000) == "2");
}

TEST_CASE("relay: refused, what is open and what comes is reset, until it is well", "[chaos]") {
  Bed bed;
  tcp::socket a = connect(bed.loop, bed.relay);
  asio::write(a, asio::buffer(std::string("1")));
  CHECK(heard(a, 1, 5'000) == "1");
  bed.relay.be(Line::Refused);
  CHECK(heard(a, 1, 5'000) == "<Connection reset by peer>");
  tcp::socket b = connect(bed.loop, bed.relay);
  CHECK(heard(b, 1, 5'000) == "<Connection reset by peer>");
  bed.relay.be(Line::Well);
  tcp::socket c = connect(bed.loop, bed.relay);
  asio::write(c, asio::buffer(std::string("2")));
  CHECK(heard(c, 1, 5'000) == "2");
}

TEST_CASE("relay: leads elsewhere from the next connection on", "[chaos]") {
  Bed bed;
  tcp::acceptor nobody(bed.loop, {asio::ip::address_v4::loopback(), 0});
  const std::uint16_t closed = nobody.local_endpoint().port();
  nobody.close();
  bed.relay.lead_to(closed);
  tcp::socket a = connect(bed.loop, bed.relay);
  CHECK(heard(a, 1, 5'000) == "<Connection reset by peer>");
  bed.relay.lead_to(bed.echo.port());
  tcp::socket b = connect(bed.loop, bed.relay);
  asio::write(b, asio::buffer(std::string("1")));
  CHECK(heard(b, 1, 5'000) == "1");
}

TEST_CASE("relay: as an HTTP proxy", "[chaos]") {
  Bed bed;
  Relay proxy(bed.relays, 0);
  struct Row {
    const char* name;
    std::string head;
    bool opens;
  };
  const std::string port = std::to_string(bed.echo.port());
  const std::vector<Row> rows = {
      {"a tunnel", "CONNECT localhost:" + port + " HTTP/1.1\r\nHost: localhost\r\n\r\n", true},
      {"no port", "CONNECT localhost HTTP/1.1\r\n\r\n", false},
      {"no number", "CONNECT localhost:https HTTP/1.1\r\n\r\n", false},
      {"another method", "GET http://localhost:" + port + "/ HTTP/1.1\r\n\r\n", false},
      {"too long", "CONNECT " + std::string(10'000, 'x') + ":" + port + " HTTP/1.1\r\n\r\n", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    tcp::socket a = connect(bed.loop, proxy);
    asio::write(a, asio::buffer(row.head));
    const std::string want = "HTTP/1.1 200 Connection established\r\n\r\n";
    const std::string said = heard(a, want.size(), 5'000);
    CHECK((said == want) == row.opens);
    if (!row.opens) continue;
    asio::write(a, asio::buffer(std::string("through")));
    CHECK(heard(a, 7, 5'000) == "through");
  }
}

}  // namespace
}  // namespace nightpost::chaos
