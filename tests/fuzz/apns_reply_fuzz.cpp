// Apple's answers and goodbyes from any bytes: two bytes of status, one of how much is Retry-After, the rest the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "providers/apns/reply.h"
#include "providers/retry_after.h"

using namespace nightpost;

namespace {
void require(bool promise) {
  if (!promise) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string_view header = bytes.substr(0, data[2]);
  const std::string_view body = bytes.substr(header.size());
  HttpResponse reply;
  reply.status = (data[0] << 8 | data[1]) % 700;
  reply.headers = {{"retry-after", std::string(header)},
                   {"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                   {"apns-id", std::string(header)}};
  reply.body = body;

  const Answer answer = apns::answer_of(reply);
  const bool said_gone = body.find("nregistered") != std::string_view::npos ||
                         body.find("xpired") != std::string_view::npos ||
                         body.find("\\u") != std::string_view::npos;  // the letters may be escaped
  require(answer.verdict != Verdict::TokenGone || (reply.status == 410 && said_gone));
  require((answer.verdict == Verdict::Accepted) == (reply.status >= 200 && reply.status < 300));
  require(!answer.gone_at || answer.verdict == Verdict::TokenGone);
  require(!answer.retry_after || (*answer.retry_after >= milliseconds(0) && *answer.retry_after <= kRetryAfterMax));
  require(!answer.meaning.empty());
  require(answer.code.size() <= apns::kWordBytesMax && answer.vendor_id.size() <= apns::kWordBytesMax);
  for (const char c : answer.code) require(c >= 0x20 && c <= 0x7e);
  static_cast<void>(apns::blames_credential(bytes));
  return 0;
}
