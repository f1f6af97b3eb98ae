// CONNECT (RFC 9110 §9.3.6): the request for a tunnel, and the head of a proxy's answer. Pure: bytes in, a status out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/origin.h"
#include "net/proxy.h"

namespace nightpost::net {

/// What CONNECT names: "host:port", the port always.
std::string tunnel_target(const Origin& origin);
/// The whole request, with Basic credentials (RFC 7617) if the proxy has some. REQUIRED: not logged.
std::string connect_request(const Origin& origin, const Proxy& proxy);
/// Why there is no tunnel, in a line that names the proxy and what ops can do. `reason`: the proxy's own words, or
/// none.
std::string tunnel_refused(const Proxy& proxy, std::string_view target, int status, std::string_view reason);

/// Reads the head of the answer, however it is cut into pieces. Interim answers (1xx) are skipped.
class ConnectAnswer {
 public:
  static constexpr std::size_t kHeadBytesMax = 16'384;  // of all heads together
  static constexpr std::size_t kReasonBytesMax = 100;   // of what is kept of the reason

  /// True: the head is whole. Malformed: no HTTP/1 answer, a head that is too large, or bytes behind the head of a 2xx:
  /// TLS begins with us, so none can be the vendor's. What follows another answer's head is not read.
  Result<bool> feed(std::string_view bytes);
  /// The two below: REQUIRED: the head is whole.
  int status() const noexcept { return status_; }
  bool tunnelled() const noexcept { return status_ >= 200 && status_ < 300; }
  const std::string& reason() const noexcept { return reason_; }  // printable ASCII

 private:
  Result<void> take_line();
  Result<void> take_status_line();

  std::string line_;
  std::string reason_;
  std::size_t bytes_ = 0;
  int status_ = 0;  // 0: its line has not come yet
  bool whole_ = false;
};

}  // namespace nightpost::net
