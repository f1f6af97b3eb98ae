// The server half of an HTTP/2 connection (RFC 9113) by nghttp2, pure.
#pragma once

#include <nghttp2/nghttp2.h>

#include <deque>
#include <memory>
#include <unordered_map>

#include "core/c_handle.h"
#include "server/server_session.h"

namespace nightpost::server {

class H2ServerSession final : public ServerSession {
 public:
  struct Options {
    std::uint32_t streams_max_first = 1;
    std::uint32_t window_first = 65'535;
    std::size_t body_bytes_max = 1'048'576;
    std::size_t headers_bytes_max = 65'536;
    bool any_scheme = false;  // see ServerTls
  };
  /// Queues our SETTINGS.
  explicit H2ServerSession(Options options);
  ~H2ServerSession() override;

  Result<void> feed(std::string_view received) override;
  std::vector<ServerRequest> take_requests() override;
  void perform(std::int32_t stream, const ServerAction& action) override;
  void pull_output(std::string& out) override;
  bool finished() const noexcept override;

 private:
  struct Stream;
  struct Hooks;  // nghttp2's callbacks
  Stream* find(std::int32_t id) noexcept;
  void queue_settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries);
  void respond(std::int32_t id, Stream& stream, const ServerResponse& response);
  void pump();

  Options options_;
  Handle<nghttp2_session, nghttp2_session_del> session_;
  std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;  // opened by the peer and not closed
  std::vector<ServerRequest> complete_;
  std::string output_;
  std::uint32_t streams_max_;             // the last one announced
  std::deque<std::uint32_t> announcing_;  // limits of the SETTINGS frames not yet in output_
};

}  // namespace nightpost::server
