#include "net/curl_multi.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <new>
#include <stdexcept>
#include <utility>

namespace nightpost::net {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kDoneKept = 1'024;  // room for so many that end at once; a peak's goes

/// A descriptor libcurl waits on. Shared with the waits in the loop, which may come back once more after it is closed.
struct CurlMulti::Socket {
  explicit Socket(asio::io_context& loop, CurlMulti& of) : multi(&of), descriptor(loop) {}
  CurlMulti* multi;  // null: closed
  asio::posix::stream_descriptor descriptor;
  bool ours = false;  // else libcurl's own, of its resolver: it is only borrowed
  int wanted = CURL_POLL_NONE;
  bool reading = false, writing = false;
};

/// libcurl's side. Nothing here may throw, nor call libcurl back.
struct CurlMulti::Callbacks {
  static curl_socket_t open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept {
    CurlMulti& multi = *static_cast<CurlMulti*>(self);
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    const auto patience = static_cast<unsigned int>(multi.unacknowledged_max_.count());
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    const auto socket = std::make_shared<Socket>(multi.loop_, multi);
    error_code refused;
    socket->descriptor.assign(fd, refused);
    if (refused) {
      ::close(fd);
      return CURL_SOCKET_BAD;
    }
    socket->ours = true;
    multi.sockets_[fd] = socket;
    ++multi.connections_;
    ++multi.opened_;
    return fd;
  }

  static int close(void* self, curl_socket_t fd) noexcept {
    CurlMulti& multi = *static_cast<CurlMulti*>(self);
    const auto found = multi.sockets_.find(fd);
    if (found == multi.sockets_.end()) return ::close(fd);
    Socket& socket = *found->second;
    socket.multi = nullptr;
    error_code ignored;
    socket.descriptor.close(ignored);
    --multi.connections_;
    multi.sockets_.erase(found);
    return 0;
  }

  static int watch(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    static_cast<CurlMulti*>(self)->watch(fd, what);
    return 0;
  }
  static int wake_in(CURLM*, long ms, void* self) noexcept {
    static_cast<CurlMulti*>(self)->wake_in(ms);
    return 0;
  }
};

CurlMulti::CurlMulti(asio::io_context& loop, const Options& options, CurlMultiOwner& owner)
    : loop_(loop), owner_(owner), unacknowledged_max_(options.unacknowledged_max), timer_(loop) {
  // libcurl's process-wide state: made by whoever is first, kept to the end.
  [[maybe_unused]] static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::bad_alloc();
  const auto set = [&](CURLMoption option, auto value) {
    if (curl_multi_setopt(multi_.get(), option, value) != CURLM_OK)
      throw std::runtime_error("libcurl refuses an option of its multi interface");  // not the one we were built with
  };
  set(CURLMOPT_SOCKETFUNCTION, Callbacks::watch);
  set(CURLMOPT_SOCKETDATA, this);
  set(CURLMOPT_TIMERFUNCTION, Callbacks::wake_in);
  set(CURLMOPT_TIMERDATA, this);
  set(CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  const auto connections = static_cast<long>(options.connections_max);
  set(CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  set(CURLMOPT_MAXCONNECTS, connections);
  set(CURLMOPT_MAX_CONCURRENT_STREAMS, static_cast<long>(options.streams_max));
}

CurlMulti::~CurlMulti() {
  multi_.reset();
  for (const auto& [fd, socket] : sockets_) {  // what libcurl lent us and did not ask back
    socket->multi = nullptr;
    socket->descriptor.release();
  }
}

bool CurlMulti::add(CURL* easy) {
  const auto set = [&](CURLoption option, auto value) { return curl_easy_setopt(easy, option, value) == CURLE_OK; };
  // Its connections' sockets are this object's: libcurl may keep and close them long after their transfer.
  const bool own_sockets = set(CURLOPT_OPENSOCKETFUNCTION, Callbacks::open) && set(CURLOPT_OPENSOCKETDATA, this) &&
                           set(CURLOPT_CLOSESOCKETFUNCTION, Callbacks::close) && set(CURLOPT_CLOSESOCKETDATA, this);
  if (!own_sockets || curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) return false;
  ++transfers_;
  return true;
}

void CurlMulti::remove(CURL* easy) {
  curl_multi_remove_handle(multi_.get(), easy);
  --transfers_;
}

void CurlMulti::watch(curl_socket_t fd, int what) {
  const auto found = sockets_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == sockets_.end()) return;
    Socket& socket = *found->second;
    socket.wanted = CURL_POLL_NONE;  // a wait that is under way ends by itself, and unheeded
    if (socket.ours) return;
    socket.multi = nullptr;
    socket.descriptor.release();
    sockets_.erase(found);
    return;
  }
  std::shared_ptr<Socket> socket;
  if (found != sockets_.end()) {
    socket = found->second;
  } else {
    socket = std::make_shared<Socket>(loop_, *this);
    error_code refused;
    socket->descriptor.assign(fd, refused);
    if (refused) return;  // the transfer's deadline ends it
    sockets_[fd] = socket;
  }
  socket->wanted = what;
  arm(socket);
}

void CurlMulti::arm(const std::shared_ptr<Socket>& socket) {
  using Wait = asio::posix::stream_descriptor;
  if ((socket->wanted & CURL_POLL_IN) != 0 && !std::exchange(socket->reading, true))
    socket->descriptor.async_wait(Wait::wait_read, [socket](error_code error) {
      socket->reading = false;
      if (!error && socket->multi != nullptr) socket->multi->ready(socket, CURL_POLL_IN);
    });
  if ((socket->wanted & CURL_POLL_OUT) != 0 && !std::exchange(socket->writing, true))
    socket->descriptor.async_wait(Wait::wait_write, [socket](error_code error) {
      socket->writing = false;
      if (!error && socket->multi != nullptr) socket->multi->ready(socket, CURL_POLL_OUT);
    });
}

void CurlMulti::ready(const std::shared_ptr<Socket>& socket, int flags) {
  if ((socket->wanted & flags) == 0) return;
  const auto self = shared_from_this();
  static_assert(CURL_POLL_IN == CURL_CSELECT_IN && CURL_POLL_OUT == CURL_CSELECT_OUT);
  on_socket_event(socket->descriptor.native_handle(), flags);
  if (socket->multi != nullptr) arm(socket);
}

void CurlMulti::wake_in(long ms) {
  if (ms < 0) {
    timer_.cancel();
    return;
  }
  const auto again = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_socket_event(CURL_SOCKET_TIMEOUT, 0);
  };
  if (ms > 0) {
    timer_.expires_after(milliseconds(ms));
    timer_.async_wait([again](error_code error) {
      if (!error) again();
    });
  } else if (!std::exchange(wake_posted_, true)) {  // many transfers begin at once; one turn is enough for them
    asio::post(loop_, [weak = weak_from_this(), again] {
      if (const auto self = weak.lock()) self->wake_posted_ = false;
      again();
    });
  }
}

void CurlMulti::on_socket_event(curl_socket_t fd, int flags) {
  const auto self = shared_from_this();
  int running = 0;
  curl_multi_socket_action(multi_.get(), fd, flags, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
    if (message->msg == CURLMSG_DONE) done_.push_back({message->easy_handle, message->data.result});
  if (done_.empty()) return;
  std::vector<CurlDone> done = std::exchange(done_, {});
  for (const CurlDone& one : done) remove(one.easy);
  owner_.on_transfers_done(*this, done);
  done.clear();
  if (done.capacity() <= kDoneKept) done_.swap(done);  // keeps the memory
}

}  // namespace nightpost::net
