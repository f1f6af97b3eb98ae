// Any bytes as what another node said: refused, or read into values that are written to bytes which read the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "im/nodes/peer_message.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // So that it need not find out how a message begins.
  const std::string bytes = "NPim\x01" + std::string(reinterpret_cast<const char*>(data), size);
  const auto message = decode(bytes);
  if (!message) return 0;
  const std::string again = encode(*message);
  const auto same = decode(again);
  must(same.has_value());
  must(same->from == message->from && same->seq == message->seq && same->body.index() == message->body.index());
  must(encode(*same) == again);
  return 0;
}
