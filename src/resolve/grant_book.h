// Grants by signer, for all shards of the process: signed here or obtained from a token endpoint, renewed before they
// age out, never before they may be, single flight. Says who is to ask an endpoint and is told the answer; sends
// nothing itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/http.h"
#include "core/lru_cache.h"
#include "core/result.h"
#include "core/time.h"
#include "providers/authorizer.h"

namespace nightpost::resolve {

struct GrantOptions {
  milliseconds fetch_deadline{15'000};  // an order nobody settled for this long and a little more is given anew
  milliseconds backoff_first{1'000};    // after a failed fetch, doubling; also the least gap between two renewals
  milliseconds backoff_max{60'000};
  /// A credential whose fetch was refused (Unauthorized, Malformed), or whose new grant was refused as the old one had
  /// been, is not asked for again for this long.
  milliseconds refused_retry{60'000};
  std::size_t signers_max = 10'000;  // then the one not asked for the longest goes
};

/// A grant as shards keep it.
struct HeldGrant : Grant {
  explicit HeldGrant(Grant grant) : Grant(std::move(grant)) {}
  bool obtained = false;       // by a token endpoint
  bool after_refusal = false;  // made because the one before it was refused
  /// Set once a vendor refused it: it is not to be used again. Any thread.
  bool withdrawn() const noexcept { return withdrawn_.load(std::memory_order_relaxed); }

 private:
  friend class GrantBook;
  mutable std::atomic<bool> withdrawn_{false};
};

/// To be told that a grant is there, or could not be had. Both outlive the book's use of them.
class GrantWaiter {
 public:
  virtual void on_grant_settled(const std::string& key) = 0;  // any thread

 protected:
  ~GrantWaiter() = default;
};

/// Whoever gets one asks the endpoint and calls GrantBook::settle(), whatever comes of it.
struct GrantOrder {
  std::string key;
  std::uint64_t number = 0;
  GrantRequest request;
};

struct GrantAnswer {
  std::shared_ptr<const HeldGrant> grant;  // null: it is being obtained, and the waiter will be told
  std::optional<GrantOrder> order;         // at most one is out for a key
  WallTime ask_at{};                       // until then the grant serves without asking here again
};

/// Thread-safe; signing happens under the signer's own lock, so ten shards make one token.
class GrantBook {
 public:
  explicit GrantBook(GrantOptions options = {}) : options_(options), entries_(options.signers_max) {}

  /// `key`: the authorizer's signer(), or something unique where it shares with nobody. An error of a failed fetch is
  /// the answer until the next one may be made.
  Result<GrantAnswer> current(const std::string& key, const Authorizer& authorizer, WallTime now, GrantWaiter& waiter);
  /// The vendor called `refused` stale. Whoever comes with an older one than there is gets that. Unauthorized: no new
  /// one may be made yet (age_min(), refused_retry).
  Result<GrantAnswer> refresh(const std::string& key, const Authorizer& authorizer, const Grant& refused, WallTime now,
                              GrantWaiter& waiter);

  struct Settled {
    std::optional<Error> failed;        // absent: there is a new grant
    std::vector<GrantWaiter*> waiters;  // to be told, by the caller
  };
  /// What the endpoint answered to `order`.
  Settled settle(const GrantOrder& order, const Authorizer& authorizer, const Result<HttpResponse>& reply,
                 WallTime now);

 private:
  struct Entry;
  std::shared_ptr<Entry> entry(const std::string& key, WallTime now);

  const GrantOptions options_;
  std::mutex mutex_;
  LruCache<std::string, std::shared_ptr<Entry>> entries_;  // shared: one may go while it is used
};

}  // namespace nightpost::resolve
