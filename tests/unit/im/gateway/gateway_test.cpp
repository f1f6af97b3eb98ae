// The gateway on a real server, met by clients on real sockets; time passes when the test says so.
#include "im/gateway/gateway.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "fake_service.h"
#include "frame_word.h"
#include "im/gateway/handshake.h"
#include "im/gateway/websocket.h"
#include "support/test_identity.h"

namespace nightpost::im {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using fake::login_reply;
using fake::new_message;
using nlohmann::json;
using Words = std::vector<std::string>;

/// The asio loop with a clock that stands.
class StandingLoop final : public EventLoop {
 public:
  StandingLoop(asio::io_context& io, fake::ManualClock& clock) : io_(io), clock_(clock) {}
  MonoTime now() const noexcept override { return clock_.now; }
  void post(std::move_only_function<void()> work) override {
    asio::post(io_, [work = std::move(work)]() mutable { work(); });
  }
  std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) override {
    return std::make_unique<Timer>(*this, std::move(fire));
  }
  /// Fires what comes due on the way.
  void pass(milliseconds time) {
    const MonoTime until = clock_.now + time;
    while (true) {
      Timer* next = nullptr;
      for (Timer* const each : timers_)
        if (each->due <= until && (!next || each->due < next->due)) next = each;
      if (!next) break;
      clock_.pass(std::chrono::ceil<milliseconds>(std::max(next->due - clock_.now, MonoTime::duration(0))));
      next->due = MonoTime::max();
      next->fire();
    }
    if (clock_.now < until) clock_.pass(std::chrono::duration_cast<milliseconds>(until - clock_.now));
  }

 private:
  struct Timer final : LoopTimer {
    Timer(StandingLoop& loop_in, std::function<void()> fire_in) : loop(loop_in), fire(std::move(fire_in)) {
      loop.timers_.insert(this);
    }
    ~Timer() override { loop.timers_.erase(this); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm(MonoTime at) override { due = at; }
    StandingLoop& loop;
    std::function<void()> fire;
    MonoTime due = MonoTime::max();
  };
  asio::io_context& io_;
  fake::ManualClock& clock_;
  std::set<Timer*> timers_;
};

struct News final : PresenceEvents {
  Words all;
  void acknowledged(const UserKey& user, const std::string& device, Ver ver) override {
    all.push_back(user.user + " " + device + " acknowledged " + std::to_string(ver.value));
  }
  void left_foreground(const UserKey& user, const std::string& device) override {
    all.push_back(user.user + " " + device + " left");
  }
  void came(const UserKey& user, const std::string& device) override {
    all.push_back(user.user + " " + device + " came");
  }
  Words told() { return std::exchange(all, {}); }
};

struct Rig {
  explicit Rig(GatewayOptions options = {}, bool with_tls = false, server::ServerOptions server = {}) {
    gateway.emplace(Gateway::Parts{.loop = loop, .clock = clock, .service = service, .metrics = metrics, .seed = 7},
                    options);
    gateway->tell(&news);
    if (with_tls) {
      identity = probe::server_identity();
      tls = *server::TlsServer::start(
          io, std::move(server),
          {.certificate_pem = identity.certificate_pem, .private_key_pem = identity.private_key_pem},
          gateway->handler());
    } else {
      plain = *server::HttpServer::start(io, std::move(server), gateway->handler());
    }
    service.at_once = [this](const LoginRequest& request) -> Answer<LoginReply> {
      if (request.signature != "good") return refuse(Code::SigMismatch, "no");
      return login_reply(request.user, request.device, ++epoch, ver);
    };
  }
  std::uint16_t port() const { return plain ? plain->port() : tls->port(); }
  void until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) FAIL("waited for 20 s");
      io.run_one_for(std::chrono::milliseconds(100));
    }
  }
  /// All that is ready to run.
  void settle() {
    for (int i = 0; i < 20; ++i) io.poll();
  }
  void pass(milliseconds time) {
    loop.pass(time);
    settle();
  }
  void commit(Delivery delivery) {
    Committed all;
    all.deliveries.push_back(std::move(delivery));
    gateway->committed(all);
  }

  asio::io_context io;
  fake::ManualClock clock;
  StandingLoop loop{io, clock};
  fake::ScriptedService service;
  GatewayMetrics metrics;
  News news;
  std::int64_t epoch = 0;
  std::int64_t ver = 10;
  probe::Identity identity;
  std::optional<Gateway> gateway;
  std::unique_ptr<server::HttpServer> plain;
  std::unique_ptr<server::TlsServer> tls;
};

