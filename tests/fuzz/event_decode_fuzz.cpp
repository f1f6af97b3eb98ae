// Any bytes: decoded or refused with a path, never a crash, and what is decoded keeps the contract's bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "dispatch/content.h"
#include "dispatch/decode.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Decoder decoder(100'000, 50);
  static OfflineEvent event;  // used again, as the pipeline does
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Result<void> decoded = decoder.decode(bytes, event);
  must(event.buffer.bytes() == bytes);
  if (!decoded) {
    must(decoded.error().code == Errc::Malformed && decoded.error().detail.starts_with("$"));
    return 0;
  }
  must(!event.event_id.empty() && event.app.value > 0 && !event.message_id.empty());
  must(!event.to.empty() && event.to.size() <= 50);
  for (const EventReceiver& receiver : event.to) must(!receiver.user_id.empty() && receiver.unread >= -1);
  for (const std::string_view text : {event.event_id, event.from_nick, event.group_name, event.message_id, event.ext,
                                      event.common.title, event.common.desc, event.apns_sound})
    must(is_valid_utf8(text));
  std::string content;
  static const Languages languages("en", {});
  append_content(content, event, *languages[0].words);
  must(is_valid_utf8(content) && content.size() <= kContentBytesMax);
  return 0;
}
