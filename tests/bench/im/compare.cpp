// The same messages through Centrifugo, a WebSocket broker in memory: for scale, what WebSocket and JSON cost a server
// that keeps nothing.
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <stdexcept>

#include "bench/im/measure.h"
#include "bench/im/phases.h"
#include "bench/im/wire.h"
#include "im/gateway/handshake.h"
#include "im/gateway/websocket.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kBrokerStandstill = 30s;
constexpr std::int64_t kFirstPublish = 10;  // its requests' ids are above it
constexpr std::array<std::uint8_t, 16> kBrokerNonce{'b', 'e', 'n', 'c', 'h'};

class Centrifugo {
 public:
  explicit Centrifugo(const std::string& program)
      : port_(support::free_port()), process_({program, "--config", config()}, {.log_file = folder_.file("log")}) {
    if (!support::eventually(20s, [&] { return answers() || !process_.running(); }) || !process_.running())
      throw std::runtime_error("centrifugo does not come up:\n" + support::read_file(folder_.file("log")));
  }
  std::uint16_t port() const noexcept { return port_; }
  support::Usage usage() const { return process_.usage(); }

 private:
  /// Anybody may do anything; nothing is kept.
  std::string config() const {
    const nlohmann::json channels = {{"allow_subscribe_for_client", true},
                                     {"allow_subscribe_for_anonymous", true},
                                     {"allow_publish_for_client", true},
                                     {"allow_publish_for_anonymous", true}};
    return folder_.write("config.json", nlohmann::json{{"http_server", {{"address", "127.0.0.1"}, {"port", port_}}},
                                                       {"client", {{"insecure", true}, {"allowed_origins", {"*"}}}},
                                                       {"channel", {{"without_namespace", channels}}},
                                                       {"log", {{"level", "error"}}}}
                                            .dump());
  }
  bool answers() const {
    try {
      return Wire(port_, nullptr).fd() >= 0;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  support::TempFolder folder_{"centrifugo"};
  const std::uint16_t port_;
  support::Process process_;
};

/// Senders are the clients [0, pairs), receivers [pairs, 2 · pairs), each subscribed to a channel of his own.
class BrokerPairs {
 public:
  BrokerPairs(const ImPlan& plan, const Centrifugo& broker)
      : broker_(broker), epoll_(::epoll_create1(EPOLL_CLOEXEC)), pairs_(plan.pairs), room_(65'536) {
    for (std::size_t i = 0; i < 2 * plan.pairs; ++i) {
      Client& made = clients_.emplace_back(broker.port());
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, made.wire.fd(), &event) != 0) throw std::runtime_error("epoll_ctl");
      made.out = im::ws_client_request("127.0.0.1", "/connection/websocket", kBrokerNonce);
      flush(i);
      turn_until([&] { return made.upgraded; }, "upgrade");
      say(i, R"({"id":1,"connect":{}})");
      if (i >= plan.pairs) say(i, fmt::format(R"({{"id":2,"subscribe":{{"channel":"{}"}}}})", channel(i - plan.pairs)));
      flush(i);
    }
    turn_until([&] { return answers_ == 3 * plan.pairs; }, "connects and subscriptions");
  }

