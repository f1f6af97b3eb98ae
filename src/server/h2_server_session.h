// The server half of an HTTP/2 connection (RFC 9113) by nghttp2, pure.
#pragma once

#include <nghttp2/nghttp2.h>

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

#include "core/c_handle.h"
#include "server/flood_budget.h"
#include "server/server_session.h"

namespace nightpost::server {

class H2ServerSession final : public ServerSession {
 public:
  struct Options {
    SessionLimits limits;
    std::uint32_t streams_max_first = 1;
    std::uint32_t window_first = 65'535;
    bool any_scheme = false;  // see ServerTls
    FloodLimits floods;
  };
  /// Queues our SETTINGS.
  H2ServerSession(const Options& options, MonoTime now);
  ~H2ServerSession() override;

  Result<void> feed(std::string_view received, MonoTime now) override;
  std::vector<ServerRequest> take_requests() override;
  void respond(std::int32_t stream, const ServerResponse& response, MonoTime now) override;
  void reset(std::int32_t stream, std::uint32_t code) override;
  void goaway(const ServerGoaway& goaway) override;
  void announce(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings) override;
  void pull_output(std::string& out) override;
  bool finished() const noexcept override;
  bool serving() const noexcept override;
  std::optional<MonoTime> deadline() const override;
  void expire(MonoTime now) override;

 private:
  struct Stream;
  struct Hooks;  // nghttp2's callbacks
  Stream* find(std::int32_t id) noexcept;
  std::optional<MonoTime> due_of(const Stream& stream) const;
  std::optional<MonoTime> due_of_head() const;
  void answer(std::int32_t id, Stream& stream, const ServerResponse& response);
  bool hold(Stream& stream, std::size_t bytes);
  void let_go(Stream& stream);
  void cut(Stream& stream);
  void pump();
  bool count_frame(const nghttp2_frame_hd& frame);
  void count_reset();
  void end_calmly(ServerRefusal why);

  Options options_;
  Handle<nghttp2_session, nghttp2_session_del> session_;
  std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;  // opened by the peer and not closed
  std::size_t unfinished_bytes_ = 0;                                   // of streams_ that are not whole
  std::vector<ServerRequest> complete_;
  std::string output_;
  std::uint32_t streams_max_;             // the last one announced
  std::deque<std::uint32_t> announcing_;  // limits of the SETTINGS frames not yet in output_
  MonoTime now_;                          // of the call under way, for nghttp2's callbacks
  std::optional<MonoTime> head_since_;    // a header block that has begun and not ended
  bool head_continues_ = false;           // CONTINUATION must follow
  bool head_invalid_ = false;
  std::optional<MonoTime> preface_since_;
  FloodBudget resets_;
  FloodBudget control_frames_;
  std::optional<ServerRefusal> flood_;  // seen inside nghttp2, which must be left first
  bool over_ = false;                   // our last GOAWAY is in output_, and nghttp2 is asked no more
};

}  // namespace nightpost::server