/// A client by its own socket, plain or TLS.
class Client {
 public:
  explicit Client(Rig& rig, const std::string& extra = "") : rig_(rig), stream_(rig.io, context_) {
    stream_.lowest_layer().connect({asio::ip::address_v4::loopback(), rig.port()});
    if (rig.tls) {
      std::optional<bool> good;
      stream_.async_handshake(asio::ssl::stream_base::client, [&](boost::system::error_code error) { good = !error; });
      rig.until([&] { return good.has_value(); });
      REQUIRE(*good);
    }
    std::string request = ws_client_request("h", "/ws", nonce_);
    if (!extra.empty()) request.insert(request.size() - 2, extra + "\r\n");
    write(request);
    std::string head;
    boost::system::error_code failed;
    bool done = false;
    const auto read = [&](auto& from) {
      asio::async_read_until(from, asio::dynamic_buffer(head), "\r\n\r\n",
                             [&](boost::system::error_code error, std::size_t) {
                               failed = error;
                               done = true;
                             });
    };
    if (rig.tls) {
      read(stream_);
    } else {
      read(stream_.next_layer());
    }
    rig.until([&] { return done; });
    const std::size_t end = head.find("\r\n\r\n");
    accepted_ = end != std::string::npos && ws_client_accepted(std::string_view(head).substr(0, end + 2), nonce_);
    status_ = head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0;
    if (accepted_) {
      decode(std::string_view(head).substr(end + 4));
      read_on();
    }
  }
  ~Client() {
    *alive_ = false;
    boost::system::error_code ignored;
    stream_.lowest_layer().close(ignored);
    rig_.settle();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool accepted() const { return accepted_; }
  int status() const { return status_; }
  bool ended() const { return ended_; }
  void write(const std::string& bytes) {
    const auto kept = std::make_shared<std::string>(bytes);
    bool done = false;
    const auto told = [&done, kept](boost::system::error_code, std::size_t) { done = true; };
    if (rig_.tls) {
      asio::async_write(stream_, asio::buffer(*kept), told);
    } else {
      asio::async_write(stream_.next_layer(), asio::buffer(*kept), told);
    }
    rig_.until([&] { return done; });
  }
  void say(const std::string& text) {
    std::string bytes;
    append_ws_frame(bytes, WsOpcode::Text, text, std::array<std::uint8_t, 4>{9, 8, 7, 6});
    write(bytes);
  }
  void hello(const std::string& user, const std::string& device = "phone", const std::string& sig = "good") {
    say(json{{"type", "hello"},
             {"versions", {1}},
             {"app", 1},
             {"user", user},
             {"sig", sig},
             {"device", device},
             {"platform", "ios"}}
            .dump());
  }
  void ask(int id, const std::string& op, const json& body = json::object()) {
    say(json{{"type", "req"}, {"id", id}, {"op", op}, {"body", body}}.dump());
  }
  void ack(std::int64_t pos) { say(json{{"type", "ack"}, {"pos", pos}}.dump()); }
  void ack_ver(std::int64_t ver) { say(json{{"type", "ack"}, {"ver", ver}}.dump()); }
  /// The next `count` words that it hears.
  Words hear(std::size_t count) {
    rig_.until([&] { return words_.size() >= count || ended_; });
    Words first(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(std::min(count, words_.size())));
    words_.erase(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(first.size()));
    return first;
  }
  /// Nothing more, for all that is ready.
  bool silent() {
    rig_.settle();
    return words_.empty();
  }
  Client& log_in(const std::string& user, const std::string& device = "phone") {
    hello(user, device);
    CHECK(hear(1).at(0).starts_with("welcome"));
    ack_ver(rig_.ver);
    rig_.until([&] { return !rig_.news.all.empty() && rig_.news.all.back().contains("acknowledged"); });
    rig_.news.told();
    return *this;
  }
  void stop_reading() { reading_ = false; }
  void go_on() {
    reading_ = true;
    read_on();
  }
  void until_ended() {
    rig_.until([&] { return ended_; });
  }
  json last;
  bool answers_close = true;

 private:
  void read_on() {
    if (!reading_ || waits_) return;
    waits_ = true;
    const auto told = [this, alive = alive_](boost::system::error_code error, std::size_t size) {
      if (!*alive) return;
      waits_ = false;
      if (error) {
        ended_ = true;
        return;
      }
      decode({room_.data(), size});
      read_on();
    };
    if (rig_.tls) {
      stream_.async_read_some(asio::buffer(room_), told);
    } else {
      stream_.next_layer().async_read_some(asio::buffer(room_), told);
    }
  }
  void decode(std::string_view bytes) {
    while (const auto event = decoder_.next(bytes)) {
      if (event->kind == WsEvent::Kind::Text) {
        last = json::parse(event->data);
        words_.push_back(fake::word_of(last));
      } else if (event->kind == WsEvent::Kind::Close) {
        words_.push_back("close " + std::to_string(event->code));
        std::string answer;
        append_ws_close(answer, event->code, "", std::array<std::uint8_t, 4>{});
        if (rig_.plain && answers_close) {
          boost::system::error_code ignored;
          asio::write(stream_.next_layer(), asio::buffer(answer), ignored);
        }
      } else {
        words_.push_back("?");
      }
    }
  }

  Rig& rig_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ssl::stream<tcp::socket> stream_;
  std::array<std::uint8_t, 16> nonce_{1, 2, 3};
  WsDecoder decoder_{WsRole::Client, {.message_bytes_max = kServerFrameBytesMax, .skipped_bytes_max = 0}};
  std::array<char, 4'096> room_{};
  std::deque<std::string> words_;
  bool accepted_ = false;
  int status_ = 0;
  bool reading_ = true;
  bool waits_ = false;
  bool ended_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

TEST_CASE("gateway: login, send, deliver, acknowledge, over plain and TLS", "[im][gateway]") {
  const bool with_tls = GENERATE(false, true);
  CAPTURE(with_tls);
  Rig rig({}, with_tls);
  Client denny(rig), vinson(rig);
  denny.log_in("denny");
  vinson.hello("vinson");
  CHECK(vinson.hear(1) == Words{"welcome 10"});
  CHECK(rig.news.told() == Words{"vinson phone came"});
  CHECK(rig.metrics.online.read() == 2);

  denny.ask(1, "send", {{"to", "vinson"}, {"client_id", "c-1"}, {"elements", {{{"type", "text"}, {"text", "hi"}}}}});
  rig.until([&] { return !rig.service.sends.empty(); });
  CHECK(json::parse(rig.service.sends.front().first.elements)[0]["text"] == "hi");
  rig.commit(new_message("vinson", 11));
  rig.service.pop(rig.service.sends).second(SendReply{{ConvId{7}, Seq{11}}, {}, Ver{11}});
  CHECK(denny.hear(1) == Words{"res 1 0"});
  CHECK(vinson.hear(1) == Words{"deliver 1 11"});
  CHECK(vinson.last["items"][0]["message"]["id"] == "7-11");
  vinson.say(R"({"type":"ack","pos":1,"ver":10})");
  rig.until([&] { return !rig.news.all.empty(); });
  CHECK(rig.news.told() == Words{"vinson phone acknowledged 11"});
  const auto devices = rig.gateway->connected({AppId{1}, "vinson"});
  REQUIRE(devices.size() == 1);
  CHECK((devices[0].device == "phone" && devices[0].foreground && devices[0].acknowledged == Ver{11}));
  CHECK(rig.gateway->connected({AppId{2}, "vinson"}).empty());
}

TEST_CASE("gateway: who is no WebSocket is answered, who is one too many too", "[im][gateway]") {
  Rig rig({.connections_max = 3,
           .connections_per_address_max = 2,
           .trusted_proxies = {*server::AddressRange::parse("127.0.0.0/8")}});
  const auto get = [&](const std::string& request) {
    tcp::socket socket(rig.io);
    socket.connect({asio::ip::address_v4::loopback(), rig.port()});
    asio::write(socket, asio::buffer(request));
    std::string head;
    bool done = false;
    asio::async_read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n", [&](auto, auto) { done = true; });
    rig.until([&] { return done; });
    return head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0;
  };
  CHECK(get("GET / HTTP/1.1\r\nHost: h\r\n\r\n") == 404);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n") == 426);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n") == 400);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n") == 426);
  const std::string from_a = "X-Forwarded-For: 198.51.100.1", from_b = "X-Forwarded-For: 198.51.100.2";
  Client first(rig, from_a);
  std::optional<Client> second(std::in_place, rig, from_a);
  CHECK(second->accepted());
  CHECK(Client(rig, from_a).status() == 429);
  Client other(rig, from_b);
  CHECK(other.accepted());
  CHECK(Client(rig, from_b).status() == 503);
  second.reset();
  rig.until([&] { return rig.gateway->connections() == 2; });
  CHECK(Client(rig, from_a).accepted());
}

