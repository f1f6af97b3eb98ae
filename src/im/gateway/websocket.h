// WebSocket's framing (RFC 6455 §5), both ends of it: bytes in, messages out. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost::im {

/// Whose bytes are read and written: a client masks what it sends, a server does not (§5.1).
enum class WsRole : std::uint8_t { Server, Client };
enum class WsOpcode : std::uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

// Close codes (§7.4.1).
inline constexpr std::uint16_t kWsNormal = 1000;
inline constexpr std::uint16_t kWsGoingAway = 1001;
inline constexpr std::uint16_t kWsProtocolError = 1002;
inline constexpr std::uint16_t kWsUnsupported = 1003;
inline constexpr std::uint16_t kWsNoCode = 1005;  // said by nobody: a Close without a code
inline constexpr std::uint16_t kWsNotUtf8 = 1007;
inline constexpr std::uint16_t kWsPolicy = 1008;
inline constexpr std::uint16_t kWsTooBig = 1009;

struct WsLimits {
  std::size_t message_bytes_max = 65'536;     // of a message, all its fragments together
  std::size_t skipped_bytes_max = 1'048'576;  // a longer message, up to this, is skipped; beyond it is an error (1009)
};

struct WsEvent {
  enum class Kind : std::uint8_t {
    Text,     // whole, valid UTF-8
    Binary,   // whole
    TooLong,  // a message above message_bytes_max: `data` is its beginning, `bytes` its length
    Ping,     // to be answered by a Pong with `data`
    Pong,
    Close,  // `code`, and `data` the reason; nothing is read any more
    Error,  // close with `code`; `data` says why; nothing is read any more
  };
  Kind kind;
  std::string_view data;  // until the next call
  std::size_t bytes = 0;
  std::uint16_t code = 0;
};

/// The bytes of the other end. Holds at most message_bytes_max and a control frame; little between messages.
class WsDecoder {
 public:
  explicit WsDecoder(WsRole own, WsLimits limits = {}) : own_(own), limits_(limits) {}
  /// Takes from `bytes` up to the end of what makes an event. nullopt: all is taken, more is needed.
  std::optional<WsEvent> next(std::string_view& bytes);
  /// From the next message on.
  void set_limits(WsLimits limits) noexcept { limits_ = limits; }

 private:
  static constexpr std::size_t kHeadMax = 14;  // two bytes, eight of length, four of mask
  std::size_t head_size() const noexcept;
  const char* read_head();  // why it is refused; null: good
  std::optional<WsEvent> take_payload(std::string_view& bytes);
  bool is_text_so_far();
  std::optional<WsEvent> end_of_frame();
  WsEvent close_event();
  WsEvent error(std::uint16_t code, std::string_view why);

  WsRole own_;
  WsLimits limits_;
  std::array<std::uint8_t, kHeadMax> head_{};
  std::uint8_t head_have_ = 0;
  bool in_payload_ = false;
  bool over_ = false;
  bool final_ = false;
  WsOpcode opcode_ = WsOpcode::Text;                  // of this frame
  WsOpcode message_opcode_ = WsOpcode::Continuation;  // of the message under way; Continuation: there is none
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t payload_left_ = 0;
  std::uint64_t payload_at_ = 0;
  std::size_t message_bytes_ = 0;  // of all fragments so far, those skipped too
  std::size_t message_good_ = 0;   // bytes of a text's message_ that are whole characters
  std::string message_;
  std::string control_;
};

/// The head of a server's frame with that much payload, for payloads that are shared.
void append_ws_head(std::string& out, WsOpcode opcode, std::size_t payload_bytes);
/// A whole frame. `mask` is a client's, unpredictable (§10.3); nullopt: a server's frame.
void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::array<std::uint8_t, 4>> mask = std::nullopt);
/// `reason` is cut to what a control frame holds.
void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason,
                     std::optional<std::array<std::uint8_t, 4>> mask = std::nullopt);

}  // namespace nightpost::im
