#include "net/name_resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "core/c_handle.h"
#include "net/asio_loop.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Addresses = NameResolver::Addresses;

constexpr std::array kFamilies = {AF_INET6, AF_INET};

std::optional<asio::ip::address> address_of(const sockaddr& raw) {
  if (raw.sa_family == AF_INET) {
    asio::ip::address_v4::bytes_type bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(raw).sin_addr, bytes.size());
    return asio::ip::address_v4(bytes);
  }
  if (raw.sa_family == AF_INET6) {
    asio::ip::address_v6::bytes_type bytes;
    const auto& six = reinterpret_cast<const sockaddr_in6&>(raw);
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    return asio::ip::address_v6(bytes, six.sin6_scope_id);
  }
  return std::nullopt;
}

/// One name: what is known of it, and who waits for it.
struct Name {
  struct Family {
    bool asked = false;  // its answer is under way
    int status = ARES_SUCCESS;
    Addresses addresses;
    seconds ttl{0};
  };
  struct Waiter {
    NameResolver::Found found;
    MonoTime by;
  };
  std::array<Family, kFamilies.size()> families;
  std::vector<Waiter> waiters;
  MonoTime first_answer = MonoTime::max();  // of the look-up under way: when one family had addresses
  MonoTime fresh_until{};                   // what is known needs no look-up
  MonoTime used{};

  bool asking() const { return std::ranges::any_of(families, &Family::asked); }
  Addresses addresses() const {
    Addresses all;
    for (const Family& family : families) all.insert(all.end(), family.addresses.begin(), family.addresses.end());
    return all;
  }
};

}  // namespace

