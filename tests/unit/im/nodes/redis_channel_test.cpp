// The channel on a real Redis: away, restarted, hung, refusing, foreign, and behind TLS.
#include "im/nodes/redis_channel.h"

#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/asio_loop.h"
#include "support/redis_server.h"
#include "support/test_identity.h"

using namespace nightpost;
using namespace nightpost::im;
using support::RedisServer;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

RedisOptions redis_at(std::uint16_t port) {
  RedisOptions options;
  options.url = {.host = "127.0.0.1", .port = port};
  options.connect_timeout = milliseconds(5'000);
  options.command_timeout = milliseconds(200);
  options.reconnect_first = milliseconds(5);
  options.reconnect_max = milliseconds(20);
  return options;
}

struct ChannelBed {
  struct Node final : PeerChannelEar {
    Node(ChannelBed& bed_in, const RedisOptions& options) : bed(bed_in) {
      auto made = RedisChannel::make({.context = bed.io, .loop = bed.loop, .metrics = metrics, .seed = 3}, options);
      REQUIRE(made);
      channel = *std::move(made);
      channel->listen(this);
      channel->start();
    }
    void message(std::string_view bytes) override { heard.emplace_back(bytes); }
    void subscribed(bool on) override { states.push_back(on); }
    bool works() const { return channel->works(); }
    ChannelBed& bed;
    RedisMetrics metrics;
    std::vector<std::string> heard;
    std::vector<bool> states;
    std::unique_ptr<RedisChannel> channel;
  };
  void until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) FAIL("waited for 30 s");
      io.run_one_for(std::chrono::milliseconds(50));
    }
  }
  asio::io_context io;
  net::AsioLoop loop{io};
};

