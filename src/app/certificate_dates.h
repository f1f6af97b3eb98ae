// When certificates end that have an end: push certificates of the store (APNs .p12) and the receipts listener's own.
// For /metrics, so that an alert comes weeks before a vendor refuses them. Keys, secrets and service accounts have
// none.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "observe/metrics_page.h"

namespace nightpost::app {

struct CertificateEnd {
  CertificateId id;
  AppId app;
  Vendor vendor = Vendor::Apns;
  WallTime not_after;
};

/// "2027-01-31T23:59:59Z", as the fact not_after has it. Anything else: nullopt.
std::optional<WallTime> time_of_fact(std::string_view text);
/// The active ones that have an end, soonest first, at most `max` of them.
std::vector<CertificateEnd> soonest_ends(std::span<const Certificate> all, std::size_t max);
/// The end of the first certificate of a PEM chain; nullopt: there is none.
std::optional<WallTime> not_after_of(std::string_view pem);

/// Single-threaded: looks where the page is rendered.
class CertificateDates {
 public:
  static constexpr std::size_t kSeriesMax = 100;  // one a certificate; those that end first
  static constexpr seconds kReadEvery{60};

  using Read = std::move_only_function<Result<std::vector<Certificate>>()>;  // all; called on the page's thread
  explicit CertificateDates(Read read) : read_(std::move(read)) {}

  /// Reads the store, at most once in kReadEvery; while it cannot be read, what was read before stands.
  void look(MonoTime now);
  /// nightpost_certificate_not_after_timestamp_seconds. The page must not be rendered without this.
  void register_series(observe::MetricsPage& page) const;

 private:
  Read read_;
  std::optional<MonoTime> read_at_;
  std::vector<CertificateEnd> ends_;
};

/// nightpost_server_certificate_not_after_timestamp_seconds: of the certificate that a listener of ours shows, by `ends`;
/// nullopt: no series. Call it once a page and listener.
void register_listener_certificate(observe::MetricsPage& page, const char* listener,
                                   std::function<std::optional<WallTime>()> ends);

}  // namespace nightpost::app