struct NameResolver::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& l, NameResolverOptions o)
      : loop(l), options(std::move(o)), ares_timer(loop), waiters_timer(loop) {}

  /// A descriptor c-ares waits on; only borrowed. Shared with the waits in the loop, which may come back once more.
  struct Socket {
    explicit Socket(asio::io_context& of) : descriptor(of) {}
    asio::posix::stream_descriptor descriptor;
    bool open = true;
    bool wants_read = false, wants_write = false;
    bool reading = false, writing = false;
  };
  struct Query {
    Impl* resolver;
    std::string host;
    std::size_t family;
  };

  asio::io_context& loop;
  const NameResolverOptions options;
  asio::steady_timer ares_timer, waiters_timer;
  std::map<std::string, Name> names;
  std::map<ares_socket_t, std::shared_ptr<Socket>> sockets;
  std::size_t queries = 0;
  bool stopped = false;
  Handle<std::remove_pointer_t<ares_channel>, ares_destroy> channel;  // null while no look-up is under way

  // ---- c-ares' side: nothing here throws

  static void on_socket(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Impl*>(self)->watch(fd, readable != 0, writable != 0);
  }
  static void on_answer(void* query, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Query> ended(static_cast<Query*>(query));
    const Handle<ares_addrinfo, ares_freeaddrinfo> owned(found);
    --ended->resolver->queries;
    ended->resolver->note_answer(ended->host, ended->family, status, found);
  }

  bool open_channel() {
    if (channel) return true;
    // c-ares' process-wide state: made by whoever is first, kept to the end.
    [[maybe_unused]] static const int kLibrary = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options wanted{};
    wanted.timeout = static_cast<int>(options.server_timeout.count());
    wanted.tries = options.server_tries;
    wanted.sock_state_cb = on_socket;
    wanted.sock_state_cb_data = this;
    ares_channel made = nullptr;
    if (ares_init_options(&made, &wanted, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
      return false;
    channel.reset(made);
    if (options.servers.empty() || ares_set_servers_ports_csv(made, options.servers.c_str()) == ARES_SUCCESS)
      return true;
    channel.reset();
    return false;
  }

  void watch(ares_socket_t fd, bool read, bool write) {
    const auto known = sockets.find(fd);
    if (!read && !write) {  // c-ares is about to close it
      if (known == sockets.end()) return;
      known->second->open = false;
      known->second->descriptor.release();
      sockets.erase(known);
      return;
    }
    std::shared_ptr<Socket> socket;
    if (known != sockets.end()) {
      socket = known->second;
    } else {
      socket = std::make_shared<Socket>(loop);
      error_code refused;
      socket->descriptor.assign(fd, refused);
      if (refused) return;  // its query times out
      sockets[fd] = socket;
    }
    socket->wants_read = read;
    socket->wants_write = write;
    arm(fd, socket);
  }

  void arm(ares_socket_t fd, const std::shared_ptr<Socket>& socket) {
    using Wait = asio::posix::stream_descriptor;
    if (socket->wants_read && !std::exchange(socket->reading, true))
      socket->descriptor.async_wait(Wait::wait_read, [weak = weak_from_this(), fd, socket](error_code failed) {
        socket->reading = false;
        const auto self = weak.lock();
        if (self && !failed && socket->open) self->process(fd, ARES_SOCKET_BAD, socket);
      });
    if (socket->wants_write && !std::exchange(socket->writing, true))
      socket->descriptor.async_wait(Wait::wait_write, [weak = weak_from_this(), fd, socket](error_code failed) {
        socket->writing = false;
        const auto self = weak.lock();
        if (self && !failed && socket->open) self->process(ARES_SOCKET_BAD, fd, socket);
      });
  }

  void process(ares_socket_t read, ares_socket_t write, const std::shared_ptr<Socket>& socket) {
    if (stopped || !channel) return;
    ares_process_fd(channel.get(), read, write);
    if (socket && socket->open) arm(read != ARES_SOCKET_BAD ? read : write, socket);
    after_ares();
  }

  /// After every call into c-ares: its next time, and the waiters whose answers came.
  void after_ares() {
    for (auto& [host, name] : names) tell(host, name);
    if (queries == 0) {
      // The next look-up makes a new one, which reads /etc/resolv.conf as it is then.
      ares_timer.cancel();
      channel.reset();
    } else if (timeval left{}; ares_timeout(channel.get(), nullptr, &left) != nullptr) {
      ares_timer.expires_after(seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
      ares_timer.async_wait([weak = weak_from_this()](error_code cancelled) {
        if (const auto self = weak.lock(); self && !cancelled) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD, {});
      });
    }
    arm_waiters();
  }

  void note_answer(const std::string& host, std::size_t which, int status, const ares_addrinfo* found) {
    if (stopped) return;
    const auto at = names.find(host);
    if (at == names.end()) return;
    Name& name = at->second;
    Name::Family& family = name.families[which];
    family.asked = false;
    family.status = status;
    family.addresses.clear();
    int ttl = std::numeric_limits<int>::max();
    for (const auto* node = found ? found->nodes : nullptr; node != nullptr; node = node->ai_next) {
      if (node->ai_addr == nullptr) continue;
      if (auto address = address_of(*node->ai_addr)) family.addresses.push_back(*std::move(address));
      ttl = std::min(ttl, node->ai_ttl);
    }
    if (family.addresses.empty() && status == ARES_SUCCESS) family.status = ARES_ENODATA;
    family.ttl = seconds(std::max(ttl, 0));
    const MonoTime now = clock_now();
    if (!family.addresses.empty()) name.first_answer = std::min(name.first_answer, now);
    if (name.asking()) return;
    name.fresh_until = now + ttl_of(name);
    name.first_answer = MonoTime::max();
  }

  milliseconds ttl_of(const Name& name) const {
    if (name.addresses().empty()) return options.failure_ttl;
    milliseconds ttl = options.ttl_max;
    for (const Name::Family& family : name.families)
      if (!family.addresses.empty()) ttl = std::min<milliseconds>(ttl, family.ttl);
    return std::max(ttl, std::min(options.ttl_min, options.ttl_max));
  }

  // ---- who waits

  Result<Addresses> answer_of(const std::string& host, const Name& name) const {
    Addresses addresses = name.addresses();
    if (!addresses.empty()) return addresses;
    // "No such name" says more than that one family's server was silent.
    const auto& [six, four] = name.families;
    const int status = four.status == ARES_SUCCESS || four.status == ARES_ENODATA ? six.status : four.status;
    return fail(status == ARES_ETIMEOUT ? Errc::Timeout : Errc::ConnectionLost,
                "resolving " + host + ": " + ares_strerror(status));
  }

  /// Answers the waiters of `name` for which it is time.
  void tell(const std::string& host, Name& name) {
    if (name.waiters.empty()) return;
    const MonoTime now = clock_now();
    const bool half = name.first_answer != MonoTime::max() && now >= name.first_answer + options.resolution_delay;
    std::vector<Name::Waiter> waiters = std::exchange(name.waiters, {});
    std::vector<Found> ready, late;
    for (Name::Waiter& waiter : waiters) {
      if (!name.asking() || half)
        ready.push_back(std::move(waiter.found));
      else if (now >= waiter.by)
        late.push_back(std::move(waiter.found));
      else
        name.waiters.push_back(std::move(waiter));
    }
    if (!ready.empty()) {
      const auto answer = answer_of(host, name);
      for (const Found& found : ready) found(answer);
    }
    const Result<Addresses> silence = fail(Errc::Timeout, "resolving " + host + ": no name server answered within " +
                                                              std::to_string(options.lookup_timeout.count()) + " ms");
    for (const Found& found : late) found(silence);
  }

  void arm_waiters() {
    MonoTime due = MonoTime::max();
    for (const auto& [host, name] : names) {
      if (name.waiters.empty()) continue;
      for (const Name::Waiter& waiter : name.waiters) due = std::min(due, waiter.by);
      if (name.first_answer != MonoTime::max()) due = std::min(due, name.first_answer + options.resolution_delay);
    }
    if (due == MonoTime::max()) {
      waiters_timer.cancel();
      return;
    }
    waiters_timer.expires_at(due);
    waiters_timer.async_wait([weak = weak_from_this()](error_code cancelled) {
      const auto self = weak.lock();
      if (cancelled || !self || self->stopped) return;
      for (auto& [host, name] : self->names) self->tell(host, name);
      self->arm_waiters();
    });
  }

  void resolve(const std::string& host, Found found) {
    // RFC 6761 §6.3; c-ares 1.18 would leak the name each time.
    if (host == "localhost" || host.ends_with(".localhost"))
      return found(Addresses{asio::ip::address_v6::loopback(), asio::ip::address_v4::loopback()});
    const MonoTime now = clock_now();
    const auto known = names.find(host);
    if (known == names.end() && !make_room(now))
      return found(fail(Errc::Overloaded, "resolving " + host + ": too many look-ups are under way"));
    Name& name = known == names.end() ? names[host] : known->second;
    name.used = now;
    if (!name.asking() && now < name.fresh_until) return found(answer_of(host, name));
    name.waiters.push_back({std::move(found), now + options.lookup_timeout});
    if (!name.asking()) ask(host, name);
    after_ares();
  }

  void ask(const std::string& host, Name& name) {
    name.first_answer = MonoTime::max();
    const bool usable = open_channel();
    for (Name::Family& family : name.families) family = {.asked = usable, .status = ARES_ENOTINITIALIZED};
    if (!usable) return;
    ares_addrinfo_hints hints{};
    hints.ai_socktype = SOCK_STREAM;
    for (std::size_t i = 0; i < kFamilies.size(); ++i) {
      hints.ai_family = kFamilies[i];
      ++queries;
      ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, on_answer,
                       new Query{this, host, i});  // on_answer's, which is called in any case
    }
  }

  /// False: every name that is kept is being asked for.
  bool make_room(MonoTime now) {
    if (names.size() < options.names_max) return true;
    std::erase_if(names, [&](const auto& entry) { return !entry.second.asking() && now >= entry.second.fresh_until; });
    if (names.size() < options.names_max) return true;
    auto oldest = names.end();
    for (auto at = names.begin(); at != names.end(); ++at)
      if (!at->second.asking() && (oldest == names.end() || at->second.used < oldest->second.used)) oldest = at;
    if (oldest == names.end()) return false;
    names.erase(oldest);
    return true;
  }

  void stop() {
    stopped = true;
    names.clear();
    channel.reset();  // ends every query, and closes its sockets by way of watch()
    ares_timer.cancel();
    waiters_timer.cancel();
  }
};

NameResolver::NameResolver(asio::io_context& loop, NameResolverOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}
NameResolver::~NameResolver() { impl_->stop(); }
void NameResolver::resolve(const std::string& host, Found found) { impl_->resolve(host, std::move(found)); }
std::size_t NameResolver::names_known() const noexcept { return impl_->names.size(); }

}  // namespace nightpost::net
