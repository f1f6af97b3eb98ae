#include "providers/xiaomi/reply.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "providers/bare_status.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/target_list.h"
#include "providers/xiaomi/verdict.h"

namespace nightpost::xiaomi {
namespace {

/// How many targets "no_channel:2 a:3" says were dropped.
std::size_t dropped_in(std::string_view exceeded) {
  std::size_t sum = 0;
  while (!exceeded.empty()) {
    std::string_view entry = exceeded.substr(0, exceeded.find_first_of(" ,;"));
    exceeded.remove_prefix(std::min(entry.size() + 1, exceeded.size()));
    const std::size_t colon = entry.rfind(':');
    if (colon == std::string_view::npos) continue;
    entry.remove_prefix(colon + 1);
    std::uint32_t count = 0;
    std::from_chars(entry.data(), entry.data() + entry.size(), count);
    sum += count;
  }
  return sum;
}

Answer throttled_today(const Answer& accepted) {
  Answer answer = accepted;
  answer.verdict = Verdict::Throttled;
  answer.scope = Scope::Class;
  answer.rest_of_day = true;
  answer.code = "channel_exceed_quota";
  answer.meaning = "The day's quota of the channel is used up.";
  return answer;
}

Answer taken_in_part(const Answer& accepted, std::size_t dropped, std::size_t all) {
  Answer answer = accepted;
  answer.in_part = answer.class_rests = true;
  answer.code = "channel_exceed_quota";
  answer.meaning = "The day's quota of the channel ran out: Xiaomi dropped " + std::to_string(dropped) + " of " +
                   std::to_string(all) + " and does not say which.";
  return answer;
}

std::vector<Answer> accepted_answers(std::span<const DeviceToken> tokens, const nlohmann::json& body,
                                     const Answer& common) {
  std::vector<Answer> answers(tokens.size(), common);
  const nlohmann::json* const data = member(body, "data");
  if (data == nullptr) return answers;
  std::vector<std::string> bad = target_list(member(*data, "bad_regids"));
  for (std::string& each : target_list(member(*data, "bad_regIds"))) bad.push_back(std::move(each));
  std::ranges::sort(bad);
  std::size_t good = tokens.size();
  for (std::size_t i = 0; i < tokens.size() && !bad.empty(); ++i) {
    if (!std::ranges::binary_search(bad, tokens[i].text())) continue;
    answers[i].verdict = Verdict::TokenGone;
    answers[i].code = "bad_regids";
    answers[i].meaning = "Xiaomi lists the registration id as unusable.";
    --good;
  }
  // Xiaomi says how many it dropped and not which: unless it was all, asking again would repeat for most. Its receipts
  // (type 128) name them later.
  if (const std::size_t dropped = dropped_in(text_in(*data, "channel_exceed_quota")); dropped > 0)
    for (Answer& answer : answers)
      if (answer.verdict == Verdict::Accepted)
        answer = dropped >= good ? throttled_today(answer) : taken_in_part(answer, dropped, good);
  return answers;
}

}  // namespace

std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply) {
  const nlohmann::json body = parsed(reply.body);
  const auto code = integer_in(body, "code");
  Answer answer;
  if (code) {
    answer.code = std::to_string(*code);
    if (const nlohmann::json* const data = member(body, "data")) answer.vendor_id = printable(text_in(*data, "id"));
  }
  const Rule* const rule = code ? rule_for(*code) : nullptr;
  if (rule != nullptr) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.rest_of_day = rule->rest_of_day;
    answer.once_more = rule->meaning == kUnrecorded;
    if (rule->verdict == Verdict::Rejected || rule->verdict == Verdict::Misconfigured)
      answer.meaning += vendor_words(text_in(body, "reason"));
    if (rule->verdict == Verdict::Accepted) return accepted_answers(tokens, body, answer);
    if (rule->verdict == Verdict::TokenSuspect && tokens.size() > 1) {
      answer.verdict = Verdict::Transient;  // one bad device is no reason to drop what was meant for others
      answer.alone = true;
      answer.meaning = "Xiaomi found no valid registration id among several.";
    }
  } else if (code) {
    answer.verdict = Verdict::Transient;
    answer.once_more = true;
    answer.meaning = "Xiaomi answered a code unknown to us.";
  } else {
    answer.verdict = verdict_for_bare_status(reply.status);
    answer.meaning = "Xiaomi answered " + std::to_string(reply.status) + " without a code.";
  }
  if (answer.verdict == Verdict::Throttled) answer.scope = code == kPublicQuota ? Scope::Class : Scope::Credential;
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  return std::vector<Answer>(tokens.size(), answer);
}

}  // namespace nightpost::xiaomi
