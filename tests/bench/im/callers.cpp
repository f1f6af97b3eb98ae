#include "bench/im/callers.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "core/text.h"
#include "net/h2_session.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kCallersStandstill = 30s;
constexpr std::size_t kStreamsEach = 50;  // of a connection, below the server's limit
constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// An answer that is whole, of a connection's first bytes; nullopt: not yet.
struct Http1Answer {
  int status = 0;
  std::size_t head_bytes = 0, body_bytes = 0;
};
std::optional<Http1Answer> http1_answer(std::string_view bytes) {
  const std::size_t end = bytes.find(kHeadEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string head = ascii_lower(bytes.substr(0, end + 2));
  Http1Answer answer{.head_bytes = end + kHeadEnd.size()};
  constexpr std::string_view kLength = "\r\ncontent-length:";
  const std::size_t at = head.find(kLength);
  if (!head.starts_with("http/1.1 ") || at == std::string::npos) throw std::runtime_error("an answer of: " + head);
  std::from_chars(head.data() + 9, head.data() + head.size(), answer.status);
  const std::size_t number = head.find_first_not_of(' ', at + kLength.size());
  std::from_chars(head.data() + number, head.data() + head.size(), answer.body_bytes);
  if (bytes.size() < answer.head_bytes + answer.body_bytes) return std::nullopt;
  return answer;
}

}  // namespace

struct Callers::Connection {
  Connection(std::uint16_t port, SSL_CTX* tls) : wire(port, tls) {}

  Wire wire;
  bool watches_writing = false;
  std::string out;  // HTTP/1.1: what is to be written, and what has come
  std::size_t out_at = 0;
  std::string in;
  std::optional<std::uint64_t> tag;  // on its way
  std::unique_ptr<net::H2Session> h2;
  struct Sent {
    std::uint64_t tag = 0;
    std::unique_ptr<HttpRequest> request;  // borrowed by h2
  };
  std::unordered_map<std::uint64_t, Sent> sent;  // by a number of our own: tags may repeat
  std::vector<net::H2Session::Done> ended;

  bool has_room() const { return h2 ? h2->settings_seen() && sent.size() < kStreamsEach : !tag.has_value(); }
};

Callers::Callers(const ImBed& bed, RestHttp http, std::size_t at_once)
    : bed_(bed),
      http_(http),
      tls_(client_tls(http == RestHttp::Two ? "h2" : "http/1.1")),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      room_(65'536) {
  if (epoll_.get() < 0) throw std::runtime_error("epoll_create1");
  const std::size_t count = http == RestHttp::Two ? (at_once + kStreamsEach - 1) / kStreamsEach : at_once;
  for (std::size_t i = 0; i < count; ++i) {
    Connection& made = *connections_.emplace_back(std::make_unique<Connection>(bed.rest_port(), tls_.get()));
    if (http == RestHttp::Two)
      made.h2 = std::make_unique<net::H2Session>(net::H2Session::Options{.authority = "localhost"});
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &made}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, made.wire.fd(), &event) != 0) throw std::runtime_error("epoll_ctl");
    flush(made);
  }
}

Callers::~Callers() = default;

void Callers::call(std::uint64_t tag, std::string_view command, std::string body) {
  ++open_;
  waiting_.push_back(
      {tag, fmt::format("/v4/{}?{}&random={}", command, bed_.rest_query(), ++randoms_), std::move(body)});
}

void Callers::start_waiting() {
  for (std::size_t tried = 0; tried < connections_.size() && !waiting_.empty();) {
    Connection& connection = *connections_[next_];
    if (!connection.has_room()) {
      next_ = (next_ + 1) % connections_.size();
      ++tried;
      continue;
    }
    tried = 0;
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    if (connection.h2) {
      auto owned = std::make_unique<HttpRequest>();
      owned->path = std::move(request.path);
      owned->headers = {{"content-type", "application/json"}};
      owned->body = std::move(request.body);
      const std::uint64_t key = ++keys_;
      const auto stream = connection.h2->submit(*owned, key);
      if (!stream) throw std::runtime_error("HTTP/2: " + stream.error().detail);
      connection.sent.emplace(key, Connection::Sent{request.tag, std::move(owned)});
    } else {
      connection.tag = request.tag;
      connection.out = fmt::format(
          "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
          request.path, request.body.size(), request.body);
      flush(connection);
      next_ = (next_ + 1) % connections_.size();
    }
  }
  if (http_ == RestHttp::Two)
    for (const auto& connection : connections_) flush(*connection);
}

