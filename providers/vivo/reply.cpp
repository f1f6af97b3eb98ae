#include "providers/vivo/reply.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "providers/bare_status.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/vivo/limits.h"
#include "providers/vivo/verdict.h"

namespace nightpost::vivo {
namespace {

using nlohmann::json;

// The provider keeps to the hours by our clock; who is refused is a little early or late.
constexpr std::chrono::minutes kHoursPause{10};

Answer whole_answer(std::optional<std::int64_t> code, const HttpResponse& reply) {
  Answer answer;
  const Rule* const rule = code ? rule_for(*code) : nullptr;
  if (code) answer.code = std::to_string(*code);
  if (rule != nullptr) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.rest_of_day = rule->rest_of_day;
  } else if (code) {
    answer.once_more = true;
    answer.meaning = "vivo answered a code unknown to us.";
  } else {
    answer.verdict = verdict_for_bare_status(reply.status);
    answer.meaning = "vivo answered " + std::to_string(reply.status) + " without a code.";
  }
  if (answer.verdict == Verdict::Throttled) answer.scope = code == kOutsideHours ? Scope::Class : Scope::Credential;
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  if (code == kOutsideHours && !answer.retry_after) answer.retry_after = kHoursPause;
  return answer;
}

Answer status_answer(const json& user, const Answer& whole) {
  Answer answer{.verdict = Verdict::Suppressed,  // a word that is unknown removes no token, however often it is said
                .code = whole.code,
                .meaning = "vivo calls the regId invalid, for a reason unknown to us.",
                .vendor_id = whole.vendor_id};
  const auto number = integer_in(user, "status");
  if (!number) {
    if (whole.verdict == Verdict::TokenGone) return whole;
    return answer;
  }
  if (whole.verdict == Verdict::Accepted) answer.code = "status " + std::to_string(*number);
  if (const auto found = std::ranges::find(kStatuses, *number, &Status::status); found != kStatuses.end()) {
    answer.verdict = found->verdict;
    answer.meaning = found->meaning;
  }
  return answer;
}

/// Ids of 23 digits come as JSON numbers from some, and then are rounded. Infinity: no number at all.
double rounded(std::string_view digits) {
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  return whole ? number : std::numeric_limits<double>::infinity();
}

/// Which tokens an answer speaks of.
class Places {
 public:
  explicit Places(std::span<const DeviceToken> tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) by_id_[tokens[i].text()].push_back(i);
  }

  /// Empty: none of ours. A rounded number that fits several ids does not tell them apart: then `certain` is false.
  std::vector<std::size_t> of(const json& user, bool& certain) {
    certain = true;
    const json* const id = member(user, "userid");
    if (id != nullptr && id->is_number_float()) return near(id->get<double>(), certain);
    const auto found = by_id_.find(std::string_view(text_in(user, "userid")));
    return found == by_id_.end() ? std::vector<std::size_t>() : found->second;
  }

 private:
  std::vector<std::size_t> near(double id, bool& certain) {
    if (by_number_.empty())
      for (const auto& [text, at] : by_id_) by_number_.emplace_back(rounded(text), &at);
    std::vector<std::size_t> places;
    std::size_t ids = 0;
    for (const auto& [number, at] : by_number_) {
      if (number != id) continue;
      places.insert(places.end(), at->begin(), at->end());
      ++ids;
    }
    certain = ids == 1;
    return places;
  }

  std::unordered_map<std::string_view, std::vector<std::size_t>> by_id_;
  std::vector<std::pair<double, const std::vector<std::size_t>*>> by_number_;  // filled when first asked for
};

/// `invalidUser` is an object, `invalidUsers` a list of them; either may stand for the other, or be "" or []. No more
/// are read than a list has ids.
std::vector<const json*> invalid_users(const json& body) {
  std::vector<const json*> users;
  for (const char* name : {"invalidUser", "invalidUsers"}) {
    const json* const found = member(body, name);
    if (found == nullptr) continue;
    if (found->is_object() && !found->empty()) users.push_back(found);
    if (found->is_array())
      for (const json& each : *found)
        if (each.is_object() && users.size() < kListMax) users.push_back(&each);
  }
  return users;
}

bool names_nobody(const json& user) {
  const json* const id = member(user, "userid");
  return id == nullptr || id->is_null() || *id == "";
}

}  // namespace

std::optional<std::int64_t> code_in(const HttpResponse& reply) { return integer_in(parsed(reply.body), "result"); }

std::vector<Answer> answers_of(Asked asked, std::span<const DeviceToken> tokens, const HttpResponse& reply) {
  const json body = parsed(reply.body);
  Answer whole = whole_answer(integer_in(body, "result"), reply);
  if (whole.verdict == Verdict::Rejected || whole.verdict == Verdict::Misconfigured)
    whole.meaning += vendor_words(text_in(body, "desc"));
  if (asked == Asked::Save) {
    if (whole.code == std::to_string(kListQuota)) {
      whole = {.verdict = Verdict::Transient,
               .code = whole.code,
               .meaning = whole.meaning,
               .alone = true,
               .shared_rests = true};
      whole.meaning += " Each push goes by itself.";
    }
    if (whole.verdict == Verdict::Accepted) {
      whole.verdict = Verdict::Transient;
      whole.meaning = "vivo stored the content and named no task id.";
    }
    if (whole.verdict == Verdict::TokenGone) {  // a content has no token
      whole.verdict = Verdict::Transient;
      whole.once_more = true;
    }
    return std::vector<Answer>(tokens.size(), whole);
  }
  if (whole.verdict == Verdict::Accepted)
    whole.vendor_id = printable(text_in(body, asked == Asked::Send ? "taskId" : "requestId"));

  const bool speaks_of_ids = whole.verdict == Verdict::Accepted || whole.verdict == Verdict::TokenGone;
  const std::vector<const json*> users = speaks_of_ids ? invalid_users(body) : std::vector<const json*>();
  Answer rest = whole;
  if (whole.verdict == Verdict::TokenGone && (asked == Asked::List || !users.empty())) {
    // Refused for ids that are named: the others are asked again. For ids that are not named: each for itself.
    rest.verdict = asked == Asked::Send ? Verdict::TokenSuspect : Verdict::Transient;
    rest.alone = asked == Asked::List && users.empty();
  }
  std::vector<Answer> answers(tokens.size(), rest);
  if (users.empty()) return answers;
  Places places(tokens);
  for (const json* user : users) {
    bool certain = true;
    std::vector<std::size_t> named = places.of(*user, certain);
    if (asked == Asked::Send && names_nobody(*user))  // of the one id there is
      for (std::size_t i = 0; i < tokens.size(); ++i) named.push_back(i);
    for (const std::size_t i : named) {
      answers[i] = status_answer(*user, whole);
      if (certain || answers[i].verdict == Verdict::Misconfigured) continue;
      answers[i].verdict = Verdict::Transient;
      answers[i].alone = true;
    }
  }
  return answers;
}

std::optional<std::string> task_id_in(const HttpResponse& reply) {
  const json body = parsed(reply.body);
  if (integer_in(body, "result") != 0) return std::nullopt;
  std::string id = text_in(body, "taskId");
  const bool usable =
      !id.empty() && id.size() <= kTaskIdBytes && std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
  return usable ? std::optional(std::move(id)) : std::nullopt;
}

}  // namespace nightpost::vivo
