// Huawei's answers and receipts from any bytes. First byte: how many tokens, and whether the rest stands inside msg;
// then two of status; the rest is the body, read as a send's answer, as the OAuth endpoint's, and as a receipt's.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "providers/huawei/huawei.h"
#include "providers/huawei/reply.h"
#include "providers/retry_after.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void require_plain(std::string_view text) {
  for (const char c : text) require(c >= 0x20 && c <= 0x7e);
}

const WallTime kNow = wall_from_ms(1'735'689'600'123);

Certificate certificate() {
  Certificate made;
  made.vendor = Vendor::Huawei;
  made.settings = {{"app_id", "1"}, {"receipt_user", "pushuser"}};
  return made;
}

void fuzz_answers(std::size_t count, const HttpResponse& reply) {
  std::vector<DeviceToken> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.emplace_back(std::string(1, static_cast<char>('A' + i % 26)));
  const std::vector<Answer> answers = huawei::answers_of(tokens, reply);
  require(answers.size() == count);
  bool taken = false;
  for (const Answer& answer : answers) taken |= answer.verdict == Verdict::Accepted;
  for (const Answer& answer : answers) {
    require(answer.verdict != Verdict::TokenGone || taken);  // removed only beside a token that was taken
    require(answer.verdict != Verdict::Accepted || !answer.code.empty());
    require(reply.status != 503 || answer.verdict == Verdict::Throttled);
    require(!answer.meaning.empty());
    require_plain(answer.code);
    require_plain(answer.vendor_id);
    require_plain(answer.meaning);
  }
}

void fuzz_receipts(const std::string& body) {
  static const std::vector<HttpResponse::Field> headers = {
      {"x-huawei-callback-id",
       "timestamp=1735689600123; nonce=3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55; "
       "value=OxrndStw7B6Xzm2pjZT+dN21wnsa5rlQi/FRPBE7qmg="}};
  constexpr std::string_view kKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  const auto batch = huawei::read_receipts(certificate(), kKey, {"", "", headers, body}, kNow);
  require(batch || batch.error().code == Errc::Malformed);
  if (batch) {
    for (const Receipt& receipt : batch->receipts) {
      require(!receipt.token.text().empty());
      require(receipt.kind != Receipt::Kind::TokenGone || receipt.code == "2" || receipt.code == "5");
      require_plain(receipt.tag);
      require_plain(receipt.vendor_id);
    }
  }
  const std::vector<HttpResponse::Field> forged = {{"x-huawei-callback-id", body}};
  const auto refused = huawei::read_receipts(certificate(), kKey, {"", "", forged, "{}"}, kNow);
  require(!refused);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  HttpResponse reply;
  reply.status = (data[1] << 8 | data[2]) % 700;
  reply.body = bytes;
  if ((data[0] & 0x80) != 0) {
    reply.body = (data[0] & 0x40) != 0 ? R"({"code":"80100000","msg":")" : R"({"code":"80300007","msg":")";
    append_json_escaped(reply.body, utf8_repaired(bytes));
    reply.body += "\"}";
  }
  fuzz_answers(data[0] & 0x3f, reply);
  fuzz_receipts(bytes);

  static const auto authorizer = huawei::make_authorizer(certificate(), {"secret", ""});
  const auto grant = (*authorizer)->finish(reply, kNow);
  if (grant) {
    require_plain(grant->authorization);
    require(grant->issued_at < grant->expires_at && grant->renew_at < grant->expires_at);
  } else {
    require_plain(grant.error().detail);
  }
  const auto inspected = huawei::inspect(certificate(), {bytes, ""}, kNow, {});
  if (!inspected) require_plain(inspected.error().detail);
  return 0;
}
