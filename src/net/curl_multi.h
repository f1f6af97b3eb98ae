// libcurl's multi_socket interface on an Asio loop: it says which sockets and timers it waits for, the loop waits.
#pragma once

#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/c_handle.h"
#include "core/time.h"

namespace nightpost::net {

class CurlMulti;

struct CurlDone {
  CURL* easy;
  CURLcode code;
};

class CurlMultiOwner {
 public:
  /// What ended, already taken out of the multi. From the loop, never from inside libcurl or a call of CurlMulti's.
  virtual void on_transfers_done(CurlMulti& multi, std::span<const CurlDone> done) = 0;

 protected:
  ~CurlMultiOwner() = default;
};

/// One pool of connections. Single-threaded, on its loop, which outlives it. Held by shared_ptr, so that it may be let
/// go of from inside on_transfers_done.
class CurlMulti : public std::enable_shared_from_this<CurlMulti> {
 public:
  struct Options {
    std::size_t connections_max = 0;
    std::size_t streams_max = 0;
    milliseconds unacknowledged_max{0};  // TCP gives a connection up whose bytes nobody acknowledged for this long
  };
  CurlMulti(boost::asio::io_context& loop, const Options& options, CurlMultiOwner& owner);
  ~CurlMulti();  // closes every connection. REQUIRED: no transfer is in it
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  bool add(CURL* easy);  // false: out of memory
  void remove(CURL* easy);
  std::size_t transfers() const noexcept { return transfers_; }
  std::size_t connections() const noexcept { return connections_; }
  std::size_t opened() const noexcept { return opened_; }  // since it was made

 private:
  struct Socket;
  struct Callbacks;
  void watch(curl_socket_t fd, int what);
  void arm(const std::shared_ptr<Socket>& socket);
  void ready(const std::shared_ptr<Socket>& socket, int flags);
  void wake_in(long ms);
  void on_socket_event(curl_socket_t fd, int flags);

  boost::asio::io_context& loop_;
  CurlMultiOwner& owner_;
  milliseconds unacknowledged_max_;
  boost::asio::steady_timer timer_;
  bool wake_posted_ = false;
  std::size_t transfers_ = 0, connections_ = 0, opened_ = 0;
  std::unordered_map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
  std::vector<CurlDone> done_;
  Handle<CURLM, curl_multi_cleanup> multi_;  // last: closes its sockets through the members above
};

}  // namespace nightpost::net
