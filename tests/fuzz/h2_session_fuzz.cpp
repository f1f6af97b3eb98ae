// A peer's HTTP/2 bytes, in chunks of the size that the first byte says. Whatever comes, every request ends exactly
// once.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "net/h2_session.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

// An empty SETTINGS frame (RFC 9113 §6.5), so that streams may be opened.
constexpr std::array<std::uint8_t, 9> kSettings = {0, 0, 0, 4, 0, 0, 0, 0, 0};

void send_all(net::H2Session& session) {
  for (auto output = session.next_output(); !output.empty(); output = session.next_output())
    session.mark_sent(output.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr std::size_t kRequests = 3;
  const std::size_t chunk = std::size_t{data[0]} + 1;
  std::span<const std::uint8_t> bytes(data + 1, size - 1);

  std::array<HttpRequest, kRequests> requests;
  net::H2Session session({.authority = "localhost"});
  send_all(session);
  require(session.feed(kSettings).has_value());
  for (std::size_t tag = 0; tag < kRequests; ++tag) {
    requests[tag].path = "/3/device/aa";
    requests[tag].body = "{}";
    require(session.submit(requests[tag], tag).has_value());
  }
  send_all(session);

  std::array<int, kRequests> ended{};
  std::vector<net::H2Session::Done> done;
  const auto take = [&] {
    session.take_done(done);
    for (const auto& one : done) {
      require(one.tag < kRequests);
      require(one.reply.has_value() == (one.fate == net::H2Session::Fate::Answered));
      ++ended[one.tag];
    }
  };
  bool healthy = true;
  while (healthy && !bytes.empty()) {
    const auto now = bytes.first(std::min(chunk, bytes.size()));
    bytes = bytes.subspan(now.size());
    healthy = session.feed(now).has_value();
    send_all(session);
    take();
  }
  session.abandon({Errc::ConnectionLost, "the end of the input"});
  take();
  for (const int times : ended) require(times == 1);
  return 0;
}
