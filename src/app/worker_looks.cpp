#include "app/worker_looks.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "app/curl_way.h"
#include "core/c_handle.h"

namespace nightpost::app {
namespace {

constexpr long kMetricsWaitMs = 2'000;
constexpr std::size_t kMetricsBytesMax = std::size_t{4} << 20;

using MetricsCurl = Handle<CURL, curl_easy_cleanup>;

std::size_t keep_metrics(const char* bytes, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + count > kMetricsBytesMax) return 0;
  body.append(bytes, count);
  return count;
}

}  // namespace

Result<std::string> fetch_metrics(const std::string& origin) {
  const MetricsCurl easy(curl_easy_init());
  if (!easy) return fail(Errc::Io, "libcurl has no memory");
  CURL* const curl = easy.get();
  const std::string url = origin + "/metrics";
  std::string body;
  lead_straight_to(curl, url, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kMetricsWaitMs);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_metrics);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) return fail(Errc::Io, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return fail(Errc::Io, fmt::format("/metrics was answered {}", status));
  return body;
}

WorkerLooks::WorkerLooks(std::vector<Worker> workers, const Clock& clock, admin::RateBook& book)
    : workers_(std::move(workers)), clock_(clock), book_(book) {
  std::vector<std::string> names;
  for (const Worker& each : workers_) names.push_back(each.name);
  book_.watch(names);
  if (!workers_.empty()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void WorkerLooks::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  for (MonoTime next = clock_.mono(); !stop.stop_requested(); next += admin::kRatesEvery) {
    std::vector<admin::RateBook::Look> looks;
    for (const Worker& each : workers_) {
      if (stop.stop_requested()) return;
      const auto page = each.page();
      looks.push_back({clock_.mono(), page ? admin::read_worker_counts(*page) : std::unexpected(page.error())});
    }
    book_.add(clock_.wall(), std::move(looks));
    // Where looks take longer than the time between two, none is made up for.
    next = std::max(next, clock_.mono() - admin::kRatesEvery);
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, next + admin::kRatesEvery - clock_.mono(), [] { return false; });
  }
}

}  // namespace nightpost::app
