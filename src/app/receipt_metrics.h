// What the receipt listener counts. Written by its thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "core/outcome.h"
#include "core/vendor.h"
#include "kafka/metrics.h"
#include "observe/metrics_page.h"
#include "providers/receipt.h"
#include "server/metrics.h"

namespace nightpost::app {

/// Why a call was not answered 200.
enum class ReceiptRefusal : std::uint8_t {
  NotFound,      // 404: no such path, vendor or certificate
  Method,        // 405: not POST
  TooOften,      // 429
  Unauthorized,  // 401: the signature or shared secret is wrong, or the certificate has no receipt key
  Malformed,     // 400
  TooMany,       // 413: more receipts than a call may hold
  Store,         // 503: the store could not be read or written
  Kafka,         // 503: the outcomes were not acknowledged in time
  Internal,      // 500: a bug of ours has thrown; the call is not repeated by every vendor
  Count,
};
std::string_view name_of(ReceiptRefusal refusal) noexcept;  // "not_found", "method", "too_often", …

inline constexpr std::size_t kReceiptKinds = std::size_t(Receipt::Kind::Unknown) + 1;
std::string_view name_of(Receipt::Kind kind) noexcept;  // "delivered", "clicked", "token_gone", "undelivered", …

struct ReceiptMetrics {
  std::array<std::array<Counter, kReceiptKinds>, std::size_t(Vendor::Count)> receipts;  // of calls answered 200
  std::array<Counter, std::size_t(OutcomeKind::Count)> outcomes;                        // what they became
  std::array<Counter, std::size_t(ReceiptRefusal::Count)> refused;                      // calls
  Counter calls_repeated;                                                               // answered 200, nothing done
  Counter tokens_removed;                                                               // rows of the store
  Counter removals_held;  // devices that stay, for too many were called gone at once
  server::ServerMetrics server;
  kafka::ProducerMetrics producer;
};

/// The series of receipts; their outcomes are counted with all others in nightpost_outcomes_total.
void register_receipt_metrics(observe::MetricsPage& page, const ReceiptMetrics& metrics);

}  // namespace nightpost::app
