// A vendor's wire protocol and nothing else: no sockets, clock, threads, retries or logs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
#include "providers/quota.h"

namespace nightpost {

/// A request and the tokens it reaches: tokens[first, first + count) of those handed to build().
struct Planned {
  HttpRequest http;
  std::size_t first = 0;
  std::size_t count = 1;
  std::uint8_t kind = 0;  // the vendor's own note of what it asked; handed back to classify()
  /// Stores the content at the vendor and reaches nobody yet: address() makes the requests that do.
  bool prepares = false;
};

/// One receiver of a request that carries a content for each.
struct Letter {
  const Notification* notification;
  const DeviceToken* token;
};

/// Who may share a request.
struct Batching {
  bool tokens = false;         // receivers of one event with equal content
  bool badge = true;           // each receiver's badge shows on the wire, so unequal ones are apart
  bool sound = true;           // likewise
  std::size_t tokens_min = 2;  // with mixed_max: fewer of equal content than this go as letters
  std::size_t mixed_max = 0;   // so many letters of unequal content share a request (build_mixed); 0: never
};

/// Beside the classes that providers name: requests that store a content for many first, where the vendor counts those.
inline constexpr std::string_view kSharedRequests = "stored contents";

/// How requests travel: over our own HTTP/2 lane, or by whatever HTTP version the vendor's host offers.
enum class Wire : std::uint8_t { Http2, Any };

/// Built per certificate (topic, package, limits inside). Immutable once built, so one instance serves every shard
/// without locks. Never blocks or throws; equal inputs give equal bytes.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual Vendor vendor() const noexcept = 0;
  /// Scheme, host and port the requests go to: "https://api.push.apple.com".
  virtual const std::string& origin() const noexcept = 0;
  virtual Wire wire() const noexcept { return Wire::Any; }
  virtual Batching batching() const noexcept { return {}; }
  /// Requests of one credential that the vendor takes; by default no limit is known.
  virtual RequestRate request_rate() const noexcept { return {}; }

  /// Requests that reach each token exactly once, in order, split to the vendor's limits. More than one token only
  /// where batching().tokens says so; there may be thousands. Malformed: can never be sent as it is (payload too big,
  /// no topic); do not retry.
  virtual Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                             const Grant& grant) const = 0;
  /// The same for letters of unequal content, at most batching().mixed_max of them. `first` and `count` count letters.
  /// Malformed: one of them can never be sent; the caller then builds them one by one.
  virtual Result<std::vector<Planned>> build_mixed(std::span<const Letter> letters, const Grant& grant) const;
  /// After the reply to a request that `prepares`: the ones that reach the tokens; first and count as in build().
  /// nullopt: the vendor refused, and classify() with that request's kind says how.
  virtual std::optional<std::vector<Planned>> address(const Notification& notification,
                                                      std::span<const DeviceToken> tokens, const HttpResponse& reply,
                                                      const Grant& grant) const;
  /// One answer per token, in order; `tokens` are those of the request. Total: any status with any body gets a verdict;
  /// an unknown code never removes a token.
  virtual std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                                       const HttpResponse& reply) const = 0;
  /// The kind of message (a channel, a category) that the vendor counts for itself, so that its quota rests no other: a
  /// plural for people, "messages of channel 104086". Empty: the vendor makes no difference. Equal for equal kinds.
  virtual std::string quota_class(const Notification& notification) const;
  /// What each device that the notification goes to is counted in, before the vendor refuses it. Empty: nothing that
  /// we know the number of. Equal spans for equal kinds of message; valid as long as this.
  virtual std::span<const Quota> quotas(const Notification&) const { return {}; }
  /// Set: the vendor does not take this notification before then (operation messages outside their hours).
  virtual std::optional<WallTime> closed_until(const Notification& notification, WallTime now) const;
  /// Whether the words a connection ended with (GOAWAY debug data) blame our credential: reconnecting would storm.
  virtual bool goodbye_names_credential(std::string_view goodbye) const noexcept;
  /// Whether a notification that only sets the badge (Notification::badge_only) can be built for such a device.
  virtual bool takes_badge_only(Platform) const noexcept { return false; }
  /// Whether a token could be one of this vendor's at all; what is not is settled without asking the vendor.
  virtual bool well_formed(const DeviceToken& token) const noexcept = 0;
};

}  // namespace nightpost
