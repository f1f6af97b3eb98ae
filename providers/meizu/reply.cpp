#include "providers/meizu/reply.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "providers/bare_status.h"
#include "providers/meizu/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/target_list.h"

namespace nightpost::meizu {
namespace {

bool speaks_of_parameters(std::string_view message) {
  return message.find("参数") != std::string_view::npos || message.find("param") != std::string_view::npos ||
         message.find("Param") != std::string_view::npos;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Of one push id that `value` lists under `code`.
Answer target_answer(const std::string& code, const Answer& accepted) {
  Answer answer = accepted;
  answer.code = printable(code);
  const auto number = number_in(code);
  const Rule* const rule = number ? rule_for(kTargetRules, *number) : nullptr;
  answer.verdict = rule != nullptr ? rule->verdict : Verdict::Transient;
  answer.once_more = rule == nullptr;
  answer.meaning = rule != nullptr ? rule->meaning : "Meizu answered a code unknown to us for the push id.";
  return answer;
}

std::vector<Answer> split(std::span<const DeviceToken> tokens, const nlohmann::json& body, const Answer& accepted) {
  std::vector<Answer> answers(tokens.size(), accepted);
  const nlohmann::json* const value = member(body, "value");
  if (value == nullptr || !value->is_object()) return answers;  // "" and [] say that nothing failed
  for (const auto& [code, targets] : value->items()) {
    std::vector<std::string> failed = target_list(&targets);
    if (failed.empty()) continue;
    std::ranges::sort(failed);
    const Answer answer = target_answer(code, accepted);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (std::ranges::binary_search(failed, tokens[i].text())) answers[i] = answer;
  }
  return answers;
}

}  // namespace

std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply) {
  const nlohmann::json body = parsed(reply.body);
  const auto code = integer_in(body, "code");
  Answer answer;
  if (code) {
    answer.code = std::to_string(*code);
    answer.vendor_id = printable(text_in(body, "msgId"));
  }
  const Rule* const rule = code ? rule_for(kRequestRules, *code) : nullptr;
  if (rule != nullptr) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.rest_of_day = rule->rest_of_day;
    if (rule->code == kProcessed) return split(tokens, body, answer);
    if (rule->code == kOtherError && speaks_of_parameters(text_in(body, "message"))) {
      answer.verdict = Verdict::Rejected;
      answer.meaning = "Meizu complains of a parameter.";
    }
    if (rule->verdict == Verdict::TokenGone && tokens.size() > 1) {
      answer.verdict = Verdict::Transient;  // it does not say which: nobody is removed for another's fault
      answer.alone = true;
      answer.meaning = "Meizu refuses one of several push ids and does not say which.";
    }
  } else if (code) {
    answer.verdict = Verdict::Transient;
    answer.once_more = true;
    answer.meaning = "Meizu answered a code unknown to us.";
  } else {
    answer.verdict = verdict_for_bare_status(reply.status);
    answer.meaning = "Meizu answered " + std::to_string(reply.status) + " without a code.";
  }
  if (answer.verdict == Verdict::Rejected || answer.verdict == Verdict::Misconfigured)
    answer.meaning += vendor_words(text_in(body, "message"));
  if (answer.verdict == Verdict::Throttled) answer.scope = Scope::Credential;
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  return std::vector<Answer>(tokens.size(), answer);
}

}  // namespace nightpost::meizu
