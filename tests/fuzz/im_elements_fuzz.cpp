// Any bytes as a message's elements and as its push wishes: refused with a place, or canonical, bounded and such that
// the dispatcher reads them in an event; so they are with an app's words masked.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/text.h"
#include "dispatch/decode.h"
#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/domain/word_filter.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}

void read_as_event(std::string_view elements, std::string_view push) {
  static dispatch::Decoder decoder(100'000, 50);
  static dispatch::OfflineEvent event;
  std::string text =
      R"({"event_id":"e","app_id":1,"occurred_at":1700000000000,"expires_at":1700000001000,"kind":"c2c",)"
      R"("from":{"user_id":"a"},"to":[{"user_id":"b"}],"message":{"id":"1-1","elements":)";
  text += elements;
  text += R"(},"push":)";
  text += push;
  text += '}';
  must(decoder.decode(text, event).has_value());
}

std::optional<std::string> masked(std::string_view text) {
  static const WordFilter words(std::vector<Word>{{"a", WordAction::Mask},
                                                  {"e\u0301", WordAction::Mask},
                                                  {"ss", WordAction::Mask},
                                                  {"b c", WordAction::Mask},
                                                  {"坏", WordAction::Mask}},
                                WordSpacing::Ignore);
  return words.judge(text).masked;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ElementLimits limits{.count_max = 5, .bytes_max = 2000};
  if (const auto checked = check_elements(bytes, limits)) {
    must(checked->canonical.size() <= limits.bytes_max && is_valid_utf8(checked->canonical));
    must(checked->preview.size() <= kPreviewMax && is_valid_utf8(checked->preview));
    const auto again = check_elements(checked->canonical, limits);
    must(again && again->canonical == checked->canonical && again->preview == checked->preview);
    read_as_event(checked->canonical, "null");
    if (const auto other = reworded_elements(checked->canonical, masked)) {
      const auto known = check_elements(*other, limits);
      must(known && known->canonical == *other && other->size() <= checked->canonical.size());
    }
  } else {
    must(checked.error().why.starts_with("elements"));
  }
  if (const auto checked = check_push(bytes)) {
    must(checked->canonical.size() <= kPushBytesMax && is_valid_utf8(checked->canonical));
    const auto again = check_push(checked->canonical);
    must(again && again->canonical == checked->canonical && again->disabled == checked->disabled);
    read_as_event("[]", checked->canonical.empty() ? "{}" : checked->canonical);
    if (const auto other = reworded_push(checked->canonical, masked)) {
      const auto known = check_push(*other);
      must(known && known->canonical == *other && other->size() <= checked->canonical.size());
    }
  } else {
    must(checked.error().why.starts_with("push"));
  }
  return 0;
}