void Callers::flush(Connection& connection) {
  bool waits = false;
  if (connection.h2) {
    for (auto bytes = connection.h2->next_output(); !bytes.empty(); bytes = connection.h2->next_output()) {
      const std::size_t sent = connection.wire.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      connection.h2->mark_sent(sent);
      waits = sent == 0;
      if (waits) break;
    }
  } else {
    while (connection.out_at < connection.out.size()) {
      const std::size_t sent = connection.wire.write(std::string_view(connection.out).substr(connection.out_at));
      connection.out_at += sent;
      waits = sent == 0;
      if (waits) break;
    }
    if (!waits) {
      connection.out.clear();
      connection.out_at = 0;
    }
  }
  if (std::exchange(connection.watches_writing, waits) == waits) return;
  epoll_event event{.events = EPOLLIN | (waits ? std::uint32_t(EPOLLOUT) : 0), .data = {.ptr = &connection}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.wire.fd(), &event) != 0)
    throw std::runtime_error("epoll_ctl");
}

void Callers::ready(Connection& connection, std::uint32_t happened) {
  if ((happened & ~std::uint32_t(EPOLLOUT)) != 0) read(connection);
  if ((happened & EPOLLOUT) != 0) flush(connection);
}

void Callers::read(Connection& connection) {
  while (const std::size_t got = connection.wire.read(room_)) {
    if (connection.h2) {
      if (const auto fed = connection.h2->feed({reinterpret_cast<const std::uint8_t*>(room_.data()), got}); !fed)
        throw std::runtime_error("HTTP/2: " + fed.error().detail);
      connection.h2->take_done(connection.ended);
      for (const net::H2Session::Done& each : connection.ended) {
        if (!each.reply) throw std::runtime_error("HTTP/2: " + each.reply.error().detail);
        const std::uint64_t tag = connection.sent.at(each.tag).tag;
        connection.sent.erase(each.tag);
        done(tag, each.reply->status, each.reply->body);
      }
      continue;
    }
    connection.in.append(room_.data(), got);
    const auto answer = http1_answer(connection.in);
    if (!answer) continue;
    if (!connection.tag || connection.in.size() != answer->head_bytes + answer->body_bytes)
      throw std::runtime_error("an answer to nothing: " + connection.in);
    const std::string whole = std::exchange(connection.in, {});
    done(*std::exchange(connection.tag, std::nullopt), answer->status,
         std::string_view(whole).substr(answer->head_bytes));
  }
  if (connection.h2) flush(connection);
}

void Callers::done(std::uint64_t tag, int status, std::string_view body) {
  --open_;
  ++answers_;
  if (status != 200 || !body.contains(R"("ErrorCode":0)"))
    throw std::runtime_error(fmt::format("HTTP {}: {}", status, body));
  answered(tag, body);
}

void Callers::turn(Clock::time_point until) {
  start_waiting();
  const auto wait = std::max<std::chrono::nanoseconds>(until - Clock::now(), 0ns);
  const timespec most{.tv_sec = static_cast<time_t>(wait / 1s), .tv_nsec = static_cast<long>((wait % 1s).count())};
  std::array<epoll_event, 256> happened;
  const int count = ::epoll_pwait2(epoll_.get(), happened.data(), int(happened.size()), &most, nullptr);
  if (count < 0 && errno != EINTR) throw std::runtime_error("epoll_pwait2");
  for (int i = 0; i < count; ++i)
    ready(*static_cast<Connection*>(happened[std::size_t(i)].data.ptr), happened[std::size_t(i)].events);
  start_waiting();
}

void Callers::turn_until_answered(std::string_view what) {
  auto moved_at = Clock::now();
  for (std::uint64_t before = answers_; open_ > 0; turn(Clock::now() + 100ms)) {
    const auto now = Clock::now();
    if (std::exchange(before, answers_) != answers_) moved_at = now;
    if (now - moved_at > kCallersStandstill) throw std::runtime_error(fmt::format("{}: no answer for 30 s", what));
  }
}

void Callers::call_all(std::string_view command, std::vector<std::string> bodies,
                       const std::function<void(std::string_view body)>& take) {
  const auto before = std::exchange(answered, [&](std::uint64_t, std::string_view body) {
    if (take) take(body);
  });
  for (std::string& body : bodies) call(0, command, std::move(body));
  turn_until_answered(command);
  answered = before;
}

}  // namespace nightpost::bench
