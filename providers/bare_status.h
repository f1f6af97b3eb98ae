// What an HTTP status alone says of a push, where the vendor's own code is missing.
#pragma once

#include "core/verdict.h"

namespace nightpost {

/// A 2xx without the vendor's code may have been anything: Transient. So may a 401, 403 or 404: proxies and the edges
/// of content networks say these as well, and only the vendor's own words may stop a credential.
constexpr Verdict verdict_for_bare_status(int status) noexcept {
  if (status == 429) return Verdict::Throttled;
  if (status == 401 || status == 403 || status == 404 || status == 407) return Verdict::Transient;
  if (status == 408 || status == 425) return Verdict::Transient;
  if (status >= 300 && status < 400) return Verdict::Misconfigured;  // no vendor redirects: some other server does
  return status >= 400 && status < 500 ? Verdict::Rejected : Verdict::Transient;
}

}  // namespace nightpost
