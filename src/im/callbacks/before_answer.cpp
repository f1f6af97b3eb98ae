#include "im/callbacks/before_answer.h"

#include <limits>
#include <string>
#include <utility>

#include "im/rest/fields.h"
#include "im/rest/tim_elements.h"
#include "im/rest/tim_push.h"
#include "im/service/checks.h"

namespace nightpost::im {
namespace {

constexpr std::int64_t kAnswerDrops = 2;
constexpr std::size_t kRefusedUsersMax = 1'000;
constexpr std::size_t kErrorInfoMax = 512;  // bytes of the words that are handed on to the client
constexpr std::int32_t kAnswerFault = 1;    // any but 0

/// Words of the app's for its client; what cannot be handed on is left out.
std::string words_of(Fields& answer) {
  std::string words = answer.text_if("ErrorInfo").value_or("");
  if (!check_text(words, "ErrorInfo", kErrorInfoMax)) words.clear();
  return words.empty() ? "the app's server refused it" : words;
}

BeforeVerdict no(Before what, std::int64_t code, std::string words) {
  const Code said = is_apps_code(code) ? static_cast<Code>(code) : traits_of(what).refused;
  return {.is = BeforeVerdict::Is::Refused, .refusal = {said, std::move(words)}};
}

bool is_there(Fields& answer, const char* name) {
  const auto* const value = answer.raw(name);
  return value != nullptr && !value->empty();
}

Answer<void> read_content(Fields& answer, const BeforeAnswerLimits& limits, BeforeVerdict& out) {
  TimBody body;
  if (is_there(answer, "MsgBody")) {
    body = elements_from_tim(answer);
    if (answer.failed()) return {};
    auto checked = check_elements(body.elements, limits.elements);
    if (!checked) return std::unexpected(std::move(checked.error()));
    out.elements = std::move(checked->canonical);
  }
  out.cloud_data = answer.text_if("CloudCustomData");
  if (out.cloud_data)
    if (auto ok = check_text(*out.cloud_data, "CloudCustomData", limits.cloud_data_bytes_max); !ok) return ok;
  if (!is_there(answer, "OfflinePushInfo")) return {};
  auto push = check_push(push_from_tim(answer, body.custom_ext).push);
  if (!push) return std::unexpected(std::move(push.error()));
  out.push = *std::move(push);
  return {};
}

}  // namespace

Result<BeforeVerdict> before_answer(Before what, int status, std::string_view body, const BeforeAnswerLimits& limits) {
  if (status / 100 != 2) return fail(Errc::Malformed, "its answer has HTTP status " + std::to_string(status));
  std::string why;
  const auto parsed = parse_request(body, why);
  if (!parsed) return fail(Errc::Malformed, "its answer: " + why);
  Fault fault;
  Fields answer(*parsed, "", kAnswerFault, fault);
  const std::int64_t code =
      answer.number("ErrorCode", std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  BeforeVerdict out;
  Answer<void> content;
  if (!answer.failed() && code == 0) {
    if (traits_of(what).content) content = read_content(answer, limits, out);
    if (what == Before::GroupInvite) out.refused_users = answer.texts_if("RefusedMembers_Account", kRefusedUsersMax);
  } else if (!answer.failed()) {
    out = no(what, code, words_of(answer));
    if (code == kAnswerDrops && traits_of(what).drops) out = {.is = BeforeVerdict::Is::Dropped};
    fault = {};  // its words may be of any kind: the code is clear
  }
  if (answer.failed()) return fail(Errc::Malformed, "its answer: " + fault.info);
  if (!content) return fail(Errc::Malformed, "its answer: " + as_push_info(as_msg_body(content.error().why)));
  return out;
}

}  // namespace nightpost::im
