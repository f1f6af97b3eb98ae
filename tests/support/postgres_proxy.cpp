#include "support/postgres_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace nightpost::support {
namespace {

constexpr int kLookMs = 5;
const std::string kName = "/.s.PGSQL.5432";

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) throw std::runtime_error("proxy: too long a path: " + path);
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

bool send_all(int to, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(to, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

/// What is there; empty: the end.
std::string read_some(int from) {
  std::array<char, 65'536> buffer{};
  const auto n = ::recv(from, buffer.data(), buffer.size(), 0);
  return {buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

}  // namespace

PostgresProxy::PostgresProxy(const std::string& url, std::string commit) {
  const std::size_t host = url.find("?host=");
  if (host == std::string::npos) throw std::runtime_error("proxy: not on a socket: " + url);
  server_path_ = url.substr(host + 6) + kName;
  url_ = url.substr(0, host + 6) + folder_.path();
  pattern_ = '\0' + std::move(commit) + '\0';  // of a Bind message: behind the portal's end
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un own = address_of(folder_.path() + kName);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || ::listen(listener_, 16) != 0)
    throw std::runtime_error("proxy: cannot listen");
  acceptor_ = std::thread([this] { accept(); });
}

PostgresProxy::~PostgresProxy() {
  stop_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  for (const int server : left_) ::close(server);
  ::close(listener_);
}

void PostgresProxy::accept() {
  while (!stop_) {
    pollfd ready{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kLookMs) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    if (refuses_) {
      ::close(client);
      continue;
    }
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, client] { carry(client); });
  }
}

void PostgresProxy::carry(int client) {
  const int abandoned = abandoned_;
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un to = address_of(server_path_);
  bool asked = false;
  bool goes_on = ::connect(server, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  while (goes_on && !stop_ && abandoned == abandoned_) {
    std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (::poll(ends.data(), ends.size(), kLookMs) <= 0) continue;
    if (ends[1].revents != 0) {
      const std::string bytes = read_some(server);
      if (std::exchange(asked, false)) ++round_trips_;
      goes_on = !bytes.empty() && send_all(client, bytes);
    }
    if (goes_on && ends[0].revents != 0) {
      const std::string bytes = read_some(client);
      asked = true;
      hold();
      goes_on = !bytes.empty() && from_client(server, bytes);
    }
  }
  ::close(client);
  if (abandoned != abandoned_) {
    const std::lock_guard lock(mutex_);
    left_.push_back(server);
  } else {
    ::close(server);
  }
}

void PostgresProxy::hold() const {
  const auto began = std::chrono::steady_clock::now();
  while (!stop_ && std::chrono::steady_clock::now() - began < delay_.load()) pause_for(milliseconds(kLookMs));
}

/// False: the connection ends.
bool PostgresProxy::from_client(int server, const std::string& bytes) {
  if (!bytes.contains(pattern_)) return send_all(server, bytes);
  const Fault fault = fault_.exchange(Fault::None);
  if (fault == Fault::None) return send_all(server, bytes);
  if (fault == Fault::LoseAnswer && send_all(server, bytes)) read_some(server);  // it is answered, so it took place
  return false;
}

}  // namespace nightpost::support
