// Honor's answers, receipts and grants from any bytes: one byte of what it is, one of how many tokens, the rest the
// body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "providers/honor/honor.h"
#include "providers/honor/reply.h"
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
  const auto answers = honor::answers_of(tokens, reply);
  require(answers.size() == count);
  for (const Answer& answer : answers) {
    require(answer.verdict != Verdict::TokenGone ||
            (status == 200 &&
             (body.find("expireTokens") != std::string_view::npos || body.find("\\u") != std::string_view::npos)));
    require(!answer.meaning.empty() && answer.vendor_id.size() <= 96);
    require(!answer.retry_after || (*answer.retry_after >= milliseconds(0) && *answer.retry_after <= kRetryAfterMax));
  }
}

void receipts(std::string_view body) {
  static const std::vector<HttpResponse::Field> kNone;
  const auto batch = honor::read_receipts(
      {}, "k", {.query = "key=k", .content_type = {}, .headers = kNone, .body = body}, wall_from_ms(0));
  if (!batch) return;
  for (const Receipt& receipt : batch->receipts)
    require(!receipt.token.text().empty() && !receipt.meaning.empty() && receipt.tag.size() <= 96);
}

void grants(std::string_view body, int status) {
  static const auto kAuthorizer = [] {
    Certificate certificate;
    certificate.settings = {{"app_id", "1"}, {"client_id", "2"}};
    return *honor::make_authorizer(certificate, {.bytes = "s3cret", .password = {}});
  }();
  const WallTime now = wall_from_ms(1'735'689'600'000);
  const auto grant = kAuthorizer->finish({.status = status, .headers = {}, .body = std::string(body)}, now);
  if (!grant) {
    require(grant.error().detail.size() < 256);
    return;
  }
  require(grant->authorization.starts_with("Bearer ") && grant->authorization.size() > 7);
  require(grant->authorization.find_first_of("\r\n") == std::string::npos);
  require(now < grant->renew_at && grant->renew_at <= grant->expires_at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 4) {
    case 0:
      grants(bytes, data[1] < 128 ? 200 : data[1] * 3);
      break;
    case 1:
      receipts(bytes);
      break;
    default:
      answers(bytes, data[0] < 128 ? 200 : data[0] * 3, data[1] % 8);
  }
  return 0;
}
