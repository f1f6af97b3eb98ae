// libcrypto's per-thread error queue, left as it was found: TLS on the same thread reads its own errors from it.
#pragma once

#include <openssl/err.h>

namespace nightpost {

class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_set_mark(); }
  ~ErrorQueueGuard() { ERR_pop_to_mark(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

}  // namespace nightpost
