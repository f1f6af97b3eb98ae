// Receivers and routes of one shard, with their bounded caches. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/device.h"
#include "core/result.h"
#include "core/time.h"
#include "resolve/grant_book.h"
#include "resolve/ports.h"
#include "resolve/resolver_metrics.h"

namespace nightpost::resolve {

struct ResolverOptions {
  std::size_t receivers_cached_max = 200'000;  // per shard; the least recently used go first
  std::size_t routes_cached_max = 10'000;
  milliseconds bad_route_retry{5'000};  // how long an unusable certificate is not tried again
};

/// A certificate made ready to send with.
struct ReadyCertificate {
  std::uint64_t id = 0;  // unique in the process: a changed certificate is a new one
  Certificate certificate;
  VendorParts parts;
};

class Resolver {
 public:
  Resolver(ResolverOptions options, Source& source, GrantBook& grants, VendorFactory factory, const Clock& clock,
           ResolverMetrics& metrics);
  ~Resolver();

  /// In order; an unknown user is an empty Receiver. Asks the source once for all that the cache lacks and that no read
  /// in flight will bring. Looks first what others have written, so a change by another process is seen with the next
  /// batch. Tells once, inside this call where the source does, else when the source has answered; never once the
  /// resolver is gone. Null: this one could not be read, others could. An error: none could. `keys` are valid during
  /// this call only.
  using Found = std::move_only_function<void(Result<std::vector<std::shared_ptr<const Receiver>>>)>;
  void receivers(std::span<const ReceiverKey> keys, Found found);
  Result<bool> app_known(AppId app);
  void remove_token(AppId app, std::string_view user_id, const Device& device, Source::Removed removed);

  /// NotFound, or Malformed: the certificate cannot be used (secret does not open, vendor's room refuses it). A
  /// disabled one is handed out; whether to use it is dispatch's to decide. An edit that cannot be used does not
  /// replace the version before it.
  Result<std::shared_ptr<const ReadyCertificate>> certificate(AppId app, CertificateId id);
  /// As GrantBook's current() and refresh(), by the certificate's signer.
  Result<GrantAnswer> grant(const ReadyCertificate& certificate, WallTime now, GrantWaiter& waiter);
  Result<GrantAnswer> refresh(const ReadyCertificate& certificate, const Grant& refused, WallTime now,
                              GrantWaiter& waiter);
  /// What the waiter will be told: certificates of one signer share a grant; the others have one each.
  static std::string grant_key(const ReadyCertificate& certificate);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared: an answer that comes after the end must find nobody
};

}  // namespace nightpost::resolve
