#include "sandbox/fcm_answer.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace nightpost::sandbox::fcm {
namespace {

enum class Detail : std::uint8_t { None, Fcm, FcmAndApns, Info };
struct Row {
  std::string_view reason;
  int status;
  std::string_view grpc;
  Detail detail;
  std::string_view message;
};
constexpr std::string_view kNoCredential =
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.";
constexpr std::string_view kBadCredential =
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.";
constexpr std::array kRows = {
    Row{"ACCESS_TOKEN_EXPIRED", 401, "UNAUTHENTICATED", Detail::Info, kBadCredential},
    Row{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", 403, "PERMISSION_DENIED", Detail::Info,
        "Request had insufficient authentication scopes."},
    Row{"ACCESS_TOKEN_TYPE_UNSUPPORTED", 401, "UNAUTHENTICATED", Detail::Info, kBadCredential},
    Row{"BAD_FIELD", 400, "INVALID_ARGUMENT", Detail::None, "Request contains an invalid argument."},
    Row{"CREDENTIALS_MISSING", 401, "UNAUTHENTICATED", Detail::Info, kNoCredential},
    Row{"IAM_PERMISSION_DENIED", 403, "PERMISSION_DENIED", Detail::Info,
        "Permission 'cloudmessaging.messages.create' denied on the project (or it may not exist)."},
    Row{"INTERNAL", 500, "INTERNAL", Detail::Fcm, "Internal error encountered."},
    Row{"INVALID_ARGUMENT", 400, "INVALID_ARGUMENT", Detail::Fcm, "Request contains an invalid argument."},
    Row{"NOT_FOUND", 404, "NOT_FOUND", Detail::None, "Requested entity was not found."},
    Row{"QUOTA_EXCEEDED", 429, "RESOURCE_EXHAUSTED", Detail::Fcm, "Quota exceeded"},
    Row{"SENDER_ID_MISMATCH", 403, "PERMISSION_DENIED", Detail::Fcm, "SenderId mismatch"},
    Row{"SERVICE_DISABLED", 403, "PERMISSION_DENIED", Detail::Info,
        "Firebase Cloud Messaging API has not been used in the project before or it is disabled."},
    // Word for word what a missing access token meets; only the detail tells.
    Row{"THIRD_PARTY_AUTH_ERROR", 401, "UNAUTHENTICATED", Detail::FcmAndApns, kNoCredential},
    Row{"UNAVAILABLE", 503, "UNAVAILABLE", Detail::Fcm, "The service is currently unavailable."},
    Row{"UNREGISTERED", 404, "NOT_FOUND", Detail::Fcm, "Requested entity was not found."},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::reason));

std::string_view grpc_of(int status) {
  switch (status) {
    case 400:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 500:
      return "INTERNAL";
    case 503:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}

void open_detail(std::string& out, std::string_view type) {
  out += out.ends_with('[') ? "{" : ",{";
  append_json_member(out, "@type", type);
}

}  // namespace

Words words_of(const Refusal& refusal, int status) {
  const auto found = std::ranges::lower_bound(kRows, refusal.reason, {}, &Row::reason);
  const bool known = found != kRows.end() && found->reason == refusal.reason;
  const Row row = known ? *found : Row{refusal.reason, 500, "", Detail::Fcm, refusal.reason};
  if (status == 0) status = row.status;
  const std::string_view grpc = known && status == row.status ? row.grpc : grpc_of(status);
  const std::string message = utf8_repaired(refusal.message.empty() ? row.message : std::string_view(refusal.message));

  std::string out = R"({"error":{)";
  append_json_member(out, "code", status);
  append_json_member(out, "message", message);
  append_json_member(out, "status", grpc);
  out += ",\"details\":[";
  if (row.detail == Detail::Fcm || row.detail == Detail::FcmAndApns) {
    open_detail(out, "type.googleapis.com/google.firebase.fcm.v1.FcmError");
    append_json_member(out, "errorCode", row.reason);
    out += '}';
  }
  if (row.detail == Detail::FcmAndApns) {
    open_detail(out, "type.googleapis.com/google.firebase.fcm.v1.ApnsError");
    append_json_member(out, "statusCode", 403);
    append_json_member(out, "reason", "InvalidProviderToken");
    out += '}';
  }
  if (row.detail == Detail::Info) {
    open_detail(out, "type.googleapis.com/google.rpc.ErrorInfo");
    append_json_member(out, "reason", row.reason);
    append_json_member(out, "domain", "googleapis.com");
    out += R"(,"metadata":{"service":"fcm.googleapis.com","method":"google.firebase.fcm.v1.FcmService.SendMessage"}})";
  }
  if (!refusal.field.empty()) {
    open_detail(out, "type.googleapis.com/google.rpc.BadRequest");
    out += R"(,"fieldViolations":[{)";
    append_json_member(out, "field", utf8_repaired(refusal.field));
    append_json_member(out, "description", refusal.description.empty() ? message : utf8_repaired(refusal.description));
    out += "}]}";
  }
  if (out.ends_with('['))
    out.erase(out.size() - std::string_view(",\"details\":[").size());
  else
    out += ']';
  return {status, out + "}}"};
}

std::string html_page(int status) {
  const std::string code = std::to_string(status);
  return "<!DOCTYPE html><html lang=en><title>Error " + code + "</title><p><b>" + code +
         ".</b> That\xE2\x80\x99s an error.";
}

}  // namespace nightpost::sandbox::fcm
