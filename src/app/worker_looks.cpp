#include "app/worker_looks.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <condition_variable>
#include <future>
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
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR)
    return fail(Errc::Io, fmt::format("/metrics has more than {} bytes", kMetricsBytesMax));
  if (code != CURLE_OK) return fail(Errc::Io, curl_easy_strerror(code));
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

admin::RateBook::Look WorkerLooks::look_at(const Worker& worker) const {
  const auto page = worker.page();
  return {clock_.mono(), page ? admin::read_worker_page(*page) : std::unexpected(page.error())};
}

void WorkerLooks::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  for (MonoTime next = clock_.mono(); !stop.stop_requested(); next += admin::kRatesEvery) {
    // At once: those that do not answer would else make all others late, when somebody looks at the charts most. Where
    // there is no thread to be had, one after the other.
    std::vector<std::future<admin::RateBook::Look>> asked;
    for (const Worker& each : workers_)
      asked.push_back(std::async(std::launch::async | std::launch::deferred, [this, &each] { return look_at(each); }));
    std::vector<admin::RateBook::Look> looks;
    for (auto& each : asked) looks.push_back(each.get());
    book_.add(clock_.wall(), std::move(looks));
    // Where looks take longer than the time between two, none is made up for.
    next = std::max(next, clock_.mono() - admin::kRatesEvery);
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, next + admin::kRatesEvery - clock_.mono(), [] { return false; });
  }
}

}  // namespace nightpost::app
