#include "providers/apns/reply.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "providers/apns/verdict.h"
#include "providers/retry_after.h"

namespace nightpost::apns {
namespace {

/// Foreign words go into logs, outcomes and the console: short, printable, one line.
std::string printable(std::string_view word) {
  std::string out(word.substr(0, kWordBytesMax));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

std::string meaning_of(const Reason& reason, int status) {
  const std::string said = "APNs answered " + std::to_string(status);
  if (reason.text.empty()) return said + " without a reason.";
  return said + " with a reason unknown to us.";
}

}  // namespace

Reason reason_in(std::string_view body) {
  Reason found;
  if (body.empty() || body.size() > kReplyBytesMax) return found;
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return found;
  if (const auto reason = json.find("reason"); reason != json.end() && reason->is_string())
    found.text = reason->get_ref<const std::string&>();
  if (const auto time = json.find("timestamp"); time != json.end() && time->is_number_unsigned()) {
    const auto ms = time->get<std::uint64_t>();
    if (ms <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
      found.timestamp = wall_from_ms(static_cast<std::int64_t>(ms));
  }
  return found;
}

Answer answer_of(const HttpResponse& reply) {
  Answer answer;
  if (const auto id = reply.header("apns-id")) answer.vendor_id = printable(*id);
  const Reason reason = reason_in(reply.body);
  answer.verdict = verdict_for_status(reply.status, !reason.text.empty());
  if (answer.verdict == Verdict::Accepted) {
    answer.meaning = "APNs took it.";
    return answer;
  }
  answer.code = printable(reason.text);
  if (const Rule* rule = rule_for(reason.text)) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.scope = rule->scope;
    answer.leave_connection = rule->leave_connection;
    if (rule->verdict == Verdict::TokenGone) {
      if (reply.status == 410)
        answer.gone_at = reason.timestamp;
      else
        answer.verdict = Verdict::TokenSuspect;  // the status contradicts the reason: a token is worth more doubt
    }
  } else {
    answer.meaning = meaning_of(reason, reply.status);
  }
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  if (answer.verdict == Verdict::Throttled && answer.scope == Scope::Token && !answer.retry_after)
    answer.retry_after = kTokenPause;
  return answer;
}

bool blames_credential(std::string_view goodbye) {
  const Rule* rule = rule_for(reason_in(goodbye).text);
  return rule != nullptr && rule->verdict == Verdict::CredentialBad;
}

}  // namespace nightpost::apns
