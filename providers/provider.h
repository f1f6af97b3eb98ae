// A vendor's wire protocol and nothing else: no sockets, clock, threads, retries or logs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/notification.h"
#include "core/result.h"
#include "core/vendor.h"
#include "core/verdict.h"
#include "providers/authorizer.h"

namespace nightpost {

/// A request and the tokens it reaches: tokens[first, first + count) of those handed to build().
struct Planned {
  HttpRequest http;
  std::size_t first = 0;
  std::size_t count = 1;
};

/// Built per certificate (topic, package, limits inside). Immutable once built, so one instance serves every shard
/// without locks. Never blocks or throws; equal inputs give equal bytes.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual Vendor vendor() const noexcept = 0;
  /// Scheme, host and port the requests go to: "https://api.push.apple.com".
  virtual const std::string& origin() const noexcept = 0;

  /// Requests that reach each token exactly once, split to the vendor's limits (1 token for APNs, many elsewhere).
  /// Malformed: can never be sent as it is (payload too big, no topic); do not retry.
  virtual Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                             const Grant& grant) const = 0;
  /// One answer per token, in order. Total: any status with any body gets a verdict; an unknown reason never removes a
  /// token.
  virtual std::vector<Answer> classify(std::span<const DeviceToken> tokens, const HttpResponse& reply) const = 0;
  /// Whether the words a connection ended with (GOAWAY debug data) blame our credential: reconnecting would storm.
  virtual bool goodbye_names_credential(std::string_view goodbye) const noexcept = 0;
  /// Whether a token could be one of this vendor's at all; what is not is settled without asking the vendor.
  virtual bool well_formed(const DeviceToken& token) const noexcept = 0;
};

}  // namespace nightpost
