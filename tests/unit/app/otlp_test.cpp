// Spans of OpenTelemetry: what they are made of, and that a collector gets them or they are counted.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "app/otlp_exporter.h"
#include "app/otlp_spans.h"
#include "server/http_server.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr const char* kParent = "00f067aa0ba902b7";
const std::string kSampled = std::string("00-") + kTrace + "-" + kParent + "-01";

store::TraceHop outcome(Json more = Json::object(), std::int64_t at = 2'000) {
  Json facts = {{"outcome", "accepted"}, {"rule", "accepted"},   {"reason", "r"},
                {"vendor", "apns"},      {"latency_ms", 500},    {"traceparent", kSampled},
                {"sent_at", 1'800},      {"certificate_id", 12}, {"attempt", 1}};
  facts.update(more);
  return {.event_id = "e1",
          .app = {7},
          .user_id = "vinson",
          .device_id = "phone",
          .hop = "outcome",
          .at = wall_from_ms(at),
          .facts = facts.dump()};
}

std::vector<Json> parsed(const std::vector<std::string>& spans) {
  std::vector<Json> out;
  for (const std::string& span : spans) out.push_back(Json::parse(span));
  return out;
}

TEST_CASE("otlp: whose traceparent wants spans", "[app][otlp]") {
  struct Row {
    std::string traceparent;
    bool want;
  };
  const std::string head = kSampled.substr(0, 53);
  const Row row = GENERATE_COPY(values<Row>({{kSampled, true},
                                             {head + "03", true},
                                             {head + "0f", true},
                                             {head + "00", false},
                                             {head + "fe", false},
                                             {head + "10", false},
                                             {"", false},
                                             {"00-trace", false}}));
  CAPTURE(row.traceparent);
  CHECK(wants_spans(row.traceparent) == row.want);
}

TEST_CASE("otlp: an outcome is a push, and the request in it", "[app][otlp]") {
  const auto spans = parsed(spans_of(outcome()));
  REQUIRE(spans.size() == 2);
  const Json& push = spans[0];
  CHECK(push["traceId"] == kTrace);
  CHECK(push["parentSpanId"] == kParent);
  CHECK(push["spanId"].get<std::string>().size() == 16);
  CHECK(push["name"] == "push");
  CHECK(push["kind"] == 5);
  CHECK(push["startTimeUnixNano"] == "1500000000");
  CHECK(push["endTimeUnixNano"] == "2000000000");
  CHECK(push["status"] == Json{{"code", 1}});
  std::set<std::string> keys;
  for (const Json& attribute : push["attributes"]) keys.insert(attribute["key"]);
  CHECK(keys == std::set<std::string>{"nightpost.event_id", "nightpost.app_id", "nightpost.user_id",
                                      "nightpost.device_id", "nightpost.outcome", "nightpost.rule", "nightpost.vendor",
                                      "nightpost.certificate_id", "nightpost.attempt"});
  const Json& send = spans[1];
  CHECK(send["traceId"] == kTrace);
  CHECK(send["parentSpanId"] == push["spanId"]);
  CHECK(send["name"] == "send apns");
  CHECK(send["kind"] == 3);
  CHECK(send["startTimeUnixNano"] == "1800000000");
  CHECK(spans_of(outcome()) == spans_of(outcome()));  // a repeat is the same span
  CHECK(parsed(spans_of(outcome(Json::object(), 2'001)))[0]["spanId"] != push["spanId"]);
}

TEST_CASE("otlp: what failed says so, and what was not sent has one span", "[app][otlp]") {
  const auto dead = parsed(spans_of(outcome({{"outcome", "dead"}, {"reason", "given up"}, {"sent_at", nullptr}})));
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]["status"] == Json{{"code", 2}, {"message", "given up"}});
  CHECK(parsed(spans_of(outcome({{"outcome", "suppressed"}})))[0]["status"] == Json{{"code", 1}});
}

TEST_CASE("otlp: all else is no span", "[app][otlp]") {
  store::TraceHop hop = outcome();
  SECTION("no trace context") { hop = outcome({{"traceparent", nullptr}}); }
  SECTION("not sampled") { hop = outcome({{"traceparent", kSampled.substr(0, 53) + "00"}}); }
  SECTION("another hop") { hop.hop = "attempt"; }
  SECTION("broken facts") { hop.facts = "{"; }
  SECTION("facts of another kind") { hop.facts = "[1]"; }
  CHECK(spans_of(hop).empty());
}

TEST_CASE("otlp: a request holds the resource and the spans", "[app][otlp]") {
  const std::vector<std::string> spans = {R"({"a":1})", R"({"b":2})"};
  const Json request = Json::parse(export_request(spans, "host:1"));
  const Json& resource = request["resourceSpans"][0];
  CHECK(resource["resource"]["attributes"][0]["value"]["stringValue"] == "nightpost");
  CHECK(resource["resource"]["attributes"][1]["value"]["stringValue"] == "host:1");
  CHECK(resource["scopeSpans"][0]["spans"] == Json::array({{{"a", 1}}, {{"b", 2}}}));
}

TEST_CASE("otlp: which URLs are taken", "[app][otlp]") {
  struct Row {
    const char* url;
    bool good;
  };
  const Row row = GENERATE(values<Row>({{"http://127.0.0.1:4318/v1/traces", true},
                                        {"https://otel.example.com/v1/traces", true},
                                        {"http://[::1]:4318/v1/traces", true},
                                        {"", false},
                                        {"localhost:4318", false},
                                        {"ftp://example.com/", false},
                                        {"file:///etc/passwd", false},
                                        {"http://", false},
                                        {"http://user:hunter2@example.com/", false},
                                        {"http://user@example.com/", false},
                                        {"http://example.com:99999/", false},
                                        {"http://example.com/#here", false},
                                        {"http://example.com/a b", false},
                                        {"http://example.com/\n", false}}));
  CAPTURE(row.url);
  const auto checked = check_otlp_url(row.url);
  CHECK(checked.has_value() == row.good);
  if (!checked) CHECK(checked.error().detail.find("hunter2") == std::string::npos);
}

/// A collector on loopback that remembers what it was posted.
class Collector {
 public:
  explicit Collector(int status) {
    server::ServerOptions options;
    options.host = "127.0.0.1";
    options.port = 0;
    auto started = server::HttpServer::start(
        loop_, options, server::answered_at_once([this, status](const server::ServerRequest& request) {
          const std::scoped_lock lock(mutex_);
          bodies_.push_back(request.method + " " + request.target + " " + request.body);
          return server::ServerResponse{.status = status};
        }));
    REQUIRE(started);
    server_ = *std::move(started);
    port_ = server_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Collector() {
    loop_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1/traces"; }
  std::vector<std::string> bodies() {
    const std::scoped_lock lock(mutex_);
    return bodies_;
  }

 private:
  boost::asio::io_context loop_;
  std::mutex mutex_;
  std::vector<std::string> bodies_;
  std::unique_ptr<server::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

template <class Condition>
bool comes_true(Condition condition) {
  const MonoTime end = std::chrono::steady_clock::now() + seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_CASE("otlp exporter: a collector gets the spans", "[app][otlp]") {
  Collector collector(200);
  std::ostringstream lines;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 10, lines, clock);
  OtlpMetrics metrics;
  OtlpExporter exporter(collector.url(), 4'096, "host:1", log, metrics);
  exporter.add(std::vector{outcome(), outcome({{"traceparent", nullptr}})});
  REQUIRE(comes_true([&] { return metrics.sent.read() == 2; }));
  const auto bodies = collector.bodies();
  REQUIRE(bodies.size() == 1);
  CHECK(bodies[0].starts_with("POST /v1/traces {\"resourceSpans\""));
  CHECK(bodies[0].find(kTrace) != std::string::npos);
  CHECK(metrics.dropped_refused.read() == 0);
}

TEST_CASE("otlp exporter: what is refused, or too much, is dropped and counted", "[app][otlp]") {
  Collector collector(503);
  std::ostringstream lines;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 10, lines, clock);
  OtlpMetrics metrics;
  {
    OtlpExporter exporter(collector.url(), 4, "host:1", log, metrics);
    exporter.add(std::vector{outcome(), outcome(), outcome()});
    CHECK(metrics.dropped_queue.read() == 2);
    REQUIRE(comes_true([&] { return metrics.dropped_refused.read() == 4; }));
  }
  CHECK(metrics.sent.read() == 0);
  CHECK(lines.str().find("trace.spans_not_sent") != std::string::npos);
  CHECK(lines.str().find("503") != std::string::npos);
}

}  // namespace
}  // namespace nightpost::app
