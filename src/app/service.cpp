#include "app/service.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "app/output.h"
#include "app/ready_file.h"
#include "app/server_options.h"

namespace nightpost::app {

namespace {
constexpr milliseconds kLookIfDone{50};
}  // namespace

server::ServerResponse health_answer(std::string_view method, std::string_view target, bool failed,
                                     const std::vector<Unready>& unready, const observe::MetricsPage& page) {
  const auto text = [](int status, std::string body, std::string type = "text/plain; charset=utf-8") {
    return server::ServerResponse{status, {{"content-type", std::move(type)}}, std::move(body)};
  };
  if (method != "GET" && method != "HEAD") return text(405, "only GET\n");
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/metrics") return text(200, page.render(), observe::MetricsPage::content_type());
  if (path == "/healthz") return failed ? text(503, "failed\n") : text(200, "ok\n");
  if (path != "/readyz") return text(404, "here are /metrics, /healthz and /readyz\n");
  if (failed) return text(503, "not ready: failed\n");
  const bool ready = std::ranges::all_of(unready, &Unready::serves);
  std::string body = ready ? "ready\n" : "";
  for (const auto& [part, why, serves] : unready)
    body.append(serves ? "degraded: " : "not ready: ").append(part).append(": ").append(why) += '\n';
  return text(ready ? 200 : 503, std::move(body));
}

Service::Service(ServiceOptions options, observe::Log* log) : options_(std::move(options)), log_(log) {
  await_signal();
}

Service::~Service() {
  if (drainer_.joinable()) drainer_.join();
  {
    const std::scoped_lock lock(mutex_);
    over_ = true;
  }
  ended_.notify_one();
  if (watchdog_.joinable()) watchdog_.join();
}

void Service::say(std::string_view event, std::initializer_list<observe::Field> fields, bool error) {
  if (log_ == nullptr) return;
  const std::string name = options_.name + "." + std::string(event);
  error ? log_->error(name, fields) : log_->info(name, fields);
}

std::vector<Unready> Service::unready() const {
  std::vector<Unready> all;
  if (draining()) all.push_back({"service", "draining"});
  for (const Condition& condition : conditions_)
    for (Unready& one : condition()) all.push_back(std::move(one));
  return all;
}

Result<void> Service::listen() {
  if (!options_.http) return {};
  register_server_metrics(page_, "http", http_metrics_);
  page_.add_gauge("nightpost_ready", "1 while /readyz says ready", {},
                  [this] { return !failed_ && std::ranges::all_of(unready(), &Unready::serves) ? 1.0 : 0.0; });
  server::ServerOptions http = *options_.http;
  http.log = log_;
  http.metrics = &http_metrics_;
  auto made = server::HttpServer::start(
      loop_, std::move(http), server::answered_at_once([this](const server::ServerRequest& request) {
        return health_answer(request.method, request.target, failed_, unready(), page_);
      }));
  if (!made) return std::unexpected(made.error());
  http_ = *std::move(made);
  return {};
}

void Service::announce(std::function<nlohmann::json()> ready) {
  boost::asio::post(loop_, [this, ready = std::move(ready)] {
    const auto written = write_ready_file(options_.ready_file, ready());
    if (!written) say("ready_file", {observe::kv("detail", written.error().detail)}, true);
  });
}

void Service::fail() {
  failed_ = true;
  loop_.stop();
}

void Service::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    await_signal();
  });
}

bool Service::serve_until(std::function<bool()> done) {
  done_ = std::move(done);
  look_if_done();
  loop_.run();
  loop_.restart();
  done_ = nullptr;
  return !draining() && !failed_;
}

void Service::look_if_done() {
  if (!done_) return;  // it is over, and a timer was late
  if (done_()) return loop_.stop();
  done_timer_.expires_after(kLookIfDone);
  done_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_if_done();
  });
}

int Service::exit_code() const noexcept { return failed_ ? kUnreachable : kDone; }

void Service::on_signal(int signal) {
  if (draining_.exchange(true)) {
    say("stopped_at_once", {observe::kv("signal", signal)}, true);
    std::_Exit(128 + signal);  // what was not committed comes again
  }
  say("draining", {observe::kv("signal", signal), observe::kv("limit_ms", options_.drain_limit.count())});
  const MonoTime deadline = std::chrono::steady_clock::now() + options_.drain_limit;
  arm_watchdog(deadline);
  if (!drain_) return loop_.stop();
  drainer_ = std::thread([this, deadline] {
    settled_ = drain_(deadline);
    boost::asio::post(loop_, [this] { loop_.stop(); });
  });
}

void Service::arm_watchdog(MonoTime deadline) {
  watchdog_ = std::thread([this, deadline] {
    std::unique_lock lock(mutex_);
    if (ended_.wait_until(lock, deadline + kDrainGrace, [this] { return over_; })) return;
    say("drain_overdue", {observe::kv("limit_ms", options_.drain_limit.count())}, true);
    std::_Exit(kNotAllWell);
  });
}

int Service::run(std::function<bool(MonoTime)> drain) {
  drain_ = std::move(drain);
  {
    const auto keep = boost::asio::make_work_guard(loop_);
    loop_.run();
  }
  if (failed_) {
    if (!draining_.exchange(true)) arm_watchdog(std::chrono::steady_clock::now() + options_.drain_limit);
    if (drainer_.joinable()) drainer_.join();
    return kUnreachable;
  }
  drainer_.join();
  say("stopped", {observe::kv("all_settled", settled_)});
  return kDone;
}

}  // namespace nightpost::app
