// What the world sees afterwards: exactly one per device (or per receiver without a device) and event, before it one
// `Retrying` for each time the device was put off, and what the vendor's receipts add to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost {

enum class OutcomeKind : std::uint8_t {
  Accepted,
  TokenRemoved,
  Suppressed,
  Expired,
  Rejected,
  Retrying,
  Dead,
  Delivered,
  Clicked,
  Count
};
std::string_view name_of(OutcomeKind kind) noexcept;  // "accepted", "token_removed", …

struct Outcome {
  OutcomeKind kind = OutcomeKind::Dead;
  std::string_view rule;  // static: the rule or stage that decided, e.g. "muted", "logged_out", "retries_exhausted"
  std::string event_id;
  AppId app;
  std::string user_id;
  std::string device_id;  // empty: the receiver had no device to try
  std::optional<Vendor> vendor;
  std::optional<CertificateId> certificate;
  std::string vendor_id;    // the vendor's message id
  std::string code;         // the vendor's code, if one was heard
  std::string reason;       // plain English
  std::string push_id;      // the UUID sent as apns-id
  std::string collapse_id;  // what a repeat would carry too
  int attempt = 0;          // 1 is the first; 0: never sent
  WallTime at{};
  milliseconds latency{0};  // from occurred_at
  WallTime not_before{};    // of Retrying: it is not sent earlier
  std::string traceparent;  // the producer's W3C trace context (traceparent.h); empty: none
};

}  // namespace nightpost
