// Any text as a client's frame: read, or refused with a code and words; the elements of a message that is read are
// JSON again. And what is found in a frame that is cut off is in bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "im/gateway/client_frame.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FrameParser parser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const RequestNames names = names_of_cut_request(text);
  must(names.id >= 0 && names.client_id.size() <= 64);
  const auto frame = parser.parse(text);
  if (!frame) {
    must(!frame.error().refusal.why.empty() && frame.error().id >= 0);
    must(frame.error().refusal.code == Code::Malformed || frame.error().refusal.code == Code::UnknownOp);
    return 0;
  }
  if (const auto* const request = std::get_if<RequestFrame>(&*frame)) {
    must(request->id > 0);
    if (const auto* const send = std::get_if<SendRequest>(&request->body)) {
      must(send->elements.starts_with('[') && send->elements.ends_with(']'));
      const auto again =
          parser.parse(R"({"type":"req","id":1,"op":"send","body":{"to":"b","client_id":"c","elements":)" +
                       std::string(send->elements) + "}}");
      must(again.has_value());
    }
  }
  return 0;
}
