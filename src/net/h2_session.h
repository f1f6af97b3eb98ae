// The client half of one HTTP/2 connection (RFC 9113) as a pure state machine: bytes in, bytes and events out. No
// socket, no clock, no thread; nghttp2 shows in the .cpp only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/result.h"

namespace nightpost::net {

/// Events are pulled, not called back: nobody can re-enter nghttp2 from inside nghttp2. Single-threaded.
class H2Session {
 public:
  struct Options {
    std::string authority;  // ":authority" of every request
    std::uint32_t streams_max = 1000;
    std::size_t response_bytes_max = 65'536;  // of a body; header fields are held to header_bytes_max
    std::size_t header_bytes_max = 16'384;    // of a request's or an answer's fields, counted as RFC 9113 §6.5.2 does
    /// No stream is opened beyond this id (RFC 9113 §5.1.1 ends at 2^31-1; "well before" leaves a million).
    std::int32_t stream_id_max = 0x7fff'ffff - 2'000'000;
  };

  /// How far a request came. Only Unknown may duplicate when repeated.
  enum class Fate : std::uint8_t {
    Answered,
    NeverSent,     // not one byte of it was handed to the socket
    NotProcessed,  // REFUSED_STREAM, above a GOAWAY's last stream, or its END_STREAM was and will never be handed over
    Unknown,       // handed over whole, or about to be (it stands in the output), and no answer that can be used
  };
  struct Done {
    std::uint64_t tag;
    std::int32_t stream;
    Fate fate;
    Result<HttpResponse> reply;  // an error unless Answered
    bool refused = false;        // the peer said so: REFUSED_STREAM or GOAWAY
  };
  struct Goaway {
    std::uint32_t code;
    std::int32_t last_stream;
    std::string debug;  // at most 1 KiB is kept
  };

  explicit H2Session(Options options);  // queues the preface and our SETTINGS (ENABLE_PUSH=0)
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  /// Opens a stream: HEADERS, then DATA with END_STREAM. `request` is borrowed: it stays where it is, unchanged, until
  /// its Done was taken or cancel() returned. The stream id on success. Overloaded: no free stream here now.
  /// Malformed: no peer can take it (field too large, control bytes in it).
  Result<std::int32_t> submit(const HttpRequest& request, std::uint64_t tag);
  /// RST_STREAM CANCEL, or silence if nothing of it was sent. No Done follows, not even one that was to be taken. Says
  /// how far the request came; Unknown also of a stream that is over, whose request may have been sent. Never Answered.
  Fate cancel(std::int32_t stream);
  /// Takes back every request of which nothing is in the output yet: each becomes a Done with NeverSent.
  void withdraw_unsent();
  /// The connection is gone: every open request becomes a Done with `error`. No other call but take_done() may follow.
  void abandon(const Error& error);

  /// An error poisons the connection: write what next_output() still has, then close it.
  Result<void> feed(std::span<const std::uint8_t> received);
  /// The bytes to send next, gathered to about 64 KiB; more is gathered once all of it was handed over. Valid until the
  /// next call of next_output().
  /// Empty: nothing to send now.
  std::span<const std::uint8_t> next_output();
  /// So many bytes of next_output() were handed to the socket.
  void mark_sent(std::size_t bytes);
  void ping();

  /// Replaces what `done` held with what ended since the last call. Requests end in feed(), but in next_output() as
  /// well (a response that breaks HTTP, a request that may no longer be sent), in withdraw_unsent() and in abandon().
  void take_done(std::vector<Done>& done);
  /// Likewise the tags whose END_STREAM was handed to the socket.
  void take_written(std::vector<std::uint64_t>& tags);
  /// Gives back what is not in use and was made for many more than `peak` requests at once.
  void trim(std::size_t peak);
  std::size_t kept_bytes() const noexcept;  // of its buffers, in use or not
  std::uint64_t pings_acked() const noexcept;
  bool settings_seen() const noexcept;  // the peer's first SETTINGS came; before that no stream can be opened
  /// min(ours, the peer's SETTINGS_MAX_CONCURRENT_STREAMS), obeyed the moment it comes; 0 before the first SETTINGS,
  /// after a GOAWAY and when the stream ids are used up.
  std::uint32_t streams_limit() const noexcept;
  std::size_t streams_open() const noexcept;
  bool ids_used_up() const noexcept;
  std::uint64_t goaways_seen() const noexcept;
  const std::optional<Goaway>& goaway() const noexcept;  // the latest
  bool wants_io() const noexcept;                        // false: everything said and heard, safe to close

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::net
