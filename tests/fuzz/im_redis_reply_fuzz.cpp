// Any bytes as a Redis server's, in pieces: replies, or an end; what is held stays bounded.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "im/nodes/redis_reply.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

constexpr std::size_t kRoomBytes = 4'096;

std::size_t weight(const RedisReply& reply) {
  std::size_t bytes = reply.text.size();
  if (reply.items.size() > kRedisItemsMax) std::abort();
  for (const RedisReply& item : reply.items) bytes += weight(item);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = std::size_t{data[0]} + 1;
  bytes.remove_prefix(1);
  RedisReader reader(kRoomBytes);
  while (true) {
    const auto reply = reader.next();
    if (!reply) return 0;
    if (*reply) {
      if (weight(**reply) > kRoomBytes + 2 * piece) std::abort();
      continue;
    }
    if (bytes.empty()) return 0;
    const std::size_t part = std::min(piece, bytes.size());
    reader.feed(bytes.substr(0, part));
    bytes.remove_prefix(part);
  }
}
