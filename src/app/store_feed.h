// What a store behind a network tells a whole process: one thread asks it a few times a second, so that no shard waits
// for it. Certificates and secrets come whole, changes by name.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/certificate.h"
#include "core/changes.h"
#include "core/counter.h"
#include "core/result.h"
#include "core/time.h"
#include "dispatch/metrics.h"
#include "observe/log.h"
#include "store/store.h"

namespace nightpost::app {

/// All certificates of one moment. Immutable; shared by the feed and the shards.
struct CertificateBook {
  struct Entry {
    Entry(Certificate c, Result<CertificateSecret> s) : certificate(std::move(c)), secret(std::move(s)) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();  // wipes the secret
    Certificate certificate;
    Result<CertificateSecret> secret;  // Unauthorized: the master key does not open it
  };
  std::map<std::int64_t, std::shared_ptr<const Entry>> entries;  // by id
  std::set<std::int64_t> apps;                                   // that have one
};

struct StoreNews {
  MonoTime as_of{};  // what was committed before is in the book, and named in these changes or in earlier ones
  Changes changes;
  std::shared_ptr<const CertificateBook> book;  // never null
  std::string addresses;                        // look_up_hosts()
};

struct StoreFeedOptions {
  milliseconds poll{200};         // from one look to the next
  milliseconds retry_max{2'000};  // the same, doubling, while looks fail
};

/// Written by the feed's thread, read by the scrape.
struct StoreFeedMetrics {
  Counter looks, looks_failed;
  Counter available;  // gauge: 1 while the last look was good
  /// Of the oldest change in each look that names any: from its commit to here, at most. Not of what came while it
  /// could not be known (a connection that was opened again, more than is named).
  dispatch::LatencyHistogram change_lag;
};

class StoreFeed {
 public:
  /// Opens the store, and migrates it where it must. Called on the feed's thread, again where it failed. Once the token
  /// is told, the store waits for nothing.
  using Open = std::function<Result<std::unique_ptr<store::Store>>(std::stop_token)>;
  /// Why the store takes no writes now, though it can be read.
  using Writable = std::function<Result<void>(store::Store&)>;
  struct Parts {
    Open open;
    Writable writable;
    std::function<std::string()> addresses;  // of its hosts, looked up anew
  };

  /// `log` and `metrics` are borrowed.
  StoreFeed(Parts parts, const StoreFeedOptions& options, observe::Log& log, StoreFeedMetrics& metrics);
  ~StoreFeed();  // as stop()
  StoreFeed(const StoreFeed&) = delete;
  StoreFeed& operator=(const StoreFeed&) = delete;

  // Any thread.
  /// Everything has been read once.
  bool loaded() const;
  /// Set before that: why no waiting will help (an address or tables that will not do, a log-in that is refused).
  std::optional<Error> hopeless() const;
  /// What is wrong with the store, for people; empty: nothing.
  std::string trouble() const;
  /// Null: not loaded yet.
  std::shared_ptr<const CertificateBook> book() const;

  /// `take` is called with the book at once, then after each good look, on the feed's thread; it must be short, and is
  /// not called after stop() has returned. REQUIRED: loaded.
  using Take = std::function<void(const StoreNews&)>;
  void subscribe(Take take);
  void stop();

 private:
  void run();
  Result<void> look();
  Result<std::shared_ptr<const CertificateBook>> read_book(bool afresh);
  void note(const Result<void>& looked);
  void publish(Changes changes);
  void note_lag(milliseconds age, MonoTime read_at, MonoTime looked_before);

  const Parts parts_;
  const StoreFeedOptions options_;
  observe::Log& log_;
  StoreFeedMetrics& metrics_;

  // The feed's thread alone.
  std::unique_ptr<store::Store> store_;
  bool book_is_old_ = true, book_is_another_ = false;
  MonoTime look_at_writes_{};

  std::stop_source stop_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  StoreNews news_;  // its changes are empty
  std::vector<Take> takers_;
  std::string trouble_;
  std::optional<Error> hopeless_;

  std::thread thread_;
};

}  // namespace nightpost::app
