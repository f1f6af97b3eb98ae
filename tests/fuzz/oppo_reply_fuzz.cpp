// OPPO's answers and receipts from any bytes: one byte of what was asked, two of status, the rest the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "providers/oppo/oppo.h"
#include "providers/oppo/reply.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void check_answers(std::uint8_t picked, const HttpResponse& reply) {
  const std::vector<DeviceToken> three = {DeviceToken{"a"}, DeviceToken{"b"}, DeviceToken{"a"}};
  const std::span<const DeviceToken> tokens = std::span(three).first(picked / 4 % 4);
  const auto asked = static_cast<oppo::Asked>(picked % 4);
  const std::vector<Answer> answers = oppo::answers_of(asked, (picked & 0x80) != 0, tokens, reply);
  require(answers.size() == tokens.size());
  // A token goes only where OPPO's two codes for that stand in the body; digits may be escaped.
  const bool said_gone = reply.body.find("1000") != std::string::npos || reply.body.find("\\u") != std::string::npos;
  for (const Answer& answer : answers) {
    require(!answer.meaning.empty());
    require(answer.verdict != Verdict::TokenGone || (said_gone && asked != oppo::Asked::Save));
    require(answer.verdict != Verdict::Accepted || asked != oppo::Asked::Save);
    require(answer.verdict != Verdict::Throttled || answer.scope == Scope::Credential);
    for (const char c : answer.vendor_id + answer.code) require(c >= 0x20 && c <= 0x7e);
  }
  if (const auto saved = oppo::saved_in(reply)) {
    require(saved->duplicate || !saved->message_id.empty());
    require(std::ranges::all_of(saved->message_id, [](char c) { return c > ' ' && c < 0x7f; }));
  }
}

void check_grant(const HttpResponse& reply) {
  Certificate certificate;
  certificate.settings = {{"app_key", "ak"}};
  static const auto authorizer = oppo::make_authorizer(certificate, {.bytes = "ms", .password = {}});
  const auto grant = (*authorizer)->finish(reply, WallTime{});
  require(!grant || std::ranges::all_of(grant->authorization, [](char c) { return c > ' ' && c < 0x7f; }));
  require(grant ? !grant->authorization.empty() : !grant.error().detail.empty());
}

void check_receipts(std::string_view body) {
  const std::vector<HttpResponse::Field> headers;
  const WallTime now = wall_from_ms(1'795'225'900'000);
  const auto batch = oppo::read_receipts({}, "k", {"key=k", "application/json", headers, body}, now);
  require(!oppo::read_receipts({}, "k", {body, "", headers, "[]"}, now) || body.find("key") != std::string_view::npos ||
          body.find('%') != std::string_view::npos);
  if (!batch) return require(batch.error().code == Errc::Malformed && !batch.error().detail.empty());
  for (const Receipt& receipt : batch->receipts) {
    require(!receipt.token.text().empty() && !receipt.meaning.empty());
    require(receipt.kind != Receipt::Kind::TokenGone || receipt.code == "regid_invalid");
    require(!receipt.at || (*receipt.at > WallTime{} && *receipt.at <= now + std::chrono::days(1)));
    for (const char c : receipt.tag + receipt.vendor_id) require(c >= 0x20 && c <= 0x7e);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 3, size - 3);
  const HttpResponse reply{(data[1] << 8 | data[2]) % 700, {}, std::string(body)};
  check_answers(data[0], reply);
  check_grant(reply);
  check_receipts(body);
  return 0;
}
