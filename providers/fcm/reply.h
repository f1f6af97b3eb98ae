// FCM's answers, read: a message's name, Google's error envelope, or anything else at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/http.h"
#include "core/verdict.h"

namespace nightpost::fcm {

/// What an error's body says, collected from all its details in whatever order they stand. Empty where it says nothing.
struct ErrorBody {
  std::string status;                    // "INVALID_ARGUMENT"
  std::string message;                   // for people
  std::string code;                      // FcmError.errorCode
  std::string apns_reason;               // ApnsError.reason
  std::string reason;                    // ErrorInfo.reason
  std::vector<std::string> fields;       // BadRequest.fieldViolations[].field
  std::vector<std::string> quota_words;  // QuotaFailure.violations[].subject and .description
};
ErrorBody error_in(std::string_view body);

/// Total: any status with any body has an answer.
Answer answer_of(const HttpResponse& reply);

}  // namespace nightpost::fcm
