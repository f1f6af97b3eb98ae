#include "providers/fcm/reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "providers/bare_status.h"
#include "providers/fcm/limits.h"
#include "providers/fcm/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"

namespace nightpost::fcm {
namespace {

constexpr std::size_t kReplyBytesMax = 65'536;  // what is longer is not Google's and not read
constexpr std::size_t kListMax = 32;            // members of a list that are looked at
constexpr std::size_t kNameBytesMax = 200;      // "projects/…/messages/0:1735689600123456%7606eb247606eb24"

void each_of(const nlohmann::json* list, auto&& visit) {
  if (list == nullptr || !list->is_array()) return;
  for (std::size_t i = 0; i < std::min(list->size(), kListMax); ++i) visit((*list)[i]);
}

void read_detail(ErrorBody& into, const nlohmann::json& detail) {
  const std::string type = text_in(detail, "@type");
  if (type.ends_with(".FcmError")) {
    into.code = text_in(detail, "errorCode");
  } else if (type.ends_with(".ApnsError")) {
    into.apns_reason = text_in(detail, "reason");
  } else if (type.ends_with(".ErrorInfo")) {
    into.reason = text_in(detail, "reason");
  } else if (type.ends_with(".BadRequest")) {
    each_of(member(detail, "fieldViolations"),
            [&](const nlohmann::json& violation) { into.fields.push_back(text_in(violation, "field")); });
  } else if (type.ends_with(".QuotaFailure")) {
    each_of(member(detail, "violations"), [&](const nlohmann::json& violation) {
      into.quota_words.push_back(text_in(violation, "subject"));
      into.quota_words.push_back(text_in(violation, "description"));
    });
  }
}

bool says(std::string_view text, std::string_view word) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return !std::ranges::search(text, word, {}, lower, lower).empty();
}

/// Nothing but the target is wrong with the request.
bool blames_target(const ErrorBody& error) {
  const auto target = [](std::string_view field) { return field == "message.token" || field == "message.fid"; };
  if (!error.fields.empty()) return std::ranges::all_of(error.fields, target);
  return error.code == "INVALID_ARGUMENT" && says(error.message, "registration token");
}

Scope quota_scope(const ErrorBody& error) {
  const auto narrow = [](std::string_view words) { return says(words, "device") || says(words, "topic"); };
  return narrow(error.message) || std::ranges::any_of(error.quota_words, narrow) ? Scope::Token : Scope::Credential;
}

std::string meaning_of(const ErrorBody& error, int status) {
  std::string said = "FCM answered " + std::to_string(status);
  const std::string_view detail = error.message.empty() ? std::string_view(error.reason) : error.message;
  if (detail.empty()) return said + " without saying why.";
  return said + ": " + printable(detail, 200);
}

/// In Google's envelope, and not a page by some proxy or edge on the way.
bool is_googles(const ErrorBody& error) {
  return !error.status.empty() || !error.code.empty() || !error.reason.empty() || !error.fields.empty();
}

void judge(Answer& answer, const ErrorBody& error, int status) {
  if (!is_googles(error)) {
    answer.verdict = status == 503 ? Verdict::Throttled : verdict_for_bare_status(status);
    answer.meaning = "FCM's host answered " + std::to_string(status) + ", but not in FCM's words.";
    return;
  }
  const bool named = !error.code.empty() && error.code != "UNSPECIFIED_ERROR";
  answer.verdict = verdict_for_status(status, !error.code.empty());
  answer.meaning = meaning_of(error, status);
  if (status == 400 && (!named || error.code == "INVALID_ARGUMENT") && blames_target(error)) {
    answer.verdict = Verdict::TokenGone;
    answer.meaning = "The token is malformed or of another vendor.";
  } else if (const Rule* rule = named ? rule_for(error.code) : nullptr) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    if (!error.apns_reason.empty()) answer.meaning += " Apple said " + printable(error.apns_reason) + ".";
    if (rule->verdict == Verdict::TokenGone && status != rule->status)
      answer.verdict = Verdict::TokenSuspect;  // the status contradicts the code: a token is worth more doubt
  } else if (status == 404 && error.code.empty()) {
    answer.meaning = "FCM knows no such project: the key file's project_id is wrong.";
  }
}

}  // namespace

ErrorBody error_in(std::string_view body) {
  ErrorBody found;
  if (body.empty() || body.size() > kReplyBytesMax) return found;
  const nlohmann::json json = parsed(body);
  const nlohmann::json* error = member(json, "error");
  if (error == nullptr) return found;
  found.status = text_in(*error, "status");
  found.message = text_in(*error, "message");
  each_of(member(*error, "details"), [&](const nlohmann::json& detail) { read_detail(found, detail); });
  return found;
}

Answer answer_of(const HttpResponse& reply) {
  Answer answer;
  if (reply.status >= 200 && reply.status < 300) {
    answer.verdict = Verdict::Accepted;
    answer.meaning = "FCM took it.";
    if (reply.body.size() <= kReplyBytesMax)
      answer.vendor_id = printable(text_in(parsed(reply.body), "name"), kNameBytesMax);
    return answer;
  }
  const ErrorBody error = error_in(reply.body);
  answer.code = printable(error.code.empty() ? error.status : error.code);
  judge(answer, error, reply.status);
  if (answer.verdict == Verdict::Throttled) {
    answer.scope = quota_scope(error);
    answer.retry_after = retry_after(reply).value_or(reply.status == 429 ? kPauseAfter429 : kPauseAfter5xx);
  } else if (answer.verdict == Verdict::Transient) {
    answer.retry_after = retry_after(reply);
    if (!answer.retry_after && reply.status >= 500) answer.retry_after = kPauseAfter5xx;
  }
  return answer;
}

}  // namespace nightpost::fcm
