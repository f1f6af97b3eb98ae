#include "app/otlp_exporter.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "app/otlp_spans.h"
#include "core/c_handle.h"

namespace nightpost::app {
namespace {

using Easy = Handle<CURL, curl_easy_cleanup>;
using Headers = Handle<curl_slist, curl_slist_free_all>;
using Url = Handle<CURLU, curl_url_cleanup>;

constexpr long kConnectMs = 2'000;
constexpr long kTotalMs = 5'000;

std::size_t ignore_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int stop_if_closing(void* closing, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(closing)->load() ? 1 : 0;
}

bool has_part(CURLU* url, CURLUPart part) {
  char* found = nullptr;
  const bool there = curl_url_get(url, part, &found, 0) == CURLUE_OK;
  curl_free(found);
  return there;
}

}  // namespace

Result<void> check_otlp_url(const std::string& url) {
  const Url parsed(curl_url());
  if (!parsed || !(url.starts_with("http://") || url.starts_with("https://")) ||
      std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; }) ||
      curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return fail(Errc::Malformed, "is no http:// or https:// URL");
  if (has_part(parsed.get(), CURLUPART_USER) || has_part(parsed.get(), CURLUPART_PASSWORD))
    return fail(Errc::Malformed, "holds credentials, which have no place in a config");
  if (has_part(parsed.get(), CURLUPART_FRAGMENT)) return fail(Errc::Malformed, "has a fragment");
  return {};
}

OtlpExporter::OtlpExporter(std::string url, std::size_t spans_max, std::string instance, observe::Log& log,
                           OtlpMetrics& metrics)
    : url_(std::move(url)),
      spans_max_(spans_max),
      instance_(std::move(instance)),
      log_(log),
      metrics_(metrics),
      thread_([this] { run(); }) {}

OtlpExporter::~OtlpExporter() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wakes_.notify_one();
  thread_.join();
}

void OtlpExporter::add(std::span<const store::TraceHop> hops) {
  for (const store::TraceHop& hop : hops) {
    std::vector<std::string> spans = spans_of(hop);
    if (spans.empty()) continue;
    const std::scoped_lock lock(mutex_);
    if (queued_.size() + spans.size() > spans_max_) {
      metrics_.dropped_queue.add(spans.size());
      continue;
    }
    std::ranges::move(spans, std::back_inserter(queued_));
    if (queued_.size() >= kBatchMax) wakes_.notify_one();
  }
}

/// False: it closes.
bool OtlpExporter::wait(milliseconds patience, std::size_t until_queued) {
  std::unique_lock lock(mutex_);
  wakes_.wait_for(lock, patience, [&] { return closing_ || queued_.size() >= until_queued; });
  return !closing_;
}

void OtlpExporter::run() {
  pthread_setname_np(pthread_self(), "otlp");
  bool failing = false;
  while (wait(kBatchEvery, kBatchMax)) {
    std::vector<std::string> batch;
    {
      const std::scoped_lock lock(mutex_);
      const auto end = queued_.begin() + static_cast<std::ptrdiff_t>(std::min(kBatchMax, queued_.size()));
      batch.assign(std::make_move_iterator(queued_.begin()), std::make_move_iterator(end));
      queued_.erase(queued_.begin(), end);
    }
    if (batch.empty()) continue;
    if (const auto taken = post(export_request(batch, instance_)); taken) {
      metrics_.sent.add(batch.size());
      if (std::exchange(failing, false)) log_.info("trace.spans_sent_again", {observe::kv("url", url_)});
      continue;
    } else {
      metrics_.dropped_refused.add(batch.size());
      if (closing_) return;
      if (!std::exchange(failing, true))
        log_.warn("trace.spans_not_sent", {observe::kv("url", url_), observe::kv("why", taken.error().detail)});
    }
    if (!wait(kRestAfterFailure, std::size_t(-1))) return;
  }
}

Result<void> OtlpExporter::post(const std::string& body) {
  const Easy easy(curl_easy_init());
  const Headers headers(curl_slist_append(nullptr, "content-type: application/json"));
  if (!easy || !headers) return fail(Errc::Io, "libcurl has no memory");
  CURL* const curl = easy.get();
  curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // not the environment's
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTotalMs);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_if_closing);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &closing_);
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) return fail(Errc::Io, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status / 100 != 2) return fail(Errc::Io, fmt::format("the collector answered {}", status));
  return {};
}

}  // namespace nightpost::app