TEST_CASE("gateway: a device that does not acknowledge for 10 s is due, and again when its connection ends",
          "[im][gateway]") {
  Rig rig;
  std::optional<Client> client(std::in_place, rig);
  client->log_in("denny");
  rig.commit(new_message("denny", 11));
  CHECK(client->hear(1) == Words{"deliver 1 11"});
  rig.pass(milliseconds(9'900));
  CHECK(rig.news.told().empty());
  rig.pass(milliseconds(150));  // wake-ups are 50 ms coarse
  CHECK(rig.news.told() == Words{"denny phone left"});
  CHECK_FALSE(rig.gateway->connected({AppId{1}, "denny"})[0].foreground);
  client->ack(1);
  rig.until([&] { return rig.news.all.size() == 2; });
  CHECK(rig.news.told() == Words{"denny phone acknowledged 11", "denny phone came"});
  rig.commit(new_message("denny", 12));
  client.reset();
  rig.until([&] { return !rig.news.all.empty(); });
  CHECK(rig.news.told() == Words{"denny phone left"});
  CHECK(rig.gateway->connected({AppId{1}, "denny"}).empty());
  CHECK(rig.metrics.online.read() == 0);
}

TEST_CASE("gateway: a displaced device hears why, another device's connection lives", "[im][gateway]") {
  Rig rig;
  Client phone(rig), tablet(rig);
  phone.log_in("denny", "phone");
  tablet.log_in("denny", "tablet");
  Committed committed;
  committed.ended.push_back({{{AppId{1}, "denny"}, "phone", Epoch{1}, Platform::Ios}, Ended::Why::Displaced});
  rig.gateway->committed(committed);
  CHECK(phone.hear(2) == Words{"bye kicked_device", "close 4001"});
  phone.until_ended();
  CHECK(rig.news.told() == Words{"denny phone left"});
  rig.commit(new_message("denny", 11));
  CHECK(tablet.hear(1) == Words{"deliver 1 11"});
}

TEST_CASE("gateway: a device that reconnects replaces its lingering connection and is never gone", "[im][gateway]") {
  Rig rig;
  Client old(rig);
  old.log_in("denny");
  rig.commit(new_message("denny", 11));
  Client fresh(rig);
  SECTION("the login's reply comes first") {
    fresh.hello("denny");
    CHECK(fresh.hear(1) == Words{"welcome 10"});
  }
  SECTION("the end of the old login is told before the reply to the new one") {
    rig.service.at_once = nullptr;
    fresh.hello("denny");
    rig.until([&] { return !rig.service.logins.empty(); });
    Committed committed;
    committed.ended.push_back({{{AppId{1}, "denny"}, "phone", Epoch{1}, Platform::Ios}, Ended::Why::SameDevice});
    rig.gateway->committed(committed);
    SECTION("and it comes") {
      rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 2, 11));
      CHECK(fresh.hear(1) == Words{"welcome 11"});
    }
    SECTION("and it is refused") {
      rig.service.pop(rig.service.logins).second(refuse(Code::Internal, "fault"));
      CHECK(fresh.hear(1) == Words{"welcome refused 70500"});
      CHECK(rig.news.told() == Words{"denny phone left"});
      return;
    }
  }
  CHECK(old.hear(3) == Words{"deliver 1 11", "bye kicked_instance", "close 4002"});
  old.until_ended();
  CHECK(rig.news.told() == Words{"denny phone came"});
  CHECK(rig.gateway->connected({AppId{1}, "denny"}).size() == 1);
}