  struct Span {
    Clock::duration time{};
    std::chrono::microseconds cpu{0};
    std::vector<Clock::duration> latencies;
  };
  Span closed(std::size_t messages) {
    return measured([&] {
      left_ = messages;
      for (std::size_t i = 0; i < pairs_.size() && left_ > 0; ++i) send_next(i);
      turn_until([&] { return left_ == 0 && open_ == 0; }, "closed loop");
    });
  }
  Span steady(double per_s, std::chrono::seconds span) {
    return measured([&] {
      const auto count = static_cast<std::size_t>(per_s * seconds_of(span));
      const auto start = Clock::now();
      for (std::size_t i = 0; i < count; ++i) {
        const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(static_cast<double>(i) / per_s));
        while (Clock::now() < due) turn(due);
        send(i % pairs_.size(), due);
      }
      turn_until([&] { return open_ == 0; }, "steady rate");
    });
  }

 private:
  struct Client {
    explicit Client(std::uint16_t port) : wire(port, nullptr) {}
    Wire wire;
    bool upgraded = false, is_dirty = false;
    std::string out, head;
    im::WsDecoder decoder{im::WsRole::Client, {.message_bytes_max = 262'144, .skipped_bytes_max = 262'144}};
  };
  struct Pair {
    std::int64_t sent = 0, answered = 0, arrived = 0;
    std::deque<Clock::time_point> due;
  };
  static std::string channel(std::size_t pair) { return fmt::format("receiver-{}", pair); }

  Span measured(const std::function<void()>& load) {
    latencies_.clear();
    const auto cpu = broker_.usage().cpu;
    const auto start = Clock::now();
    load();
    return {.time = Clock::now() - start, .cpu = broker_.usage().cpu - cpu, .latencies = std::move(latencies_)};
  }
  void say(std::size_t index, std::string_view json) {
    Client& client = clients_[index];
    const auto bits = static_cast<std::uint32_t>(random_());
    std::array<std::uint8_t, 4> mask;
    std::memcpy(mask.data(), &bits, mask.size());
    im::append_ws_frame(client.out, im::WsOpcode::Text, json, mask);
    if (!std::exchange(client.is_dirty, true)) dirty_.push_back(index);
  }
  /// Requests are small and few: the kernel takes them.
  void flush(std::size_t index) {
    Client& client = clients_[index];
    client.is_dirty = false;
    for (std::string_view left = client.out; !left.empty();) {
      const std::size_t sent = client.wire.write(left);
      if (sent == 0) throw std::runtime_error("a socket that takes nothing");
      left.remove_prefix(sent);
    }
    client.out.clear();
  }
  void send_next(std::size_t pair) {
    --left_;
    send(pair, Clock::now());
  }
  void send(std::size_t index, Clock::time_point due) {
    Pair& pair = pairs_[index];
    const std::int64_t number = ++pair.sent;
    pair.due.push_back(due);
    open_ += 2;
    say(index, fmt::format(R"({{"id":{1},"publish":{{"channel":"{2}","data":{{"client_id":"c-{0}","elements":)"
                           R"([{{"type":"text","text":"{0} Shall we meet at the station at seven?"}}]}}}}}})",
                           number, number + kFirstPublish, channel(index)));
  }
  void turn(Clock::time_point until) {
    for (const std::size_t index : std::exchange(dirty_, {})) flush(index);
    const auto wait = std::max<std::chrono::nanoseconds>(until - Clock::now(), 0ns);
    const timespec most{.tv_sec = static_cast<time_t>(wait / 1s), .tv_nsec = static_cast<long>((wait % 1s).count())};
    std::array<epoll_event, 256> happened;
    const int count = ::epoll_pwait2(epoll_.get(), happened.data(), int(happened.size()), &most, nullptr);
    for (int i = 0; i < count; ++i) read(happened[std::size_t(i)].data.u64);
    for (const std::size_t index : std::exchange(dirty_, {})) flush(index);
  }
  void turn_until(const std::function<bool()>& done, std::string_view what) {
    auto moved_at = Clock::now();
    for (std::uint64_t before = frames_; !done(); turn(Clock::now() + 100ms)) {
      const auto now = Clock::now();
      if (std::exchange(before, frames_) != frames_) moved_at = now;
      if (now - moved_at > kBrokerStandstill)
        throw std::runtime_error(fmt::format("centrifugo: {}: nothing came for 30 s", what));
    }
  }
  void read(std::size_t index) {
    Client& client = clients_[index];
    const std::size_t got = client.wire.read(room_);
    std::string_view bytes(room_.data(), got);
    if (!client.upgraded) {
      client.head += bytes;
      const std::size_t end = client.head.find("\r\n\r\n");
      if (end == std::string::npos) return;
      if (!im::ws_client_accepted(std::string_view(client.head).substr(0, end + 2), kBrokerNonce))
        throw std::runtime_error(client.head);
      ++frames_;
      client.upgraded = true;
      client.head.erase(0, end + 4);
      bytes = client.head;
    }
    while (const auto event = client.decoder.next(bytes)) {
      if (event->kind != im::WsEvent::Kind::Text)
        throw std::runtime_error(fmt::format("centrifugo: a message of kind {}", int(event->kind)));
      // Several objects may share a message, a line each.
      for (std::string_view rest = event->data; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (end > 0) take(index, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  void take(std::size_t index, std::string_view text) {
    ++frames_;
    if (text == "{}") return say(index, "{}");  // a ping
    const simdjson::dom::element frame = parser_.parse(text.data(), text.size());
    std::int64_t id = 0;
    if (frame["error"].error() == simdjson::SUCCESS) throw std::runtime_error("centrifugo: " + std::string(text));
    if (frame["id"].get(id) == simdjson::SUCCESS) {
      ++answers_;
      if (id <= 2) return;
      Pair& pair = pairs_.at(index);
      if (id != ++pair.answered + kFirstPublish) throw std::runtime_error("centrifugo: " + std::string(text));
      return ended(index);
    }
    const std::string_view words = frame["push"]["pub"]["data"]["elements"].at(0)["text"];
    std::int64_t number = 0;
    std::from_chars(words.data(), words.data() + words.size(), number);
    Pair& pair = pairs_.at(index - pairs_.size());
    if (number != ++pair.arrived) throw std::runtime_error("centrifugo: out of order: " + std::string(text));
    latencies_.push_back(Clock::now() - pair.due.front());
    pair.due.pop_front();
    ended(index - pairs_.size());
  }
  void ended(std::size_t index) {
    --open_;
    const Pair& pair = pairs_[index];
    if (left_ > 0 && pair.answered == pair.sent && pair.arrived == pair.sent) send_next(index);
  }

  const Centrifugo& broker_;
  Descriptor epoll_;
  std::deque<Client> clients_;
  std::vector<Pair> pairs_;
  std::vector<std::size_t> dirty_;
  std::vector<char> room_;
  std::size_t left_ = 0, open_ = 0, answers_ = 0;
  std::uint64_t frames_ = 0;
  std::vector<Clock::duration> latencies_;
  simdjson::dom::parser parser_;
  std::mt19937 random_{1};
};

void add_compared(Measured& run, const std::string& prefix, BrokerPairs::Span span) {
  const auto count = static_cast<double>(span.latencies.size());
  run[prefix + "messages_per_s"] = count / seconds_of(span.time);
  run[prefix + "cpu_us_per_message"] = static_cast<double>(span.cpu.count()) / count;
  run[prefix + "p50_ms"] = percentile_ms(span.latencies, 0.5);
  run[prefix + "p99_ms"] = percentile_ms(span.latencies, 0.99);
}

}  // namespace

void measure_centrifugo(const ImPlan& plan, const std::string& program, Measured& run) {
  const Centrifugo broker(program);
  BrokerPairs pairs(plan, broker);
  pairs.closed(plan.pairs);  // unmeasured
  add_compared(run, "centrifugo_", pairs.closed(plan.messages));
  const double half = run["centrifugo_messages_per_s"].get<double>() / 2;
  // As late as nightpost im at the same rate, where that was measured.
  const double per_s = run.contains("half_messages_per_s") ? run["half_messages_per_s"].get<double>() : half;
  add_compared(run, "centrifugo_half_", pairs.steady(per_s, plan.half_rate));
}

}  // namespace nightpost::bench
