// A proxy's answer to CONNECT from any bytes: however they are cut, the same is read, and what is read is within
// bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_connect.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

struct Read {
  bool failed = false, whole = false;
  int status = 0;
  std::string reason;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view bytes, std::size_t piece) {
  net::ConnectAnswer answer;
  Read all;
  for (std::size_t at = 0; at < bytes.size() && !all.failed; at += piece) {
    const auto fed = answer.feed(bytes.substr(at, piece));
    all.failed = !fed;
    all.whole = fed && *fed;
  }
  if (!all.whole) return {all.failed, false, 0, {}};
  all.status = answer.status();
  all.reason = answer.reason();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 16 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const std::string& bytes : {std::string(text), "HTTP/1.1 " + std::string(text)}) {
    const Read once = read(bytes, std::max<std::size_t>(1, bytes.size()));
    require(once == read(bytes, piece));
    if (!once.whole) continue;
    require(once.status >= 200 && once.status <= 599);
    require(once.reason.size() <= net::ConnectAnswer::kReasonBytesMax);
    require(std::ranges::all_of(once.reason, [](unsigned char c) { return c >= 0x20 && c <= 0x7e; }));
  }
  return 0;
}
