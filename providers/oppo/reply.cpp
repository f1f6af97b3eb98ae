#include "providers/oppo/reply.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "providers/bare_status.h"
#include "providers/oppo/limits.h"
#include "providers/oppo/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/target_list.h"

namespace nightpost::oppo {
namespace {

using nlohmann::json;

constexpr std::int64_t kTokenCodes = 10'000;  // from here on codes speak of ids and aliases

Answer answer_for(std::int64_t code, bool repeat) {
  Answer answer;
  answer.code = std::to_string(code);
  if (repeat && code == kDuplicate) {
    answer.verdict = Verdict::Accepted;
    answer.meaning = "OPPO had taken it before.";
  } else if (const Rule* rule = rule_for(code)) {
    answer.verdict = rule->verdict;
    answer.meaning = rule->meaning;
    answer.rest_of_day = rule->rest_of_day;
    answer.scope = rule->verdict != Verdict::Throttled ? Scope::Token
                   : code == kMessageQuota             ? Scope::Class
                                                       : Scope::Credential;
  } else {
    answer.once_more = true;
    answer.meaning = "OPPO answered a code unknown to us.";
  }
  return answer;
}

/// What the answer as a whole says, before single tokens.
Answer whole_answer(std::optional<std::int64_t> code, bool repeat, const HttpResponse& reply) {
  Answer answer;
  if (code) {
    answer = answer_for(*code, repeat);
  } else {
    answer.verdict = verdict_for_bare_status(reply.status);
    answer.scope = answer.verdict == Verdict::Throttled ? Scope::Credential : Scope::Token;
    answer.meaning = "OPPO answered " + std::to_string(reply.status) + " without a code.";
  }
  if (answer.verdict == Verdict::Throttled || answer.verdict == Verdict::Transient)
    answer.retry_after = retry_after(reply);
  return answer;
}

std::string id_in(const json& data) {
  for (const char* name : {"messageId", "message_id"})
    if (std::string id = text_in(data, name); !id.empty()) return printable(id);
  return {};
}

/// Every member of `data` whose name is a number lists the ids that failed with that code.
void mark_failed(std::vector<Answer>& answers, bool repeat, std::span<const DeviceToken> tokens, const json& data) {
  std::unordered_map<std::string_view, std::int64_t> failed;
  std::vector<std::vector<std::string>> lists;  // what `failed` views
  for (auto list = data.begin(); list != data.end(); ++list) {
    const std::string& name = list.key();
    std::int64_t code = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code);
    if (name.empty() || error != std::errc{} || end != name.data() + name.size()) continue;
    lists.push_back(target_list(&*list));
    for (const std::string& id : lists.back()) failed.try_emplace(id, code);
  }
  if (failed.empty()) return;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (const auto found = failed.find(tokens[i].text()); found != failed.end()) {
      std::string id = std::move(answers[i].vendor_id);
      answers[i] = answer_for(found->second, repeat);
      if (answers[i].verdict == Verdict::Accepted) answers[i].vendor_id = std::move(id);
    }
}

Answer item_answer(const json& item, bool repeat) {
  const json* const code = member(item, "errorCode");
  const bool none = code == nullptr || code->is_null() || *code == "";
  const std::optional<std::int64_t> number = none ? 0 : integer_in(item, "errorCode");
  if (!number) return {.meaning = "OPPO's answer for this registration id could not be read."};
  Answer answer = answer_for(*number, repeat);
  answer.vendor_id = id_in(item);
  return answer;
}

/// Items are found by their registration id: their order is not promised. An id that stands twice has its items in the
/// order of its tokens. A token without an item is asked again: its app_message_id keeps that from showing twice.
std::vector<Answer> batch_answers(bool repeat, std::span<const DeviceToken> tokens, const json* data) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> places;
  for (std::size_t i = tokens.size(); i-- > 0;) places[tokens[i].text()].push_back(i);  // the first is taken first
  std::vector<Answer> answers(tokens.size(), {.meaning = "OPPO's answer has no word about this registration id."});
  if (data == nullptr || !data->is_array()) return answers;
  for (const json& item : *data) {
    const std::string id = text_in(item, "registrationId");
    const auto found = places.find(std::string_view(id));
    if (found == places.end() || found->second.empty()) continue;
    answers[found->second.back()] = item_answer(item, repeat);
    found->second.pop_back();
  }
  return answers;
}

}  // namespace

std::optional<std::int64_t> code_in(const HttpResponse& reply) { return integer_in(parsed(reply.body), "code"); }

std::vector<Answer> answers_of(Asked asked, bool repeat, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) {
  const json body = parsed(reply.body);
  const std::optional<std::int64_t> code = integer_in(body, "code");
  const json* const data = member(body, "data");
  Answer whole = whole_answer(code, repeat, reply);
  if (whole.verdict == Verdict::Accepted) {
    if (asked == Asked::Batch && code == 0) return batch_answers(repeat, tokens, data);
    if (asked == Asked::Save) {
      whole.verdict = Verdict::Transient;
      whole.meaning = "OPPO stored the content and named no message id.";
    } else if (data != nullptr) {
      whole.vendor_id = id_in(*data);
    }
  }
  if (code == kUploadQuota) {
    // Of stored contents alone: each goes by itself.
    whole.verdict = asked == Asked::Save ? Verdict::Transient : Verdict::Throttled;
    whole.scope = Scope::Token;
    whole.alone = whole.shared_rests = asked == Asked::Save;
    whole.rest_of_day = asked != Asked::Save;
  }
  if (whole.verdict == Verdict::Rejected || whole.verdict == Verdict::Misconfigured)
    whole.meaning += vendor_words(text_in(body, "message"));
  const bool names_token = asked != Asked::Save && tokens.size() == 1;
  if (code == kDuplicate && whole.verdict != Verdict::Accepted && tokens.size() > 1) {
    whole.verdict = Verdict::Transient;
    whole.alone = true;
    whole.meaning = "OPPO calls one of several messages the repeat of another and does not say which.";
  }
  if (code >= kTokenCodes && !names_token) {  // said of a whole request: it does not say whose token
    if (whole.verdict == Verdict::TokenGone) {
      whole.alone = true;
      whole.once_more = asked != Asked::Broadcast;  // letters go together again, and a content has no token at all
      whole.verdict = Verdict::Transient;
    }
    if (whole.verdict == Verdict::Accepted) whole.verdict = Verdict::Transient;
  }
  std::vector<Answer> answers(tokens.size(), whole);
  if (asked == Asked::Broadcast && whole.verdict == Verdict::Accepted && data != nullptr && data->is_object())
    mark_failed(answers, repeat, tokens, *data);
  return answers;
}

std::optional<Saved> saved_in(const HttpResponse& reply) {
  const json body = parsed(reply.body);
  const std::optional<std::int64_t> code = integer_in(body, "code");
  if (code != 0 && code != kDuplicate) return std::nullopt;
  Saved saved;
  if (const json* data = member(body, "data"))
    for (const char* name : {"message_id", "messageId"})
      if (saved.message_id.empty()) saved.message_id = text_in(*data, name);
  const bool usable = saved.message_id.size() <= kMessageIdBytes &&
                      std::ranges::all_of(saved.message_id, [](char c) { return c > ' ' && c < 0x7f; });
  if (!usable) saved.message_id.clear();
  saved.duplicate = code == kDuplicate;
  if (saved.message_id.empty() && !saved.duplicate) return std::nullopt;
  return saved;
}

}  // namespace nightpost::oppo
