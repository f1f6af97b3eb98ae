// What Honor's codes ask us to do. Honor publishes no list: these are the ones that implementations agree on or that
// it is assumed to share with Huawei. Source: spec §4.3, §0.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::honor {

struct Rule {
  std::int64_t first;
  std::int64_t last;  // the same as first, or the end of a run of codes that mean the same
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
};

inline constexpr std::int64_t kNoPermission = 80300002;  // of several tokens it may mean one: reply.cpp

inline constexpr std::array kRules = {
    Rule{0, 0, Verdict::Accepted, "Honor took it."},
    Rule{200, 200, Verdict::Accepted, "Honor took it."},
    Rule{80000000, 80000000, Verdict::Accepted, "Honor took it."},
    Rule{80100000, 80109999, Verdict::Rejected, "A parameter is wrong."},
    Rule{80200001, 80200001, Verdict::AuthStale, "The access token is wrong."},
    Rule{80200003, 80200003, Verdict::AuthStale, "The access token has expired."},
    Rule{kNoPermission, kNoPermission, Verdict::CredentialBad, "The app may not push, or the app id is another's."},
    // Only expireTokens removes tokens: a wrong app id may look just like this.
    Rule{80300007, 80300007, Verdict::TokenSuspect, "Honor calls all tokens of the request invalid."},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::first));

/// Null for a code that is not in the table.
constexpr const Rule* rule_for(std::int64_t code) noexcept {
  const auto* const after = std::ranges::upper_bound(kRules, code, {}, &Rule::first);
  if (after == kRules.begin()) return nullptr;
  const Rule& rule = *std::prev(after);
  return code <= rule.last ? &rule : nullptr;
}

/// What an HTTP status alone says, or a code that looks like one. A 2xx without a code may have been anything.
constexpr Verdict verdict_for_status(std::int64_t status) noexcept {
  switch (status) {
    case 401:
    case 403:
      return Verdict::AuthStale;
    case 408:
    case 425:
      return Verdict::Transient;
    case 429:
    case 503:
      return Verdict::Throttled;
    default:
      break;
  }
  if (status >= 300 && status < 400) return Verdict::Misconfigured;  // Honor does not redirect: some other server does
  return status >= 400 && status < 500 ? Verdict::Rejected : Verdict::Transient;
}

}  // namespace nightpost::honor
