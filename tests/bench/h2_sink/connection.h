// One client of the sink: TLS around an nghttp2 server session. Answers every request 200 with the apns-id it came with
// once its body has ended. Single-threaded.
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/h2_sink/tally.h"
#include "core/c_handle.h"

namespace nightpost::bench {

struct SessionOptions {
  std::uint32_t streams_max = 1000;  // SETTINGS_MAX_CONCURRENT_STREAMS
};

class Connection {
 public:
  /// Takes the socket, which is non-blocking. `tally` outlives it.
  Connection(int socket, SSL_CTX* context, const SessionOptions& options, Tally& tally);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class State { Reading, WantsWrite, Over };
  /// Reads and answers until the socket would block. Over: destroy it.
  State run();
  int socket() const noexcept { return socket_; }

 private:
  /// A request being read. Used again and again, so its strings stop allocating.
  struct Stream {
    std::int32_t id = 0;
    Request request;
  };
  static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* self);
  static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* self);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* self);

  Stream* stream(std::int32_t id);
  int answer(Stream& stream);
  bool read_some();  // false: it is over
  bool write_all();  // false: it is over

  int socket_;
  Tally& tally_;
  Handle<SSL, SSL_free> ssl_;
  Handle<nghttp2_session, nghttp2_session_del> session_;
  std::vector<std::unique_ptr<Stream>> streams_;  // owns
  std::vector<Stream*> spare_;
  Stream* current_ = nullptr;  // whose frames come now: saves nghttp2's look-up
  std::string output_;         // not yet taken by TLS from written_ on
  std::size_t written_ = 0;
  bool accepted_ = false;
  bool drained_ = false;  // the last read found nothing more
};

}  // namespace nightpost::bench
