// What resolve needs of a store, and of whoever knows the vendors. src/app plugs in the real ones.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/changes.h"
#include "core/device.h"
#include "core/result.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::resolve {

/// The read side of a store, plus the one write dispatch makes. One per shard, on its thread, which no call blocks for
/// a network: what is not at hand is told later, or is Overloaded until it is.
class Source {
 public:
  virtual ~Source() = default;
  /// One per key, in order. Tells once, inside this call or later on the shard's thread; `keys` are valid during this
  /// call only. REQUIRED: a read that begins after changes() has named a key sees that change.
  using Found = std::move_only_function<void(Result<std::vector<Receiver>>)>;
  virtual void receivers(std::span<const ReceiverKey> keys, Found found) = 0;
  virtual Result<bool> app_known(AppId app) = 0;
  /// Compare-and-delete on token and registration time; tells once whether a row went, on the shard's thread, maybe
  /// before it returns. The arguments are valid during this call only.
  using Removed = std::move_only_function<void(Result<bool>)>;
  virtual void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) = 0;
  virtual Result<Certificate> certificate(CertificateId id) = 0;
  virtual Result<CertificateSecret> secret(CertificateId id) = 0;
  /// What anybody else has written since the last call; the first one names nothing and begins there.
  virtual Result<Changes> changes() = 0;
};

/// What a vendor's room makes of a certificate and its secret: the one line of wiring a vendor needs in app.
struct VendorParts {
  std::shared_ptr<const Provider> provider;
  std::shared_ptr<const Authorizer> authorizer;
};
using VendorFactory = std::function<Result<VendorParts>(const Certificate&, const CertificateSecret&)>;

}  // namespace nightpost::resolve
