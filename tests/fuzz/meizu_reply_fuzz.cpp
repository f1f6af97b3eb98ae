// Meizu's answers and receipts from any bytes: one byte of what it is, one of how many tokens, the rest the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "providers/meizu/meizu.h"
#include "providers/meizu/reply.h"
#include "providers/retry_after.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void answers(std::string_view body, int status, std::size_t count) {
  std::vector<DeviceToken> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.emplace_back("r" + std::to_string(i));
  HttpResponse reply{.status = status, .headers = {}, .body = std::string(body)};
  reply.headers = {{"retry-after", std::string(body.substr(0, 8))}};
  const auto answers = meizu::answers_of(tokens, reply);
  require(answers.size() == count);
  for (const Answer& answer : answers) {
    require(answer.verdict != Verdict::TokenGone || body.find("11000") != std::string_view::npos ||
            body.find("\\u") != std::string_view::npos);
    require(answer.verdict != Verdict::AuthStale);  // there is nothing to refresh
    require(!answer.rest_of_day || answer.verdict == Verdict::Throttled);
    require(!answer.meaning.empty() && answer.vendor_id.size() <= 96);
    require(!answer.retry_after || (*answer.retry_after >= milliseconds(0) && *answer.retry_after <= kRetryAfterMax));
  }
}

void receipts(std::string_view body) {
  static const std::vector<HttpResponse::Field> kNone;
  const auto batch =
      meizu::read_receipts({}, "k", {.query = {}, .content_type = {}, .headers = kNone, .body = body}, wall_from_ms(0));
  if (!batch) return;
  for (const Receipt& receipt : batch->receipts)
    require(!receipt.token.text().empty() && !receipt.meaning.empty() && receipt.tag.size() <= 96);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 4) {
    case 0: {
      std::string form;
      append_form_field(form, "cb", bytes);
      append_form_field(form, "access_token", "k");
      receipts(form);
      break;
    }
    case 1:
      receipts(bytes);
      break;
    default:
      answers(bytes, data[0] < 128 ? 200 : data[0] * 3, data[1] % 8);
  }
  return 0;
}
