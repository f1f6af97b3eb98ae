#include "sandbox/huawei_answer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "core/text.h"

namespace nightpost::sandbox::huawei {
namespace {

struct Row {
  std::string_view code;
  int status;
  std::string_view msg;
};
constexpr std::array kRows = {
    Row{"80000000", 200, "Success"},
    Row{"80100000", 200, "Partial success"},
    Row{"80100001", 400, "Some request parameters are incorrect"},
    Row{"80100002", 400, "The number of tokens must be 1"},
    Row{"80100003", 400, "Incorrect message structure"},
    Row{"80100004", 400, "The message expiration time is earlier than the current time"},
    Row{"80100013", 400, "The collapse_key message field is invalid"},
    Row{"80100016", 400, "The message contains sensitive information"},
    Row{"80100017", 200, "Too many concurrent topic messages"},
    Row{"80100018", 400, "The signature of the reviewed body is incorrect"},
    Row{"80100022", 400, "The image was not verified"},
    Row{"80200001", 401, "Oauth authentication error"},
    Row{"80200003", 401, "Oauth Token expired"},
    Row{"80200005", 401, "The JWT is invalid or expired"},
    Row{"80300002", 200, "The current app does not have the permission to send messages"},
    Row{"80300007", 200, "All the tokens are invalid"},
    Row{"80300008", 400, "The message body size exceeds the default value"},
    Row{"80300010", 400, "The number of tokens in the message body is incorrect"},
    Row{"80300011", 200, "You are not authorized to send high-priority notification messages"},
    Row{"80300013", 200, "The receipt URL is incorrect"},
    Row{"80300029", 200, "Too many test messages"},
    Row{"80300030", 400, "The number of tokens of a test message is incorrect"},
    Row{"80300036", 401, "The validity period of the JWT is longer than one day"},
    Row{"80300037", 200, "The app is under a penalty"},
    Row{"80600003", 500, "Failed to request the OAuth service"},
    Row{"81000001", 500, "System inner error"},
    Row{"82000012", 200, "No data storage location was selected"},
    Row{"82000013", 200, "The data storage location does not match"},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::code));

const Row* row_of(std::string_view code) noexcept {
  const auto found = std::ranges::lower_bound(kRows, code, {}, &Row::code);
  return found != kRows.end() && found->code == code ? &*found : nullptr;
}

bool is_number(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

void append_text(std::string& out, std::string_view text) {
  out += out.ends_with('[') ? "\"" : ",\"";
  append_json_escaped(out, text);
  out += '"';
}

std::string counts(std::size_t all, std::size_t refused) {
  std::string out = "{";
  append_json_member(out, "success", static_cast<std::int64_t>(all - refused));
  append_json_member(out, "failure", static_cast<std::int64_t>(refused));
  return out;
}

}  // namespace

int status_of(std::string_view code) noexcept {
  if (code == kFlowControl) return 503;
  const Row* row = row_of(code);
  return row ? row->status : 200;
}

server::ServerResponse answer_of(int status, std::string_view code, std::string_view msg, std::string_view request_id) {
  const Row* row = row_of(code);
  std::string body = "{";
  append_json_member(body, "code", code);
  append_json_member(body, "msg", msg.empty() && row ? row->msg : msg);
  append_json_member(body, "requestId", request_id);
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = body + '}'};
}

server::ServerResponse outcome_of(const Judgement& judgement) {
  const auto refused = static_cast<std::size_t>(
      std::ranges::count_if(judgement.tokens, [](const TokenVerdict& one) { return !one.reason.empty(); }));
  if (refused == 0) return answer_of(200, kSuccess, "", judgement.id);
  std::string msg = counts(judgement.tokens.size(), refused);
  if (judgement.variant == 3) {
    std::map<std::string_view, std::string> by_reason;
    for (const TokenVerdict& one : judgement.tokens)
      if (!one.reason.empty()) append_text(by_reason.try_emplace(one.reason, "[").first->second, one.token);
    msg += ",\"illegalTokens\":{";
    for (const auto& [reason, tokens] : by_reason) {
      msg += msg.ends_with('{') ? "\"" : ",\"";
      append_json_escaped(msg, reason);
      msg += "\":" + tokens + ']';
    }
    msg += "}}";
  } else {
    if (refused == judgement.tokens.size()) return answer_of(200, kAllInvalid, "", judgement.id);
    msg += ",\"illegal_tokens\":[";
    for (const TokenVerdict& one : judgement.tokens)
      if (!one.reason.empty()) append_text(msg, one.token);
    msg += "]}";
  }
  return answer_of(200, refused == judgement.tokens.size() ? kAllInvalid : kPartial, msg, judgement.id);
}

bool tells(int variant, std::string_view reason) noexcept {
  if (reason == kAllInvalid || reason == "illegal_tokens") return true;
  return variant == 3 && !reason.empty() && !is_number(reason);
}

}  // namespace nightpost::sandbox::huawei
