// The socket of `nightpost chat`: a WebSocket over TLS, by Beast and not by our server's codec, so that each finds what
// the other has wrong. Beast shows in the .cpp alone, for it is slow to compile.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::app {

struct ChatUrl {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 443;
  std::string authority, path;
};
/// "wss://host[:port][/path]"; the path is /ws if there is none. Malformed: anything else.
Result<ChatUrl> parse_chat_url(std::string_view text);

struct ChatWireEvents {
  std::function<void()> opened;
  std::function<void(std::string_view frame)> frame;
  std::function<void(std::string_view why)> closed;  // the last of each connect(), also when nothing was opened
};

/// One connection at a time. Single-threaded, on `loop`; no event comes from inside a call, none after the destructor.
class ChatWire {
 public:
  static constexpr std::chrono::seconds kOpenLimit{15};       // TCP, TLS and the upgrade together
  static constexpr std::chrono::seconds kCloseLimit{2};       // for the peer's close
  static constexpr std::size_t kFrameMax = 1024 * 1024;       // bytes; a server promises 256 KiB
  static constexpr std::size_t kUnsentMax = 4 * 1024 * 1024;  // bytes not written yet; beyond it the connection ends

  /// The system's authorities are trusted, and those of `ca_pem`, which may be empty. Malformed: `ca_pem` is no PEM.
  static Result<std::unique_ptr<ChatWire>> make(boost::asio::io_context& loop, ChatUrl url, const std::string& ca_pem,
                                                ChatWireEvents events);
  ~ChatWire();
  ChatWire(const ChatWire&) = delete;
  ChatWire& operator=(const ChatWire&) = delete;

  void connect();
  void send(std::string frame);  // nothing is sent unless it is open
  void close();                  // after what was sent; does nothing if there is no connection
  bool busy() const noexcept;    // between connect() and `closed`

 private:
  struct Ground;
  class Connection;
  explicit ChatWire(std::unique_ptr<Ground> ground);
  std::unique_ptr<Ground> ground_;
  std::shared_ptr<Connection> connection_;  // shared with the handlers of what it has begun
};

}  // namespace nightpost::app
