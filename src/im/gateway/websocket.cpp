#include "im/gateway/websocket.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kControlBytesMax = 125;  // §5.5
constexpr std::size_t kKeptCapacity = 256;     // of a buffer between messages

bool is_control(WsOpcode opcode) noexcept { return static_cast<std::uint8_t>(opcode) >= 8; }

/// Codes that an endpoint may send: §7.4.1 and IANA's registry, §7.4.2.
bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/// Empties a buffer and gives back what a large message took.
void reset(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

/// §5.3. `at` is where in the payload `text` begins.
void unmask(char* text, std::size_t size, const std::array<std::uint8_t, 4>& mask, std::uint64_t at) noexcept {
  std::array<char, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = static_cast<char>(mask[(at + i) % 4]);
  std::uint64_t word_mask = 0;
  std::memcpy(&word_mask, turned.data(), sizeof word_mask);
  std::size_t i = 0;
  for (; i + sizeof word_mask <= size; i += sizeof word_mask) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + i, sizeof word);
    word ^= word_mask;
    std::memcpy(text + i, &word, sizeof word);
  }
  for (; i < size; ++i) text[i] = static_cast<char>(text[i] ^ turned[i % 4]);
}

/// Whether `text`, the first bytes of a character that is not whole, can still become one: with the least or the
/// greatest bytes behind it. At most one of them is right where the second byte's range is narrow (Unicode 15 §3.9,
/// table 3-7).
bool may_become_utf8(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() >= size) return false;
  for (const char last : {'\x80', '\xbf'}) {
    std::string whole(text);
    whole.resize(size, last);
    if (is_valid_utf8(whole)) return true;
  }
  return false;
}

/// How much of `text` is whole characters; nullopt: what is behind them is UTF-8 neither now nor whatever follows.
std::optional<std::size_t> utf8_so_far(std::string_view text) {
  if (is_valid_utf8(text)) return text.size();
  std::size_t whole = text.size();
  for (std::size_t cut = 1; cut <= 3 && cut <= text.size(); ++cut) {
    --whole;
    if ((static_cast<std::uint8_t>(text[whole]) & 0xC0U) == 0xC0U) break;  // a character's first byte
  }
  if (!is_valid_utf8(text.substr(0, whole)) || !may_become_utf8(text.substr(whole))) return std::nullopt;
  return whole;
}

}  // namespace

std::size_t WsDecoder::head_size() const noexcept {
  if (head_have_ < 2) return 2;
  const unsigned length = head_[1] & 0x7FU;
  return 2 + (length == 126 ? 2U : length == 127 ? 8U : 0U) + ((head_[1] & 0x80U) != 0 ? 4U : 0U);
}

