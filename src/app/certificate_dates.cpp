#include "app/certificate_dates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

#include "app/commands.h"
#include "core/c_handle.h"
#include "core/pem.h"

namespace nightpost::app {
namespace {

WallTime wall_time(std::tm utc) { return WallTime(seconds(::timegm(&utc))); }

double in_seconds(WallTime at) { return static_cast<double>(to_ms(at)) / 1000; }

}  // namespace

std::optional<WallTime> time_of_fact(std::string_view text) {
  const std::string copy(text);
  std::tm utc{};
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || end != copy.c_str() + copy.size()) return std::nullopt;
  return wall_time(utc);
}

std::vector<CertificateEnd> soonest_ends(std::span<const Certificate> all, std::size_t max) {
  std::vector<CertificateEnd> ends;
  for (const Certificate& one : all) {
    if (one.status != CertificateStatus::Active) continue;
    const auto fact = one.facts.find("not_after");
    if (fact == one.facts.end()) continue;
    if (const auto at = time_of_fact(fact->second)) ends.push_back({one.id, one.app, one.vendor, *at});
  }
  std::ranges::sort(ends, {}, [](const CertificateEnd& end) { return std::pair(end.not_after, end.id.value); });
  if (ends.size() > max) ends.resize(max);
  return ends;
}

std::optional<WallTime> not_after_of(std::string_view pem) {
  const Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return std::nullopt;
  const Handle<X509, X509_free> leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, kNoPassphrase));
  std::tm utc{};
  if (!leaf || ASN1_TIME_to_tm(X509_get0_notAfter(leaf.get()), &utc) != 1) return std::nullopt;
  return wall_time(utc);
}

void CertificateDates::look(MonoTime now) {
  if (read_at_ && now - *read_at_ < kReadEvery) return;
  read_at_ = now;
  if (const auto all = read_()) ends_ = soonest_ends(*all, kSeriesMax);
}

void CertificateDates::register_series(observe::MetricsPage& page) const {
  page.add_gauges("nightpost_certificate_not_after_timestamp_seconds",
                  "When an active certificate ends, those that end first; credentials without an end have no series",
                  [this] {
                    std::vector<observe::Sample> all;
                    for (const CertificateEnd& end : ends_)
                      all.push_back({{{"certificate", std::to_string(end.id.value)},
                                      {"app", std::to_string(end.app.value)},
                                      {"vendor", std::string(name_of(end.vendor))}},
                                     in_seconds(end.not_after)});
                    return all;
                  });
}

void register_listener_certificate(observe::MetricsPage& page, const char* listener,
                                   std::function<std::optional<WallTime>()> ends) {
  page.add_gauges("nightpost_server_certificate_not_after_timestamp_seconds",
                  "When the TLS certificate that a listener of ours shows ends",
                  [listener = std::string(listener), ends = std::move(ends)] {
                    std::vector<observe::Sample> all;
                    if (const auto end = ends()) all.push_back({{{"listener", listener}}, in_seconds(*end)});
                    return all;
                  });
}

}  // namespace nightpost::app