TEST_CASE("gateway: a frame above the limit is answered, a violation closes", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.log_in("denny");
  client.say(R"({"type":"req","id":5,"op":"send","body":{"client_id":"c-9","to":")" + std::string(300'000, 'b') +
             "\"}}");
  CHECK(client.hear(1) == Words{"res 5 80002"});
  CHECK(client.last["limit_bytes"] == 65'536);
  client.say(R"({"type":"ping"})");
  CHECK(client.hear(1) == Words{"pong"});
  client.write("\x81\x01x");
  CHECK(client.hear(2) == Words{"bye protocol", "close 1002"});
  rig.pass(milliseconds(2'100));  // what it says behind its mistake is not read, its Close neither
  client.until_ended();
}

TEST_CASE("gateway: a slow reader is told that it is behind, and all comes in order", "[im][gateway]") {
  Rig rig;
  Client slow(rig), other(rig);
  slow.log_in("denny");
  other.log_in("vinson");
  slow.stop_reading();
  for (int ver = 11; ver <= 210; ++ver) {
    rig.commit(new_message("denny", ver, "[\"" + std::string(3'000, 'x') + "\"]"));
    if (ver % 10 == 0) rig.settle();
  }
  rig.commit(new_message("vinson", 11));
  CHECK(other.hear(1) == Words{"deliver 1 11"});  // nobody else waits
  rig.pass(seconds(60));
  CHECK(rig.news.told().front() == "denny phone left");
  slow.say(R"({"type":"ping"})");
  slow.go_on();
  for (int i = 1; i <= 64; ++i)
    CHECK(slow.hear(1) == Words{"deliver " + std::to_string(i) + " " + std::to_string(10 + i)});
  CHECK(slow.hear(2) == Words{"behind 75", "pong"});
  slow.ack(64);
  slow.ask(1, "sync", {{"ver", 74}});
  rig.until([&] { return !rig.service.syncs.empty(); });
  SyncReply reply;
  reply.ver = Ver{210};
  rig.service.pop(rig.service.syncs).second(reply);
  CHECK(slow.hear(1) == Words{"res 1 0"});
  CHECK(slow.last["body"]["more"] == false);
  rig.commit(new_message("denny", 211));
  CHECK(slow.hear(1) == Words{"deliver 65 211"});
}

TEST_CASE("gateway: a client that reads nothing holds up its own requests, in bounded memory", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.log_in("denny");
  client.stop_reading();
  for (int id = 1; id <= 30; ++id) client.ask(id, "pull", {{"peer", "b"}});
  PullReply large;
  large.messages.resize(4);
  for (Message& each : large.messages) each.elements = "[\"" + std::string(61'000, 'x') + "\"]";
  std::size_t answered = 0;
  for (int turn = 0; turn < 100; ++turn) {
    rig.settle();
    CHECK(rig.service.pulls.size() <= 4);
    while (!rig.service.pulls.empty()) {
      rig.service.pop(rig.service.pulls).second(large);
      ++answered;
    }
  }
  CHECK(answered < 30);
  client.go_on();
  for (std::size_t id = 1; id <= 30; ++id) {
    for (; !rig.service.pulls.empty(); ++answered) rig.service.pop(rig.service.pulls).second(large);
    rig.until([&] {
      for (; !rig.service.pulls.empty(); ++answered) rig.service.pop(rig.service.pulls).second(large);
      return answered == 30 || !client.silent();
    });
    CHECK(client.hear(1) == Words{"res " + std::to_string(id) + " 0"});
  }
  CHECK(answered == 30);
}

TEST_CASE("gateway: a stranger is closed after 10 s, though he never answers the Close", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.answers_close = false;
  REQUIRE(client.accepted());
  rig.pass(milliseconds(9'900));
  CHECK(rig.gateway->connections() == 1);
  rig.pass(milliseconds(200));
  CHECK(rig.gateway->connections() == 1);
  rig.pass(milliseconds(2'100));
  CHECK(rig.gateway->connections() == 0);
  CHECK(client.hear(2) == Words{"bye protocol", "close 1008"});
  client.until_ended();
}

TEST_CASE("gateway: an address that fails often waits for its answers, a good signature of it does not",
          "[im][gateway]") {
  Rig rig({.failed_logins_per_minute = 2});
  for (int i = 0; i < 2; ++i) {
    Client bad(rig);
    bad.hello("denny", "phone", "bad");
    CHECK(bad.hear(1) == Words{"welcome refused 70009"});
  }
  Client held(rig), good(rig);
  held.hello("denny", "phone", "bad");
  CHECK(held.silent());
  good.hello("denny");
  CHECK(good.hear(1) == Words{"welcome 10"});
  CHECK(held.silent());
  rig.pass(milliseconds(5'100));
  CHECK(held.hear(2) == Words{"welcome refused 70009", "close 1008"});
  CHECK(rig.metrics.logins_held.read() == 1);
}

TEST_CASE("gateway: logins at once are bounded, the refused are told when", "[im][gateway]") {
  Rig rig({.logins_open_max = 1});
  rig.service.at_once = nullptr;
  Client first(rig), second(rig);
  first.hello("denny");
  rig.until([&] { return !rig.service.logins.empty(); });
  second.hello("vinson");
  CHECK(second.hear(2) == Words{"welcome refused 70169", "close 1008"});
  CHECK(rig.metrics.logins_put_off.read() == 1);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 4));
  CHECK(first.hear(1) == Words{"welcome 4"});
  Client third(rig);
  third.hello("vinson");
  rig.until([&] { return !rig.service.logins.empty(); });
}

TEST_CASE("gateway: a server that goes down tells each client its own delay, and takes nobody", "[im][gateway]") {
  Rig rig;
  std::deque<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(rig).log_in("user" + std::to_string(i));
  rig.gateway->drain();
  std::set<std::int64_t> delays;
  for (Client& each : clients) {
    CHECK(each.hear(1) == Words{"bye draining"});
    delays.insert(each.last["delay_ms"].get<std::int64_t>());
    CHECK(each.hear(1) == Words{"close 1001"});
    each.until_ended();
  }
  CHECK(delays.size() > 4);
  CHECK(*delays.rbegin() <= 10'000);
  CHECK(Client(rig).status() == 503);
  CHECK(rig.gateway->connections() == 0);
}

TEST_CASE("gateway: its end leaves nothing behind, whatever is under way", "[im][gateway]") {
  Rig rig;
  Client online(rig), joining(rig), asking(rig);
  online.log_in("denny");
  asking.log_in("asker");
  asking.ask(1, "read", {{"peer", "b"}});
  asking.ask(2, "logout");
  rig.service.at_once = nullptr;
  joining.hello("vinson");
  rig.until([&] { return !rig.service.logins.empty() && !rig.service.logouts.empty(); });
  rig.commit(new_message("denny", 11));
  auto handler = rig.gateway->handler();
  rig.gateway.reset();
  rig.service.pop(rig.service.logins).second(login_reply("vinson", "phone", 5, 1));
  rig.service.pop(rig.service.reads)(ReadReply{});
  rig.service.pop(rig.service.logouts)(Answer<void>{});
  online.until_ended();
  joining.until_ended();
  CHECK(Client(rig).status() == 503);
}

}  // namespace
}  // namespace nightpost::im
