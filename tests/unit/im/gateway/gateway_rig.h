// The gateway on a real server, and a client on a real socket of the same loop; time passes when the test says so.
#pragma once

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
#include "im/gateway/gateway.h"
#include "im/gateway/handshake.h"
#include "im/gateway/websocket.h"
#include "support/test_identity.h"

namespace nightpost::im::fake {

namespace asio = boost::asio;
using asio::ip::tcp;
using nlohmann::json;
using Words = std::vector<std::string>;

/// The asio loop with a clock that stands.
class StandingLoop final : public EventLoop {
 public:
  StandingLoop(asio::io_context& io, ManualClock& clock) : io_(io), clock_(clock) {}
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
  ManualClock& clock_;
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
    gateway.emplace(Gateway::Parts{.loop = loop,
                                   .clock = clock,
                                   .service = service,
                                   .groups = service,
                                   .calls = service,
                                   .metrics = metrics,
                                   .seed = 7},
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
  ManualClock clock;
  StandingLoop loop{io, clock};
  ScriptedService service;
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
        words_.push_back(word_of(last));
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

}  // namespace nightpost::im::fake
