// h2_sink: an APNs-shaped end of the line for benchmarks. It answers 200 as cheaply as it can and counts.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <unordered_map>

#include "bench/h2_sink/connection.h"
#include "bench/h2_sink/tls.h"

namespace nightpost::bench {
namespace {

struct Arguments {
  std::uint16_t port = 0;
  std::string ready_file, ca_file, certificate_file, key_file;
  std::size_t records_max = 0;
  bool control = false;
  SessionOptions session;
};

void need(bool ok, const char* what) {
  if (!ok) throw std::system_error(errno, std::generic_category(), what);
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  need(in && (text << in.rdbuf()), path.c_str());
  return std::move(text).str();
}

void spill(const std::string& path, std::string_view bytes) {
  // Renamed into place, so that a reader who sees the file sees all of it.
  const std::string next = path + ".new";
  std::ofstream out(next, std::ios::binary | std::ios::trunc);
  need(out && (out << bytes) && out.flush() && std::rename(next.c_str(), path.c_str()) == 0, path.c_str());
}

int listen_on(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  need(::bind(fd, generic, size) == 0 && ::listen(fd, 128) == 0 && ::getsockname(fd, generic, &size) == 0, "listen");
  port = ntohs(address.sin_port);
  return fd;
}

class Sink {
 public:
  explicit Sink(Arguments arguments) : arguments_(std::move(arguments)), tally_(arguments_.records_max) {
    Identity identity;
    if (arguments_.certificate_file.empty()) {
      identity = make_identity();
    } else {
      identity = {.certificate_pem = slurp(arguments_.certificate_file), .key_pem = slurp(arguments_.key_file)};
    }
    context_ = make_context(identity);
    if (!arguments_.ca_file.empty()) spill(arguments_.ca_file, identity.certificate_pem);

    ::sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1}) ::sigaddset(&wanted, number);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    listener_ = listen_on(arguments_.port);
    need(signals_ >= 0 && epoll_ >= 0, "epoll");
    watch(signals_, EPOLLIN);
    watch(listener_, EPOLLIN);
    if (arguments_.control) watch(STDIN_FILENO, EPOLLIN);
  }

  void run() {
    const std::string ready = R"({"origin":"https://localhost:)" + std::to_string(arguments_.port) + R"(","port":)" +
                              std::to_string(arguments_.port) + "}";
    say(ready);
    if (!arguments_.ready_file.empty()) spill(arguments_.ready_file, ready + "\n");
    while (!leaving_) {
      std::array<epoll_event, 64> events;
      const int n = ::epoll_wait(epoll_, events.data(), int(events.size()), -1);
      need(n >= 0 || errno == EINTR, "epoll_wait");
      for (int i = 0; i < n; ++i) on_event(events[std::size_t(i)].data.fd);
    }
    if (!arguments_.control) say(tally_.json());
  }

 private:
  struct Client {
    std::unique_ptr<Connection> connection;
    std::uint32_t watched = EPOLLIN;
  };

  static void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
  }
  void watch(int fd, std::uint32_t events, int how = EPOLL_CTL_ADD) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    need(::epoll_ctl(epoll_, how, fd, &event) == 0, "epoll_ctl");
  }

  void on_event(int fd) {
    if (fd == listener_) return on_connect();
    if (fd == signals_) return on_signal();
    if (fd == STDIN_FILENO) return on_control();
    const auto client = clients_.find(fd);
    if (client == clients_.end()) return;
    const Connection::State state = client->second.connection->run();
    if (state == Connection::State::Over) {
      clients_.erase(client);
      return;
    }
    const std::uint32_t wanted = state == Connection::State::WantsWrite ? EPOLLOUT : EPOLLIN;
    if (wanted != client->second.watched) watch(fd, client->second.watched = wanted, EPOLL_CTL_MOD);
  }

  void on_connect() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    clients_.emplace(fd, Client{std::make_unique<Connection>(fd, context_.get(), arguments_.session, tally_)});
    watch(fd, EPOLLIN);
  }

  void on_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGUSR1) {
      say(tally_.json());
    } else {
      leaving_ = true;
    }
  }

  /// A command a line; the end of input ends the sink, so it never outlives whoever holds the pipe.
  void on_control() {
    std::array<char, 4'096> bytes;
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n <= 0) {
      leaving_ = true;
      return;
    }
    commands_.append(bytes.data(), std::size_t(n));
    for (std::size_t end = 0; (end = commands_.find('\n')) != std::string::npos; commands_.erase(0, end + 1))
      command(commands_.substr(0, end));
  }

  void command(const std::string& line) {
    constexpr std::string_view kDump = "dump ";
    if (line == "stats") {
      say(tally_.json());
    } else if (line == "reset") {
      tally_.reset();
      say("ok");
    } else if (line.starts_with(kDump)) {
      say(tally_.dump(line.substr(kDump.size())) ? "ok" : "cannot write");
    } else {
      say("unknown command");
    }
  }

  Arguments arguments_;
  Tally tally_;
  SslContext context_;
  int epoll_ = -1, listener_ = -1, signals_ = -1;  // closed by the process' end
  std::unordered_map<int, Client> clients_;
  std::string commands_;
  bool leaving_ = false;
};

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("Answers every HTTP/2 request 200 and counts. First line on stdout: where. SIGUSR1 prints the counts.");
  app.add_option("--port", arguments.port, "0 picks a free one");
  app.add_option("--ready-file", arguments.ready_file, "written once it listens");
  app.add_option("--ca-file", arguments.ca_file, "where the trust anchor is written");
  CLI::Option* key = app.add_option("--key", arguments.key_file, "PEM");
  app.add_option("--certificate", arguments.certificate_file, "PEM; absent: a throw-away one")->needs(key);
  app.add_option("--streams-max", arguments.session.streams_max, "MAX_CONCURRENT_STREAMS");
  app.add_option("--records-max", arguments.records_max, "requests kept for `dump FILE`");
  app.add_flag("--control", arguments.control, "commands on stdin: stats, reset, dump FILE; its end is ours");
  CLI11_PARSE(app, argc, argv);
  try {
    nightpost::bench::Sink(std::move(arguments)).run();
  } catch (const std::exception& error) {
    std::cerr << "h2_sink: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
