#include "bench/im/bare_writer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <ctime>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "bench/im/measure.h"
#include "bench/im/wire.h"

namespace nightpost::bench {
namespace {

using std::chrono::microseconds;

void need_bare(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("bare writer: ") + what);
}

microseconds thread_cpu() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::duration_cast<microseconds>(std::chrono::seconds(used.tv_sec) +
                                                  std::chrono::nanoseconds(used.tv_nsec));
}

/// The writing end: a listener, and a thread that accepts and writes.
class BareWriter {
 public:
  BareWriter(std::size_t connections, std::string frame, std::size_t messages, std::size_t window, bool tls)
      : connections_(connections), frame_(std::move(frame)), messages_(messages), window_(window) {
    std::tie(listener_, port_) = listen_anywhere();
    if (tls) tls_ = server_tls();
    thread_ = std::jthread([this] {
      try {
        run();
      } catch (...) {
        failed_ = std::current_exception();
      }
    });
  }
  ~BareWriter() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept
    arrived(messages_);
  }
  BareWriter(const BareWriter&) = delete;
  BareWriter& operator=(const BareWriter&) = delete;
  std::uint16_t port() const noexcept { return port_; }
  /// So many messages have come everywhere.
  void arrived(std::size_t messages) {
    arrived_ = messages;
    arrived_.notify_one();
  }
  microseconds cpu() {
    thread_.join();
    if (failed_) std::rethrow_exception(failed_);
    return cpu_;
  }

 private:
  struct Peer {
    Descriptor socket;
    Handle<SSL, SSL_free> tls;
  };
  void run() {
    peers_ = std::vector<Peer>(connections_);
    for (Peer& peer : peers_) {
      peer.socket = Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      need_bare(peer.socket.get() >= 0, "accept");
      const int on = 1;
      ::setsockopt(peer.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (!tls_) continue;
      peer.tls.reset(SSL_new(tls_.get()));
      need_bare(peer.tls && SSL_set_fd(peer.tls.get(), peer.socket.get()) == 1 && SSL_accept(peer.tls.get()) == 1,
                "TLS handshake");
    }
    const auto before = thread_cpu();
    for (std::size_t message = 0; message < messages_; ++message) {
      for (std::size_t seen = arrived_; message >= seen + window_; seen = arrived_) arrived_.wait(seen);
      for (Peer& peer : peers_) write(peer);
    }
    cpu_ = thread_cpu() - before;
  }
  void write(Peer& peer) {
    if (peer.tls) {
      std::size_t written = 0;
      return need_bare(SSL_write_ex(peer.tls.get(), frame_.data(), frame_.size(), &written) == 1, "TLS write");
    }
    for (std::size_t at = 0; at < frame_.size();) {
      const ssize_t n = ::send(peer.socket.get(), frame_.data() + at, frame_.size() - at, MSG_NOSIGNAL);
      need_bare(n > 0, "write");
      at += static_cast<std::size_t>(n);
    }
  }

  const std::size_t connections_;
  const std::string frame_;
  const std::size_t messages_, window_;
  Descriptor listener_;
  std::uint16_t port_ = 0;
  Handle<SSL_CTX, SSL_CTX_free> tls_;
  std::vector<Peer> peers_;  // of the thread; open until the reader has everything
  std::atomic<std::size_t> arrived_ = 0;
  microseconds cpu_{0};
  std::exception_ptr failed_;
  std::jthread thread_;
};

}  // namespace

BareFanOut bare_fan_out(std::size_t connections, std::size_t bytes, std::size_t messages, std::size_t window,
                        bool tls) {
  const Handle<SSL_CTX, SSL_CTX_free> context = tls ? client_tls("") : nullptr;
  BareWriter writer(connections, std::string(bytes, 'x'), messages, window, tls);
  const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Wire> wires;
  wires.reserve(connections);
  for (std::size_t i = 0; i < connections; ++i) {
    const Wire& made = wires.emplace_back(writer.port(), context.get());
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    need_bare(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, made.fd(), &event) == 0, "epoll_ctl");
  }
  std::vector<char> room(65'536);
  std::array<epoll_event, 256> happened;
  const std::size_t one = connections * bytes;  // of a message, everywhere
  std::size_t came = 0;
  Clock::time_point start{};
  while (came < one * messages) {
    const int count = ::epoll_wait(epoll.get(), happened.data(), int(happened.size()), 5'000);
    need_bare(count > 0, "nothing came for 5 s");
    if (came == 0) start = Clock::now();
    for (int i = 0; i < count; ++i)
      while (const std::size_t got = wires[happened[std::size_t(i)].data.u64].read(room)) came += got;
    writer.arrived(came / one);
  }
  const double time = seconds_of(Clock::now() - start);
  const auto deliveries = static_cast<double>(connections * messages);
  return {.deliveries_per_s = deliveries / time, .cpu_us = static_cast<double>(writer.cpu().count()) / deliveries};
}

}  // namespace nightpost::bench
