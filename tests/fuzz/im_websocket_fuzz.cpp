// A peer's WebSocket bytes, in pieces of the size that the first byte says. Whatever the pieces, the same is heard; it
// keeps to the limits, texts are UTF-8, and nothing is heard behind an end. What is heard is the same once it was
// written and read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.h"
#include "im/gateway/websocket.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

constexpr WsLimits kLimits{.message_bytes_max = 300, .skipped_bytes_max = 1'000};
using Heard = std::vector<std::pair<WsEvent::Kind, std::string>>;

Heard hear(WsRole own, std::string_view bytes, std::size_t piece) {
  WsDecoder decoder(own, kLimits);
  Heard all;
  bool over = false;
  while (!bytes.empty()) {
    std::string_view now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    while (const auto event = decoder.next(now)) {
      must(!over);
      const bool end = event->kind == WsEvent::Kind::Close || event->kind == WsEvent::Kind::Error;
      must(event->data.size() <= kLimits.message_bytes_max);
      if (event->kind == WsEvent::Kind::Text) must(is_valid_utf8(event->data));
      if (event->kind == WsEvent::Kind::TooLong)
        must(event->bytes > kLimits.message_bytes_max && event->bytes <= kLimits.skipped_bytes_max);
      if (event->kind == WsEvent::Kind::Error) must(event->code == 1002 || event->code == 1007 || event->code == 1009);
      all.emplace_back(event->kind, event->data);
      over = end;
    }
    must(now.empty());
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const WsRole own = (data[0] & 0x80U) != 0 ? WsRole::Client : WsRole::Server;
  const std::size_t piece = (data[0] & 0x7FU) + std::size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Heard heard = hear(own, bytes, piece);
  must(heard == hear(own, bytes, bytes.size()));

  std::string again;
  Heard expected;
  for (const auto& [kind, text] : heard) {
    if (kind != WsEvent::Kind::Text && kind != WsEvent::Kind::Ping) continue;
    expected.emplace_back(kind, text);
    const WsOpcode opcode = kind == WsEvent::Kind::Text ? WsOpcode::Text : WsOpcode::Ping;
    if (own == WsRole::Server) {
      append_ws_frame(again, opcode, text, std::array<std::uint8_t, 4>{data[0], 1, 2, 3});
    } else {
      append_ws_frame(again, opcode, text);
    }
  }
  must(hear(own, again, piece) == expected);
  return 0;
}