/// Something else than Redis: what it says to whoever connects; it reads nothing.
struct Foreign {
  Foreign(asio::io_context& io, std::string words_in)
      : acceptor(io, {asio::ip::address_v4::loopback(), 0}), words(std::move(words_in)) {
    accept();
  }
  std::uint16_t port() const { return acceptor.local_endpoint().port(); }
  void accept() {
    acceptor.async_accept([this](boost::system::error_code failed, tcp::socket socket) {
      if (failed) return;
      ++visits;
      sockets.push_back(std::make_unique<tcp::socket>(std::move(socket)));
      boost::system::error_code ignored;
      asio::write(*sockets.back(), asio::buffer(words), ignored);
      accept();
    });
  }
  tcp::acceptor acceptor;
  const std::string words;
  std::size_t visits = 0;
  std::vector<std::unique_ptr<tcp::socket>> sockets;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("redis channel: all hear what one says, in order, and nobody of another prefix", "[im][nodes]") {
  RedisServer server;
  ChannelBed bed;
  ChannelBed::Node one(bed, redis_at(server.port())), two(bed, redis_at(server.port()));
  RedisOptions elsewhere = redis_at(server.port());
  elsewhere.prefix = "other";
  ChannelBed::Node stranger(bed, elsewhere);
  CHECK_FALSE(one.channel->publish("too early"));
  bed.until([&] { return one.works() && two.works() && stranger.works(); });
  const std::string binary("a\r\n\0\xff", 5);
  CHECK(one.channel->publish("first"));
  CHECK(one.channel->publish(binary));
  CHECK(one.channel->publish(std::string(200'000, 'x')));
  bed.until([&] { return one.heard.size() == 3 && two.heard.size() == 3; });
  CHECK(two.heard == Texts{"first", binary, std::string(200'000, 'x')});
  CHECK(one.heard == two.heard);
  bed.until([&] { return one.metrics.published.read() == 3; });
  CHECK(one.metrics.bytes_out.read() == 200'010);
  CHECK(two.metrics.received.read() == 3);
  CHECK(one.metrics.unsaid_away.read() == 1);
  CHECK(stranger.heard.empty());
  CHECK(two.states == std::vector<bool>{true});
}

TEST_CASE("redis channel: a server that was restarted is found again", "[im][nodes]") {
  RedisServer server;
  ChannelBed bed;
  ChannelBed::Node node(bed, redis_at(server.port()));
  bed.until([&] { return node.works(); });
  server.stop();
  bed.until([&] { return node.states.size() == 2 && node.metrics.publishing.read() == 0; });
  CHECK_FALSE(node.states[1]);
  CHECK_FALSE(node.channel->publish("lost"));
  bed.until([&] { return node.metrics.losses.read() > 4; });
  CHECK_THAT(node.channel->trouble(), Catch::Contains("refused"));
  server.start();
  bed.until([&] { return node.works(); });
  CHECK(node.channel->publish("heard"));
  bed.until([&] { return !node.heard.empty(); });
  CHECK(node.heard == Texts{"heard"});
  CHECK(node.states == std::vector<bool>{true, false, true});
}

TEST_CASE("redis channel: a server that hangs is given up, and found again", "[im][nodes]") {
  RedisServer server;
  ChannelBed bed;
  RedisOptions options = redis_at(server.port());
  options.connect_timeout = milliseconds(100);
  options.queue_bytes_max = 1'000'000;
  ChannelBed::Node node(bed, options);
  bed.until([&] { return node.works(); });
  server.pause();
  CHECK(node.channel->publish(std::string(600'000, 'x')));
  CHECK_FALSE(node.channel->publish(std::string(600'000, 'x')));
  CHECK(node.metrics.unsaid_full.read() == 1);
  CHECK(node.metrics.queued_bytes.read() > 0);
  CHECK(node.metrics.queued_bytes.read() <= options.queue_bytes_max);
  bed.until([&] { return node.states.size() == 2 && node.metrics.publishing.read() == 0; });
  CHECK(node.metrics.unsaid_away.read() == 1);  // what was not answered
  // The system takes connections for it; they say nothing.
  bed.until([&] { return node.channel->trouble() == "it did not let us in within 100 ms"; });
  server.resume();
  bed.until([&] { return node.works(); });
  node.heard.clear();
  CHECK(node.channel->publish("again"));
  bed.until([&] { return !node.heard.empty() && node.heard.back() == "again"; });
}

TEST_CASE("redis channel: who may come in", "[im][nodes]") {
  RedisServer server({"requirepass=s3cret", "user=im on >t0p resetchannels &nightpost:im +@all"});
  ChannelBed bed;
  RedisOptions options = redis_at(server.port());
  SECTION("the password") { options.password = "s3cret"; }
  SECTION("a user of the ACL") {
    options.url.user = "im";
    options.password = "t0p";
  }
  ChannelBed::Node node(bed, options);
  if (!options.password.empty()) {
    bed.until([&] { return node.works(); });
    return;
  }
  bed.until([&] { return !node.channel->trouble().empty(); });
  CHECK_THAT(node.channel->trouble(), Catch::Contains("it refuses us: NOAUTH"));
}

TEST_CASE("redis channel: a password that is refused is not repeated", "[im][nodes]") {
  RedisServer server({"requirepass=s3cret"});
  ChannelBed bed;
  RedisOptions options = redis_at(server.port());
  options.password = "hunter2";
  SECTION("as the default user") {}
  SECTION("as a user that is not there") { options.url.user = "nobody"; }
  ChannelBed::Node node(bed, options);
  bed.until([&] { return !node.channel->trouble().empty(); });
  CHECK_THAT(node.channel->trouble(), Catch::Contains("it refuses us: WRONGPASS"));
  CHECK_THAT(node.channel->trouble(), !Catch::Contains("hunter2"));
  CHECK_FALSE(node.works());
}

TEST_CASE("redis channel: what Redis refuses is counted and said", "[im][nodes]") {
  RedisServer server({"user=im on >t0p resetchannels &nightpost:im +@all -publish"});
  ChannelBed bed;
  RedisOptions options = redis_at(server.port());
  options.url.user = "im";
  options.password = "t0p";
  ChannelBed::Node node(bed, options);
  bed.until([&] { return node.works(); });
  CHECK(node.channel->publish("one"));
  CHECK(node.channel->publish("two"));
  bed.until([&] { return node.metrics.refused.read() == 2; });
  CHECK_THAT(node.channel->trouble(), Catch::Contains("it refuses to publish: NOPERM"));
  CHECK(node.works());
  CHECK(node.heard.empty());
}

TEST_CASE("redis channel: a channel that the user may not read is no channel", "[im][nodes]") {
  RedisServer server({"user=im on >t0p resetchannels &other +@all"});
  ChannelBed bed;
  RedisOptions options = redis_at(server.port());
  options.url.user = "im";
  options.password = "t0p";
  ChannelBed::Node node(bed, options);
  bed.until([&] { return !node.channel->trouble().empty(); });
  CHECK_THAT(node.channel->trouble(), Catch::Contains("NOPERM"));
  CHECK(node.states.empty());
}

TEST_CASE("redis channel: a message above the limit ends the connection that reads it, not the process",
          "[im][nodes]") {
  RedisServer server;
  ChannelBed bed;
  RedisOptions small = redis_at(server.port());
  small.message_bytes_max = 10'000;
  ChannelBed::Node node(bed, small), other(bed, redis_at(server.port()));
  bed.until([&] { return node.works() && other.works(); });
  CHECK(other.channel->publish(std::string(2'000'000, 'x')));
  bed.until([&] { return node.states.size() == 3; });
  CHECK(node.states == std::vector<bool>{true, false, true});
  CHECK(node.heard.empty());
  bed.until([&] { return node.works(); });
  CHECK(other.channel->publish("short"));
  bed.until([&] { return !node.heard.empty(); });
  CHECK(node.heard == Texts{"short"});
}

TEST_CASE("redis channel: what is no Redis is tried again, within bounds", "[im][nodes]") {
  ChannelBed bed;
  struct Row {
    std::string says;
    std::string why;
  };
  const Row row = GENERATE(values<Row>({{"HTTP/1.1 400 Bad Request\r\n\r\n", "not Redis' protocol"},
                                        {"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"},
                                        {"-MOVED \x01\x02\r\n", "MOVED ??"},
                                        {":1\r\n", "not Redis' protocol"},
                                        {"*2147483647\r\n", "not Redis' protocol"},
                                        {"$2147483647\r\n", "within 60 ms"},
                                        {"", "within 60 ms"},
                                        {"+PONG\r\n+what\r\n", "not the one to our command"},
                                        {"+PONG\r\n*1\r\n$4\r\npo", "no answer within 200 ms"}}));
  CAPTURE(row.says);
  Foreign foreign(bed.io, row.says);
  RedisOptions options = redis_at(foreign.port());
  options.connect_timeout = milliseconds(60);
  ChannelBed::Node node(bed, options);
  bed.until([&] { return foreign.visits >= 4 && node.metrics.losses.read() >= 2; });
  bed.until([&] { return node.channel->trouble().contains(row.why); });
  CHECK_FALSE(node.works());
  CHECK(node.heard.empty());
}

TEST_CASE("redis channel: with TLS, whose certificate is looked at", "[im][nodes]") {
  const probe::Identity identity = probe::server_identity();
  const support::TempFolder folder("redis_tls");
  const std::uint16_t port = support::free_port();
  RedisServer server(
      {"tls-port=" + std::to_string(port), "tls-cert-file=" + folder.write("cert.pem", identity.certificate_pem),
       "tls-key-file=" + folder.write("key.pem", identity.private_key_pem),
       "tls-ca-cert-file=" + folder.file("cert.pem"), "tls-auth-clients=optional", "bind=127.0.0.1 127.0.0.2"});
  ChannelBed bed;
  RedisOptions options = redis_at(port);
  options.url.tls = true;
  options.url.host = "localhost";
  options.ca_pem = identity.certificate_pem;
  SECTION("it is believed") {
    ChannelBed::Node node(bed, options);
    bed.until([&] { return node.works(); });
    CHECK(node.channel->publish(std::string(300'000, 'x')));
    bed.until([&] { return !node.heard.empty(); });
    CHECK(node.heard.front().size() == 300'000);
  }
  SECTION("with a certificate of ours") {
    options.certificate_pem = identity.certificate_pem;
    options.private_key_pem = identity.private_key_pem;
    ChannelBed::Node node(bed, options);
    bed.until([&] { return node.works(); });
  }
  SECTION("another's is not") {
    options.ca_pem = probe::server_identity().certificate_pem;
    ChannelBed::Node node(bed, options);
    bed.until([&] { return !node.channel->trouble().empty(); });
    CHECK_THAT(node.channel->trouble(), Catch::Contains("TLS: ") && Catch::Contains("certificate verify failed"));
  }
  SECTION("nor of another name") {
    options.url.host = "127.0.0.2";
    ChannelBed::Node node(bed, options);
    bed.until([&] { return !node.channel->trouble().empty(); });
    CHECK_THAT(node.channel->trouble(), Catch::Contains("certificate verify failed"));
  }
  SECTION("a server without TLS") {
    options.url.port = server.port();
    options.connect_timeout = milliseconds(200);
    ChannelBed::Node node(bed, options);
    bed.until([&] { return !node.channel->trouble().empty(); });
    CHECK_FALSE(node.works());
  }
  SECTION("files that cannot be used") {
    RedisMetrics metrics;
    const auto why = [&] {
      const auto made = RedisChannel::make({.context = bed.io, .loop = bed.loop, .metrics = metrics}, options);
      return made ? std::string() : made.error().detail;
    };
    options.certificate_pem = "no certificate";
    CHECK_THAT(why(), Catch::Contains("the certificate cannot be used"));
    options.certificate_pem = identity.certificate_pem;
    options.private_key_pem = "no key";
    CHECK_THAT(why(), Catch::Contains("the certificate's key cannot be used"));
    options.ca_pem = "no authority";
    CHECK_FALSE(why().empty());
  }
}

TEST_CASE("redis channel: its end in the middle of anything calls nobody back", "[im][nodes]") {
  RedisServer server;
  for (const int turns : {0, 1, 2, 3, 5, 8, 13, 30}) {
    CAPTURE(turns);
    ChannelBed bed;
    ChannelBed::Node node(bed, redis_at(server.port()));
    for (int i = 0; i < turns; ++i) bed.io.run_one_for(std::chrono::milliseconds(5));
    node.channel->publish(std::string(1'000'000, 'x'));
    node.channel.reset();
    const std::size_t states = node.states.size();
    for (int i = 0; i < 20; ++i) bed.io.run_one_for(std::chrono::milliseconds(2));
    CHECK(node.states.size() == states);
  }
}
