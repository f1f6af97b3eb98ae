// What every role that runs until it is told to stop has in common: signals, readiness, the HTTP listener for SREs and
// orchestrators, the drain and the exit code.
//
// The first SIGTERM or SIGINT drains, by one deadline; while it does, /metrics and health go on. A second one ends the
// process at once with exit code 128 + its number. A drain that is not over kDrainGrace after its deadline ends the
// process with exit code 1: nothing may hang longer than an orchestrator waits.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "observe/log.h"
#include "observe/metrics_page.h"
#include "server/http_server.h"

namespace nightpost::app {

struct ServiceOptions {
  std::string name;                           // of the role: begins its log lines
  std::string ready_file;                     // empty: none
  milliseconds drain_limit{0};                // from the signal to the end of the process
  std::optional<server::ServerOptions> http;  // /metrics, /healthz, /readyz; nullopt: no listener
};

struct Unready {
  std::string part, why;
  bool serves = false;  // all else goes on without it: it is said, and /readyz stays 200
};
/// What is answered to a request for /metrics, /healthz or /readyz: 503 if the service has failed or a part is not
/// ready, each part named with its reason on a line of its own. Pure but for the page, which reads the numbers.
server::ServerResponse health_answer(std::string_view method, std::string_view target, bool failed,
                                     const std::vector<Unready>& unready, const observe::MetricsPage& page);

class Service {
 public:
  static constexpr milliseconds kDrainGrace{2'000};

  /// `log` is borrowed; null: nothing is logged.
  Service(ServiceOptions options, observe::Log* log);
  /// Build it before what it serves, so that the drain's deadline holds for their destructors too.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  boost::asio::io_context& loop() noexcept { return loop_; }
  observe::MetricsPage& page() noexcept { return page_; }
  /// Why that part is not ready; an empty answer: it is. Asked on the loop, which blocks meanwhile.
  using Condition = std::function<std::vector<Unready>()>;
  void add_condition(Condition condition) { conditions_.push_back(std::move(condition)); }
  /// Serves HTTP if the options say so. Io: cannot listen there.
  Result<void> listen();
  std::uint16_t http_port() const noexcept { return http_ ? http_->port() : std::uint16_t{0}; }

  /// Serves until `done`, which is asked on the loop a few times a second. False: a signal came or fail() was called
  /// before; then there is nothing to drain, and exit_code() is the process'. REQUIRED: before run().
  bool serve_until(std::function<bool()> done);
  int exit_code() const noexcept;

  /// Any thread: writes the ready file, on the loop. `ready` is asked there.
  void announce(std::function<nlohmann::json()> ready);
  /// Any thread: the service cannot go on; run() ends without a drain, with kUnreachable.
  void fail();
  bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }

  /// Runs the loop until a signal and the drain after it, or fail(). `drain` is called on a thread of its own and
  /// returns whether everything was settled by `deadline`. Returns the exit code.
  int run(std::function<bool(MonoTime deadline)> drain);

 private:
  void look_if_done();
  void await_signal();
  void on_signal(int signal);
  void arm_watchdog(MonoTime deadline);
  std::vector<Unready> unready() const;
  void say(std::string_view event, std::initializer_list<observe::Field> fields, bool error = false);

  const ServiceOptions options_;
  observe::Log* const log_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_{loop_, SIGTERM, SIGINT};
  observe::MetricsPage page_;
  std::vector<Condition> conditions_;
  server::ServerMetrics http_metrics_;
  std::unique_ptr<server::HttpServer> http_;
  std::function<bool()> done_;  // of serve_until(), while it lasts
  boost::asio::steady_timer done_timer_{loop_};
  std::function<bool(MonoTime)> drain_;  // null: nothing to drain yet
  std::atomic<bool> failed_{false}, draining_{false};
  bool settled_ = false;  // the drain's, read after it
  std::thread drainer_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;  // by mutex_
  std::thread watchdog_;
};

}  // namespace nightpost::app
