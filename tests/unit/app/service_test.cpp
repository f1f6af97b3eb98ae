#include "app/service.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <future>

#include "app/output.h"

namespace nightpost::app {
namespace {

TEST_CASE("service: health says what is not ready and why", "[app][service]") {
  struct Row {
    const char* name;
    std::string method, target;
    bool failed;
    std::vector<Unready> unready;
    int status;
    std::string body;
  };
  const std::vector<Unready> two = {{"kafka", "no partitions yet"}, {"topic dead", "topic_missing"}};
  const Row row = GENERATE_COPY(values<Row>({
      {"ready", "GET", "/readyz", false, {}, 200, "ready\n"},
      {"ready with a query", "HEAD", "/readyz?verbose", false, {}, 200, "ready\n"},
      {"each part is named", "GET", "/readyz", false, two, 503,
       "not ready: kafka: no partitions yet\nnot ready: topic dead: topic_missing\n"},
      {"a part that the rest goes on without",
       "GET",
       "/readyz",
       false,
       {{"push results", "fenced", true}},
       200,
       "ready\ndegraded: push results: fenced\n"},
      {"that, and one it does not",
       "GET",
       "/readyz",
       false,
       {{"push results", "fenced", true}, {"store", "away"}},
       503,
       "degraded: push results: fenced\nnot ready: store: away\n"},
      {"failed", "GET", "/readyz", true, {}, 503, "not ready: failed\n"},
      {"alive though not ready", "GET", "/healthz", false, two, 200, "ok\n"},
      {"dead", "GET", "/healthz", true, {}, 503, "failed\n"},
      {"numbers", "GET", "/metrics", true, two, 200, ""},
      {"no method but GET", "POST", "/readyz", false, {}, 405, "only GET\n"},
      {"nothing else", "GET", "/", false, {}, 404, "here are /metrics, /healthz and /readyz\n"},
      {"no prefix", "GET", "/readyzz", false, {}, 404, "here are /metrics, /healthz and /readyz\n"},
  }));
  CAPTURE(row.name);
  const observe::MetricsPage page;
  const server::ServerResponse response = health_answer(row.method, row.target, row.failed, row.unready, page);
  CHECK(response.status == row.status);
  CHECK(response.body == row.body);
}

/// The exit status of a child that runs `body`; signals are for it alone.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) std::_Exit(body());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

int with_service(milliseconds limit, const std::function<bool(Service&, MonoTime)>& drain, bool fails = false) {
  Service service({.name = "test", .drain_limit = limit}, nullptr);
  if (fails)
    service.fail();
  else
    ::kill(::getpid(), SIGTERM);
  return service.run([&](MonoTime deadline) { return drain(service, deadline); });
}

TEST_CASE("service: a signal drains, by the deadline", "[app][service]") {
  CHECK(in_child([] {
          return with_service(seconds(100), [](Service& service, MonoTime deadline) {
            const auto left = deadline - std::chrono::steady_clock::now();
            return service.draining() && left > seconds(50) && left <= seconds(100) ? true : (std::_Exit(77), false);
          });
        }) == kDone);
}

TEST_CASE("service: a second signal ends it at once", "[app][service]") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  CHECK(in_child([signal] {
          return with_service(seconds(100), [signal](Service&, MonoTime) {
            ::kill(::getpid(), signal);
            std::promise<void> never;
            never.get_future().wait();
            return false;
          });
        }) == 128 + signal);
}

TEST_CASE("service: a drain that hangs does not hang the process", "[app][service]") {
  CHECK(in_child([] {
          return with_service(milliseconds(10), [](Service&, MonoTime) {
            std::promise<void> never;
            never.get_future().wait();
            return false;
          });
        }) == kNotAllWell);
}

TEST_CASE("service: it can serve while its start waits", "[app][service]") {
  const auto waiting = [](const std::function<bool(Service&)>& done) {
    return in_child([&] {
      Service service({.name = "test", .drain_limit = seconds(100)}, nullptr);
      if (!service.serve_until([&] { return done(service); })) return 50 + service.exit_code();
      ::kill(::getpid(), SIGTERM);
      return service.run([](MonoTime) { return true; });
    });
  };
  int looks = 0;
  CHECK(waiting([](Service&) { return true; }) == kDone);
  CHECK(waiting([&](Service&) { return ++looks == 3; }) == kDone);
  CHECK(waiting([](Service&) { return ::kill(::getpid(), SIGTERM), false; }) == 50 + kDone);
  CHECK(waiting([](Service& service) { return service.fail(), false; }) == 50 + kUnreachable);
}

TEST_CASE("service: what cannot go on ends without a drain", "[app][service]") {
  CHECK(in_child([] {
          return with_service(seconds(1), [](Service&, MonoTime) { return std::_Exit(77), true; }, true);
        }) == kUnreachable);
}

}  // namespace
}  // namespace nightpost::app
