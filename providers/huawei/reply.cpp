#include "providers/huawei/reply.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "providers/huawei/limits.h"
#include "providers/huawei/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"

namespace nightpost::huawei {
namespace {

// 1000 tokens, each in quotes that are escaped: more is not Huawei's, and is not read.
constexpr std::size_t kReplyBytesMax = 2u << 20;
constexpr std::string_view kNoReason = "";
constexpr std::int64_t kFailuresMax = 1'000'000;  // more than a request has tokens

/// Tokens that an answer names, with v3's reason for each. Views into `msg`.
using Illegal = std::unordered_map<std::string_view, std::string_view>;

void collect(Illegal& into, const nlohmann::json& list, std::string_view reason) {
  if (!list.is_array()) return;
  for (const nlohmann::json& token : list)
    if (token.is_string()) into.emplace(token.get_ref<const std::string&>(), reason);
}

/// An array (v1, v2), or an object of arrays by their reason (v3); under either spelling, whichever the api.
Illegal illegal_in(const nlohmann::json& msg) {
  Illegal found;
  for (const char* name : {"illegal_tokens", "illegalTokens"}) {
    const nlohmann::json* list = member(msg, name);
    if (list == nullptr) continue;
    collect(found, *list, kNoReason);
    if (list->is_object())
      for (const auto& [reason, tokens] : list->items()) collect(found, tokens, reason);
  }
  return found;
}

/// msg is JSON text; an object as it stands is taken, too.
nlohmann::json inner(const nlohmann::json& json) {
  const nlohmann::json* msg = member(json, "msg");
  if (msg == nullptr) return {};
  return msg->is_string() ? parsed(msg->get_ref<const std::string&>()) : *msg;
}

Answer refused(std::string_view reason, bool others_taken) {
  Answer answer;
  answer.code = reason.empty() ? std::string(kPartial) : printable(reason);
  if (const Rule* rule = rule_for(kTokenReasons, reason)) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
  } else if (reason.empty()) {
    answer.verdict = Verdict::TokenGone;
    answer.meaning = "Huawei names the token as invalid.";
  } else {
    answer.verdict = Verdict::Suppressed;
    answer.meaning = "Huawei did not take the token, for a reason unknown to us.";
  }
  // Nothing in the answer proves that the credential is right: a token is worth more doubt.
  if (answer.verdict == Verdict::TokenGone && !others_taken) answer.verdict = Verdict::TokenSuspect;
  return answer;
}

/// Of one of `rest` tokens that the answer does not name, though `missing` of them failed.
Answer taken_but_for(std::int64_t missing, std::int64_t rest) {
  Answer answer{.verdict = Verdict::Accepted, .code = std::string(kPartial), .meaning = "Huawei took it."};
  if (missing <= 0) return answer;
  answer.meaning = "Huawei did not take " + std::to_string(std::min(missing, rest)) + " of " + std::to_string(rest) +
                   " and does not say which.";
  if (missing >= rest)
    answer.verdict = Verdict::Suppressed;
  else
    answer.in_part = true;
  return answer;
}

/// Token by token. nullopt: the answer does not say which of them are meant.
std::optional<std::vector<Answer>> split(std::span<const DeviceToken> tokens, const nlohmann::json& json,
                                         bool some_taken) {
  const nlohmann::json msg = inner(json);
  if (!msg.is_object()) return std::nullopt;
  const Illegal illegal = illegal_in(msg);
  const auto named = [&](const DeviceToken& token) { return illegal.find(token.text()); };
  const auto count =
      std::ranges::count_if(tokens, [&](const DeviceToken& each) { return named(each) != illegal.end(); });
  if (count == 0 && (!some_taken || integer_in(msg, "failure").value_or(1) != 0)) return std::nullopt;
  // Where more failed than are named, some of the others were dropped, or all.
  const std::int64_t rest = static_cast<std::int64_t>(tokens.size()) - count;
  const std::int64_t failed = std::clamp<std::int64_t>(integer_in(msg, "failure").value_or(0), 0, kFailuresMax);
  const std::int64_t missing = failed - std::max<std::int64_t>(count, static_cast<std::int64_t>(illegal.size()));
  const Answer taken = taken_but_for(missing, rest);
  const bool others_taken = some_taken && rest > 0 && missing < rest;
  std::vector<Answer> answers;
  answers.reserve(tokens.size());
  for (const DeviceToken& token : tokens) {
    const auto found = named(token);
    if (found != illegal.end())
      answers.push_back(refused(found->second, others_taken));
    else if (some_taken)
      answers.push_back(taken);
    else
      answers.push_back({.verdict = Verdict::TokenSuspect,
                         .code = std::string(kAllTokensInvalid),
                         .meaning = std::string(rule_for(kRules, kAllTokensInvalid)->meaning)});
  }
  return answers;
}

/// What holds for all tokens alike.
Answer whole(const nlohmann::json& json, const std::string& code, const HttpResponse& reply, std::size_t tokens) {
  Answer answer;
  answer.code = printable(code);
  if (code == kNoPermission && tokens > 1 && reply.status != 503) {
    answer.verdict = Verdict::Transient;  // one foreign token of the batch earns it as well: each is asked for alone
    answer.alone = true;
    answer.meaning = "Huawei gives no permission for one of several tokens, or for all, and does not say which.";
  } else if (const Rule* rule = rule_for(kRules, code); rule != nullptr && reply.status != 503) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.rest_of_day = rule->rest_of_day;
    answer.may_be_token = code == kNoPermission;
    const std::string said = text_in(json, "msg");
    if (rule->verdict == Verdict::Rejected && !said.empty()) answer.meaning += " It said: " + printable(said, 200);
  } else {
    answer.verdict = verdict_for_status(reply.status, !code.empty());
    answer.meaning = "Huawei answered " + std::to_string(reply.status) +
                     (code.empty() ? " without a code of its own." : " with a code unknown to us.");
  }
  if (answer.verdict == Verdict::Throttled) {
    answer.scope = Scope::Credential;
    if (!answer.rest_of_day) answer.retry_after = retry_after(reply).value_or(kPauseAfterThrottle);
  } else if (answer.verdict == Verdict::Transient) {
    answer.retry_after = retry_after(reply).value_or(kPauseAfterFault);
  }
  return answer;
}

}  // namespace

std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply) {
  const nlohmann::json json = reply.body.size() <= kReplyBytesMax ? parsed(reply.body) : nlohmann::json();
  const std::string code = text_in(json, "code");
  std::optional<std::vector<Answer>> answers;
  if (reply.status != 503 && (code == kPartial || code == kAllTokensInvalid))
    answers = split(tokens, json, code == kPartial);
  if (!answers) answers.emplace(tokens.size(), whole(json, code, reply, tokens.size()));
  const std::string request_id = printable(text_in(json, "requestId"));
  for (Answer& answer : *answers) answer.vendor_id = request_id;
  return *std::move(answers);
}

}  // namespace nightpost::huawei