const char* WsDecoder::read_head() {
  final_ = (head_[0] & 0x80U) != 0;
  if ((head_[0] & 0x70U) != 0) return "a reserved bit is set, and no extension was agreed on";
  const unsigned opcode = head_[0] & 0x0FU;
  if ((opcode > 2 && opcode < 8) || opcode > 10) return "an unknown opcode";
  opcode_ = static_cast<WsOpcode>(opcode);
  const bool masked = (head_[1] & 0x80U) != 0;
  if (masked != (own_ == WsRole::Server))
    return own_ == WsRole::Server ? "a client's frame without a mask" : "a server's frame with a mask";
  std::uint64_t length = head_[1] & 0x7FU;
  std::size_t at = 2;
  if (length >= 126) {
    const std::size_t width = length == 126 ? 2 : 8;
    length = 0;
    for (std::size_t i = 0; i < width; ++i) length = length << 8U | head_[at++];
    if (width == 8 && length >> 63U != 0) return "a length above 2^63";
    if (length < (width == 2 ? 126U : 65'536U)) return "a length in more bytes than it needs";
  }
  if (masked) std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(at), 4, mask_.begin());
  if (is_control(opcode_)) {
    if (!final_) return "a control frame in fragments";
    if (length > kControlBytesMax) return "a control frame above 125 bytes";
  } else if (opcode_ == WsOpcode::Continuation) {
    if (message_opcode_ == WsOpcode::Continuation) return "a continuation of nothing";
  } else {
    if (message_opcode_ != WsOpcode::Continuation) return "a new message inside another";
    message_opcode_ = opcode_;
    message_bytes_ = 0;
    message_good_ = 0;
    reset(message_);
  }
  payload_left_ = length;
  payload_at_ = 0;
  return nullptr;
}

std::optional<WsEvent> WsDecoder::next(std::string_view& bytes) {
  if (message_opcode_ == WsOpcode::Continuation) reset(message_);  // the last one was told
  while (!over_) {
    if (!in_payload_) {
      while (head_have_ < head_size()) {
        if (bytes.empty()) return std::nullopt;
        head_[head_have_++] = static_cast<std::uint8_t>(bytes.front());
        bytes.remove_prefix(1);
      }
      if (const char* why = read_head()) return error(kWsProtocolError, why);
      head_have_ = 0;
      in_payload_ = true;
      if (is_control(opcode_)) {
        control_.clear();
      } else {
        const std::size_t most = std::max(limits_.message_bytes_max, limits_.skipped_bytes_max);
        if (payload_left_ > most - std::min(most, message_bytes_)) return error(kWsTooBig, "a message above the limit");
      }
    }
    if (auto event = take_payload(bytes)) return event;
    if (in_payload_) return std::nullopt;
  }
  bytes = {};
  return std::nullopt;
}

std::optional<WsEvent> WsDecoder::take_payload(std::string_view& bytes) {
  const std::size_t size = std::min<std::uint64_t>(payload_left_, bytes.size());
  const std::string_view part = bytes.substr(0, size);
  bytes.remove_prefix(size);
  std::string& to = is_control(opcode_) ? control_ : message_;
  const std::size_t room =
      is_control(opcode_) ? size : limits_.message_bytes_max - std::min(limits_.message_bytes_max, to.size());
  const std::size_t before = to.size();
  to.append(part.substr(0, room));
  if (own_ == WsRole::Server) unmask(to.data() + before, to.size() - before, mask_, payload_at_);
  payload_at_ += size;
  payload_left_ -= size;
  if (!is_control(opcode_)) {
    message_bytes_ += size;
    if (!is_text_so_far()) return error(kWsNotUtf8, "a text that is not UTF-8");
  }
  if (payload_left_ > 0) return std::nullopt;
  in_payload_ = false;
  return end_of_frame();
}

/// A fault in a text is told as soon as it is there, however much of the message is still to come.
bool WsDecoder::is_text_so_far() {
  if (message_opcode_ != WsOpcode::Text) return true;
  const auto good = utf8_so_far(std::string_view(message_).substr(message_good_));
  message_good_ += good.value_or(0);
  return good.has_value();
}

std::optional<WsEvent> WsDecoder::end_of_frame() {
  switch (opcode_) {
    case WsOpcode::Ping:
      return WsEvent{WsEvent::Kind::Ping, control_, control_.size(), 0};
    case WsOpcode::Pong:
      return WsEvent{WsEvent::Kind::Pong, control_, control_.size(), 0};
    case WsOpcode::Close:
      return close_event();
    case WsOpcode::Continuation:
    case WsOpcode::Text:
    case WsOpcode::Binary:
      break;
  }
  if (!final_) return std::nullopt;
  const bool text = message_opcode_ == WsOpcode::Text;
  message_opcode_ = WsOpcode::Continuation;
  if (message_bytes_ > message_.size()) return WsEvent{WsEvent::Kind::TooLong, message_, message_bytes_, 0};
  if (text && message_good_ < message_.size()) return error(kWsNotUtf8, "a text that ends within a character");
  return WsEvent{text ? WsEvent::Kind::Text : WsEvent::Kind::Binary, message_, message_bytes_, 0};
}

WsEvent WsDecoder::close_event() {
  if (control_.size() == 1) return error(kWsProtocolError, "a Close with half a code");
  std::uint16_t code = kWsNoCode;
  if (!control_.empty()) {
    code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8U |
                                      static_cast<std::uint8_t>(control_[1]));
    if (!may_be_sent(code)) return error(kWsProtocolError, "a Close with a code that may not be sent");
    if (!is_valid_utf8(std::string_view(control_).substr(2)))
      return error(kWsNotUtf8, "a Close whose reason is not UTF-8");
  }
  over_ = true;
  return {WsEvent::Kind::Close, std::string_view(control_).substr(std::min<std::size_t>(2, control_.size())), 0, code};
}

WsEvent WsDecoder::error(std::uint16_t code, std::string_view why) {
  over_ = true;
  reset(message_);
  return {WsEvent::Kind::Error, why, 0, code};
}

namespace {

void append_head(std::string& out, WsOpcode opcode, std::size_t size, std::uint8_t mask_bit) {
  out += static_cast<char>(0x80U | static_cast<std::uint8_t>(opcode));
  const unsigned width = size < 126 ? 0 : size < 65'536 ? 2 : 8;
  out += static_cast<char>(mask_bit | (width == 0 ? size : width == 2 ? 126U : 127U));
  for (unsigned i = width; i-- > 0;) out += static_cast<char>(static_cast<std::uint64_t>(size) >> (8U * i) & 0xFFU);
}

}  // namespace

void append_ws_head(std::string& out, WsOpcode opcode, std::size_t payload_bytes) {
  append_head(out, opcode, payload_bytes, 0);
}

void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::array<std::uint8_t, 4>> mask) {
  append_head(out, opcode, payload.size(), mask ? 0x80 : 0);
  if (mask) out.append(reinterpret_cast<const char*>(mask->data()), mask->size());
  const std::size_t before = out.size();
  out += payload;
  if (mask) unmask(out.data() + before, payload.size(), *mask, 0);
}

void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason,
                     std::optional<std::array<std::uint8_t, 4>> mask) {
  std::string payload = {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
  payload += reason.substr(0, kControlBytesMax - 2);
  while (!is_valid_utf8(std::string_view(payload).substr(2))) payload.pop_back();  // a character that was cut
  append_ws_frame(out, WsOpcode::Close, payload, mask);
}

}  // namespace nightpost::im
