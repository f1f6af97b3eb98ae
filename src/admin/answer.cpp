#include "admin/answer.h"

namespace nightpost::admin {
namespace {

std::string dumped(const nlohmann::json& json) {
  return json.is_null() ? "" : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

HttpFields api_headers() { return {{"cache-control", "no-store"}, {"x-content-type-options", "nosniff"}}; }

}  // namespace

Refusal refusal_of(const Error& error) {
  switch (error.code) {
    case Errc::NotFound:
      return {404, "not_found", error.detail};
    case Errc::Malformed:
      if (error.detail.ends_with(" is taken") || error.detail.contains("already has one of"))
        return {409, "conflict", error.detail, "name"};
      if (error.detail.contains(" was edited meanwhile: ")) return {409, "conflict", error.detail};
      if (error.detail.starts_with("certificate name")) return {422, "invalid", error.detail, "name"};
      return {422, "invalid", error.detail};
    case Errc::Timeout:
    case Errc::ConnectionLost:
    case Errc::Overloaded:
    case Errc::Unauthorized:
    case Errc::ShuttingDown:
    case Errc::Io:
      break;
  }
  return {503, "unavailable", error.detail};
}

HttpAnswer as_http(const Answer& answer) {
  HttpAnswer out{answer.status, api_headers(), dumped(answer.body)};
  if (!out.body.empty()) out.headers.emplace_back("content-type", "application/json; charset=utf-8");
  out.headers.insert(out.headers.end(), answer.headers.begin(), answer.headers.end());
  return out;
}

HttpAnswer as_http(const Refusal& refusal) {
  nlohmann::json error = {{"code", refusal.code}, {"message", refusal.message}};
  if (!refusal.path.empty()) error["path"] = refusal.path;
  if (!refusal.reasons.is_null()) error["reasons"] = refusal.reasons;
  HttpAnswer out = as_http(Answer{refusal.status, {{"error", std::move(error)}}});
  if (!refusal.retry_after.empty()) out.headers.emplace_back("retry-after", refusal.retry_after);
  return out;
}

}  // namespace nightpost::admin
