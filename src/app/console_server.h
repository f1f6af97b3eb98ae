// The console as a server: one listener for the admin API and its page, threads that answer, each with connections of
// its own to the store: some for what is quick, some for what waits for brokers and vendors.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/service.h"
#include "core/counter.h"
#include "core/result.h"
#include "core/time.h"
#include "observe/log.h"
#include "observe/metrics_page.h"
#include "server/metrics.h"
#include "store/admin_store.h"

namespace nightpost::app {

struct ConsoleMetrics {  // written on the loop's thread
  server::ServerMetrics server;
  Counter done, refused, unauthorized, throttled, failed;  // answers of the API: below 400, 4xx, 401, 429, 5xx
  Counter changes, not_recorded, busy, waiting, waiting_long;
};
void register_console_metrics(observe::MetricsPage& page, const ConsoleMetrics& metrics);

class Console {
 public:
  /// On the loop's thread, or while nobody runs it. Borrows all; they outlive it, as the loop does. Io: cannot listen;
  /// the store's errors.
  static Result<std::unique_ptr<Console>> start(boost::asio::io_context& loop, const Config& config, const Clock& clock,
                                                observe::Log& log, ConsoleMetrics& metrics);
  ~Console();  // waits for what is being answered

  std::string url() const;  // "https://host:port" of the listener; people may come by console.public_url
  std::optional<WallTime> certificate_ends() const noexcept;
  /// Any thread; waits for nothing: a thread of its own looks at the store once a second.
  std::vector<Unready> unready();
  /// New requests are answered 503 from now on; waits until those before are answered. Not on the loop. False:
  /// `deadline` came first.
  bool drain(MonoTime deadline);
  /// Looks at the workers of console.metrics_urls from now on; where none is named, at this process's page if it is a
  /// worker's. `own` is borrowed. Once; REQUIRED: the page has all its series, and nobody runs the loop yet or this is
  /// its thread.
  void look_at_workers(const observe::MetricsPage& own);
  /// Where a person logs in for the first time; nullopt: somebody is an administrator already, and not `always`.
  Result<std::optional<std::string>> first_link(bool always);

 private:
  struct Impl;
  explicit Console(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A console in a role's process: starts it, has its metrics and readiness served, and prints the first link on stdout,
/// which is a person's and no log's. It ends before the service. `always_link`: even where there is an administrator.
Result<std::unique_ptr<Console>> add_console(Service& service, const Config& config, const Clock& clock,
                                             observe::Log& log, ConsoleMetrics& metrics, bool always_link = false);

/// The tables of the config's store.
Result<std::unique_ptr<store::AdminStore>> open_admin_store(const Config& config);

}  // namespace nightpost::app
