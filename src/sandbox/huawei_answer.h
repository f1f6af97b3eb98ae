// Huawei Push Kit's answers: business codes and their words (Push Kit REST API).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox::huawei {

inline constexpr std::string_view kSuccess = "80000000";
inline constexpr std::string_view kPartial = "80100000";
inline constexpr std::string_view kParameter = "80100001";
inline constexpr std::string_view kStructure = "80100003";
inline constexpr std::string_view kTtl = "80100004";
inline constexpr std::string_view kCollapseKey = "80100013";
inline constexpr std::string_view kNotAuthenticated = "80200001";
inline constexpr std::string_view kTokenExpired = "80200003";
inline constexpr std::string_view kJwtInvalid = "80200005";
inline constexpr std::string_view kNoPermission = "80300002";
inline constexpr std::string_view kAllInvalid = "80300007";
inline constexpr std::string_view kTooBig = "80300008";
inline constexpr std::string_view kTokenCount = "80300010";
inline constexpr std::string_view kNoHighPriority = "80300011";
inline constexpr std::string_view kReceiptUrl = "80300013";
inline constexpr std::string_view kTestTokenCount = "80300030";
inline constexpr std::string_view kJwtTooLong = "80300036";
inline constexpr std::string_view kFlowControl = "503";  // by status alone; no code is known

struct Refusal {
  std::string_view code;
  std::string detail = {};  // what is wrong with it: "message.android.ttl: duration out of range"
};

/// The HTTP status Huawei answers `code` with.
int status_of(std::string_view code) noexcept;
/// `{"code", "msg", "requestId"}`; the code's usual words if `msg` is empty.
server::ServerResponse answer_of(int status, std::string_view code, std::string_view msg, std::string_view request_id);
/// As answer_of, for a push that was taken: some of its tokens may have been refused. Variant 3 is the API v3, which
/// says why.
server::ServerResponse outcome_of(const Judgement& judgement);
/// Can a partial answer say this of one token?
bool tells(int variant, std::string_view reason) noexcept;

}  // namespace nightpost::sandbox::huawei
