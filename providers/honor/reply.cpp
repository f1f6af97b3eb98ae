#include "providers/honor/reply.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "providers/bare_status.h"
#include "providers/honor/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/target_list.h"

namespace nightpost::honor {
namespace {

std::vector<std::string> sorted_list(const nlohmann::json& data, const char* name) {
  std::vector<std::string> list = target_list(member(data, name));
  std::ranges::sort(list);
  return list;
}

/// Of a request that Honor took: who is listed, and the others. Spec §4.3 rule 3.
std::vector<Answer> split(std::span<const DeviceToken> tokens, const nlohmann::json& data, const Answer& accepted) {
  std::vector<Answer> answers(tokens.size(), accepted);
  const std::vector<std::string> expired = sorted_list(data, "expireTokens");
  const std::vector<std::string> failed = sorted_list(data, "failTokens");
  const nlohmann::json* const sent = member(data, "sendResult");
  const bool unsent = sent != nullptr && (*sent == false || *sent == "false");
  if (unsent && expired.empty() && failed.empty()) {
    for (Answer& answer : answers) {
      answer.verdict = Verdict::Transient;
      answer.meaning = "Honor did not send and does not say why.";
    }
    return answers;
  }
  if (expired.empty() && failed.empty()) return answers;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (std::ranges::binary_search(expired, tokens[i].text())) {
      answers[i].verdict = Verdict::TokenGone;
      answers[i].code = "expireTokens";
      answers[i].meaning = "Honor lists the token as expired.";
    } else if (std::ranges::binary_search(failed, tokens[i].text())) {
      answers[i].verdict = Verdict::Transient;
      answers[i].once_more = true;
      answers[i].code = "failTokens";
      answers[i].meaning = "Honor could not send to the token and does not say why.";
    }
  }
  return answers;
}

}  // namespace

std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply) {
  const nlohmann::json body = parsed(reply.body);
  const auto code = integer_in(body, "code");
  const nlohmann::json* const data = member(body, "data");
  const bool heard = reply.status >= 200 && reply.status < 300;

  Answer answer;
  if (code) answer.code = std::to_string(*code);
  if (data != nullptr) answer.vendor_id = printable(text_in(*data, "requestId"));
  const Rule* const rule = code && heard ? rule_for(*code) : nullptr;
  if (rule != nullptr && *code == kNoPermission && tokens.size() > 1) {
    answer.verdict = Verdict::Transient;  // one foreign token of the batch may earn it as well
    answer.alone = true;
    answer.meaning = "Honor gives no permission for one of several tokens, or for all, and does not say which.";
  } else if (rule != nullptr) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.may_be_token = *code == kNoPermission;
    if (rule->verdict == Verdict::Accepted) return split(tokens, data != nullptr ? *data : nlohmann::json(), answer);
  } else if (code && heard) {
    answer.verdict = *code >= 300 && *code < 600 ? verdict_for_status(*code) : Verdict::Transient;
    answer.once_more = true;
    answer.meaning = "Honor answered a code unknown to us.";
  } else {
    answer.verdict = body.is_object()      ? verdict_for_status(reply.status)
                     : reply.status == 503 ? Verdict::Throttled
                                           : verdict_for_bare_status(reply.status);
    answer.meaning = "Honor answered " + std::to_string(reply.status) + (code ? "." : " without a code.");
  }
  if (answer.verdict == Verdict::Rejected) answer.meaning += vendor_words(text_in(body, "message"));
  if (answer.verdict == Verdict::Throttled) answer.scope = Scope::Credential;
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  return std::vector<Answer>(tokens.size(), answer);
}

}  // namespace nightpost::honor
