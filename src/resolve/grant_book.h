// Grants by signer, for all shards of the process: one token per team and key, renewed before it ages out, never before
// it may, single flight.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/result.h"
#include "core/time.h"
#include "providers/authorizer.h"

namespace nightpost::resolve {

/// Thread-safe; signing happens under the signer's own lock, so ten shards make one token.
class GrantBook {
 public:
  /// `key`: the authorizer's signer(), or something unique where it shares with nobody.
  Result<std::shared_ptr<const Grant>> current(const std::string& key, const Authorizer& authorizer, WallTime now);
  /// The vendor called `refused` stale. Unauthorized: it is younger than age_min(), so no new one may be made.
  Result<std::shared_ptr<const Grant>> refresh(const std::string& key, const Authorizer& authorizer,
                                               const Grant& refused, WallTime now);

 private:
  struct Entry {
    std::mutex mutex;
    std::shared_ptr<const Grant> grant;
  };
  Entry& entry(const std::string& key);
  std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
};

}  // namespace nightpost::resolve
