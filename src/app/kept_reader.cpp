#include "app/kept_reader.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace nightpost::app {

using std::chrono::steady_clock;

Result<std::unique_ptr<KeptReader>> KeptReader::start(Make make, std::string name, Waits waits, observe::Log& log) {
  std::unique_ptr<KeptReader> kept(new KeptReader(std::move(make), std::move(name), waits, log));
  auto first = kept->make();
  if (!first) return std::unexpected(std::move(first.error()));
  kept->reader_ = *std::move(first);
  kept->thread_ = std::thread([self = kept.get()] {
    pthread_setname_np(pthread_self(), "kept-reader");
    self->run();
  });
  return kept;
}

KeptReader::~KeptReader() { stop(); }

void KeptReader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string KeptReader::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

Result<std::shared_ptr<void>> KeptReader::make() {
  return make_([this](const Error& error) { fail(error); });
}

void KeptReader::fail(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    trouble_ = error.detail;
  }
  changed_.notify_all();
}

void KeptReader::run() {
  for (;;) {
    const auto begun = steady_clock::now();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || failed_; });
      if (stop_) break;
      if (wait_.count() == 0 || steady_clock::now() - begun >= waits_.max) wait_ = waits_.first;
    }
    log_.error(name_ + "_failed", {observe::kv("why", trouble()), observe::kv("again_in_ms", wait_.count())});
    reader_.reset();
    if (!make_anew()) break;
    log_.info(name_ + "_read_again", {});
  }
  reader_.reset();
}

bool KeptReader::make_anew() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, wait_, [this] { return stop_; })) return false;
      wait_ = std::min(wait_ * 2, waits_.max);
      failed_ = false;
    }
    auto made = make();
    const std::lock_guard lock(mutex_);
    if (made) {
      reader_ = *std::move(made);
      if (!failed_) trouble_.clear();
      return true;
    }
    trouble_ = made.error().detail;
  }
}

}  // namespace nightpost::app
