// A server that says anything at any time, and a person who types anything: no crash, frames that are JSON, lines and
// queues that stay bounded. Input: lines; the first byte of each says what happens.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "app/chat_screen.h"
#include "app/chat_state.h"

using namespace nightpost;
using namespace nightpost::app;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  MonoTime now{std::chrono::hours(1)};
  ChatState state({.app = AppId{7}, .user = "u", .device = "d", .peer = "p", .seed = 1}, {[] { return "s"; }, true},
                  now);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    const std::string_view what = line.substr(1);
    switch (line[0] % 8) {
      case 0:
        state.connected(now);
        break;
      case 1:
        state.disconnected(what, now);
        break;
      case 2:
        if (state.wants_input()) state.typed(what, now);
        break;
      case 3:
        now += milliseconds(what.size() * 1000);
        state.tick(now);
        break;
      case 4:
        state.input_ended();
        break;
      default:
        state.received(what, now);
    }
    for (const std::string& frame : state.take_frames()) must(nlohmann::json::accept(frame));
    for (const nlohmann::json& event : state.take_events()) {
      must(event.contains("event"));
      must(chat_text(event).find('\x1b') == std::string::npos);
    }
    (void)state.next_tick();
  }
  return 0;
}
