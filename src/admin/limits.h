// How often somebody may: failed log-ins of an address, requests of a token. Pure: times are handed in.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

#include "core/lru_cache.h"
#include "core/time.h"

namespace nightpost::admin {

/// A bucket a name: holds `burst`, fills by `burst` in `refill`. Bounded: the name used least recently is forgotten.
class Buckets {
 public:
  Buckets(double burst, milliseconds refill, std::size_t names_max)
      : burst_(burst), refill_(refill), names_(names_max) {}
  /// How long until there is one; nullopt: there is.
  std::optional<seconds> wait(const std::string& name, MonoTime now);
  void take(const std::string& name, MonoTime now);

 private:
  struct Bucket {
    double left = 0;
    MonoTime at;
  };
  double left_in(const Bucket& bucket, MonoTime now) const;

  const double burst_;
  const milliseconds refill_;
  LruCache<std::string, Bucket> names_;
};

struct GateOptions {
  std::size_t login_failures_max = 10;       // of an address; then it waits
  milliseconds login_window{900'000};        // … until these are forgiven, evenly
  std::size_t login_addresses_max = 10'000;  // remembered
  std::size_t requests_burst_max = 100;      // of a token or session
  std::size_t requests_per_second_max = 20;  // likewise
};

/// Both, for all threads that answer.
class Gate {
 public:
  explicit Gate(const GateOptions& options)
      : failures_(static_cast<double>(options.login_failures_max), options.login_window, options.login_addresses_max),
        requests_(static_cast<double>(options.requests_burst_max),
                  milliseconds(1'000 * options.requests_burst_max / options.requests_per_second_max),
                  options.login_addresses_max) {}
  /// nullopt: it may try to log in.
  std::optional<seconds> login_wait(const std::string& address, MonoTime now) {
    const std::scoped_lock lock(mutex_);
    return failures_.wait(address, now);
  }
  void login_failed(const std::string& address, MonoTime now) {
    const std::scoped_lock lock(mutex_);
    failures_.take(address, now);
  }
  /// nullopt: the request may go on, and is counted.
  std::optional<seconds> request_wait(const std::string& caller, MonoTime now) {
    const std::scoped_lock lock(mutex_);
    auto wait = requests_.wait(caller, now);
    if (!wait) requests_.take(caller, now);
    return wait;
  }

 private:
  std::mutex mutex_;
  Buckets failures_, requests_;  // by mutex_
};

}  // namespace nightpost::admin
