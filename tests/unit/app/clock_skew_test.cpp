#include "app/clock_skew.h"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/lane_transport.h"
#include "app/ops_log.h"
#include "app/worker.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "sandbox/throwaway_ca.h"
#include "server/fault_injection.h"
#include "server/http_server.h"

namespace nightpost::app {
namespace {

const WallTime kNoon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29) + std::chrono::hours(12);
constexpr const char* kNoonText = "Sun, 29 Nov 2026 12:00:00 GMT";

}  // namespace

TEST_CASE("clock skew: what a Date says at the least", "[app][skew]") {
  struct Row {
    const char* name;
    int sent, received;  // ms after noon, by our clock; theirs said noon
    int want;
  };
  const Row row = GENERATE(values<Row>({
      {"both agree", 0, 0, 0},
      {"within the second that was cut", 500, 900, 0},
      {"the last ms of it", 999, 999, 0},
      {"one later is ours ahead", 1'000, 1'000, 1},
      {"a slow answer proves nothing", -5'000, 20'000, 0},
      {"ours is behind", -90'100, -90'000, -90'000},
      {"however slow the answer", -110'000, -90'000, -90'000},
      {"ours is ahead", 60'999, 61'200, 60'000},
      {"however slow the answer", 60'999, 80'000, 60'000},
      {"our clock was set back meanwhile", 61'200, -100, 0},
  }));
  CAPTURE(row.name);
  const auto at = [](int ms) { return kNoon + milliseconds(ms); };
  CHECK(clock_skew(at(row.sent), at(row.received), kNoon) == milliseconds(row.want));
}

TEST_CASE("clock skew: an answer without a Date that can be read says nothing", "[app][skew]") {
  const std::string date = GENERATE(as<std::string>{}, "", "now", "Sun, 29 Nov 2026 12:00:00", "1764417600",
                                    "Sun, 29 Nov 2026 25:00:00 GMT", "Sunday, 29-Nov-26 12:00:00 GMT");
  CAPTURE(date);
  CHECK_FALSE(clock_skew(kNoon, kNoon, HttpResponse{.status = 200, .headers = {{"date", date}}, .body = {}}));
  CHECK_FALSE(clock_skew(kNoon, kNoon, HttpResponse{.status = 200, .headers = {}, .body = {}}));
  CHECK(clock_skew(kNoon - seconds(40), kNoon - seconds(39),
                   HttpResponse{.status = 429, .headers = {{"date", kNoonText}}, .body = {}}) == seconds(-39));
}

TEST_CASE("clock skew: which requests are probes", "[app][skew]") {
  const MonoTime start(std::chrono::hours(1));
  SkewProbe probe;
  CHECK(probe.wanted());  // the first
  probe.on_time(start);
  probe.begin(7, kNoon);
  CHECK_FALSE(probe.wanted());
  CHECK(probe.awaits(7));
  CHECK_FALSE(probe.awaits(8));
  probe.on_time(start + std::chrono::hours(1));
  CHECK_FALSE(probe.wanted());  // one at a time
  probe.end(true, start);
  probe.on_connection(1);  // the first one: its answer was just that
  probe.on_time(start + SkewProbe::kInterval - milliseconds(1));
  CHECK_FALSE(probe.wanted());
  CHECK_FALSE(probe.awaits(7));
  probe.on_time(start + SkewProbe::kInterval);
  CHECK(probe.wanted());

  probe.begin(8, kNoon);
  probe.end(false, start);  // no answer: the next request goes for it
  CHECK(probe.wanted());
  probe.begin(9, kNoon);
  probe.end(true, start);
  CHECK_FALSE(probe.wanted());
  probe.on_connection(1);
  CHECK_FALSE(probe.wanted());
  probe.on_connection(2);
  CHECK(probe.wanted());
  probe.begin(10, kNoon);
  probe.end(true, start);
  probe.on_connection(1);  // an older one has more to say
  probe.on_connection(2);
  probe.on_connection(0);  // an answer that never had one
  CHECK_FALSE(probe.wanted());
}

TEST_CASE("clock skew: one series for each vendor that was heard, by the latest sample", "[app][skew]") {
  WorkerMetrics metrics;
  observe::MetricsPage page;
  const dispatch::SignerLedger signers;
  const dispatch::RecallBook recalls(100, milliseconds(1'000));
  register_metrics(page, metrics, signers, recalls);
  ShardMetrics& one = metrics.shards.emplace_back();
  ShardMetrics& two = metrics.shards.emplace_back();
  CHECK_FALSE(page.render().contains("nightpost_clock_skew_seconds{"));
  one.skew.set(Vendor::Apns, {milliseconds(-90'500), kNoon});
  two.skew.set(Vendor::Apns, {milliseconds(250), kNoon - seconds(1)});
  two.skew.set(Vendor::Fcm, {milliseconds(0), kNoon});
  const std::string text = page.render();
  CHECK(text.contains("nightpost_clock_skew_seconds{vendor=\"apns\"} -90.5\n"));
  CHECK(text.contains("nightpost_clock_skew_seconds{vendor=\"fcm\"} 0\n"));
  CHECK_FALSE(text.contains("nightpost_clock_skew_seconds{vendor=\"vivo\"}"));
}

TEST_CASE("clock skew: the line says who, by how much and what to do, once a minute", "[app][skew]") {
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  OpsLog ops(log, clock);
  const Certificate certificate{.id = {5}, .vendor = Vendor::Fcm};
  ops.clock_skew(certificate, "https://fcm.googleapis.com", milliseconds(-45'000));
  ops.clock_skew(certificate, "https://fcm.googleapis.com", milliseconds(-45'000));
  const auto line = nlohmann::json::parse(said.str());  // one: more would not parse
  CHECK(line["event"] == "worker.clock_skew");
  CHECK(line["level"] == "warn");
  CHECK(line["vendor"] == "fcm");
  CHECK(line["host"] == "https://fcm.googleapis.com");
  CHECK(line["skew_ms"] == -45'000);
  CHECK(line["clock"] == "behind");
  CHECK(line["todo"].get<std::string>().contains("JWT"));
}

namespace {

/// Wall time stands at five minutes past noon; mono goes on, and leaps.
struct StillClock final : Clock {
  WallTime wall() const noexcept override { return kNoon + std::chrono::minutes(5); }
  MonoTime mono() const noexcept override { return std::chrono::steady_clock::now() + leap; }
  milliseconds leap{0};
};

struct PlainProvider final : Provider {
  PlainProvider(std::string o, Wire w) : origin_(std::move(o)), wire_(w) {}
  Vendor vendor() const noexcept override { return Vendor::Apns; }
  const std::string& origin() const noexcept override { return origin_; }
  Wire wire() const noexcept override { return wire_; }
  Result<std::vector<Planned>> build(const Notification&, std::span<const DeviceToken>, const Grant&) const override {
    return std::vector<Planned>();
  }
  std::vector<nightpost::Answer> classify(std::uint8_t, std::span<const DeviceToken>,
                                          const HttpResponse&) const override {
    return {};
  }
  bool well_formed(const DeviceToken&) const noexcept override { return true; }
  std::string origin_;
  Wire wire_;
};

struct PlainAuthorizer final : LocalAuthorizer {
  Result<GrantStep> begin(WallTime) const override { return Grant{}; }
  milliseconds age_min() const noexcept override { return milliseconds(0); }
  std::string signer() const override { return "one"; }
};

struct Replies final : dispatch::ReplyHandler {
  void on_reply(std::uint64_t, dispatch::Reply) override { ++count; }
  void on_replies(std::span<dispatch::TaggedReply> replies) override { count += static_cast<int>(replies.size()); }
  int count = 0;
};

}  // namespace

TEST_CASE("clock skew: lanes of both kinds sample the vendor's clock, and not each answer", "[app][skew]") {
  const Wire wire = GENERATE(Wire::Http2, Wire::Any);
  CAPTURE(int(wire));
  boost::asio::io_context loop;
  auto made = sandbox::make_identity(SystemClock().wall());
  REQUIRE(made);
  auto server = server::TlsServer::start(
      loop, {}, {.certificate_pem = made->certificate_pem, .private_key_pem = made->private_key_pem},
      server::with_faults([](const server::ServerRequest&) {
        return server::FaultAction{
            .respond = server::ServerResponse{.status = 200, .headers = {{"date", kNoonText}}, .body = {}}};
      }));
  REQUIRE(server);

  StillClock clock;
  LoopMetrics loop_metrics;
  LoopMonitor monitor(seconds(10), clock, loop_metrics);
  net::LaneMetrics lane_metrics;
  net::CurlMetrics curl_metrics;
  std::vector<std::string> heard;
  LaneSettings settings;
  settings.skew = [&](const Certificate& of, std::string_view origin, milliseconds skew) {
    heard.push_back(std::to_string(of.id.value) + " " + std::string(origin) + " " + std::to_string(skew.count()));
  };
  LaneTransport lanes(loop, std::move(settings), lane_metrics, curl_metrics, clock, monitor, [] {});
  const std::string origin = "https://localhost:" + std::to_string((*server)->port());
  auto route = std::make_shared<dispatch::Route>();
  route->id = 3;
  route->certificate = {.id = {4}, .ca_pem = made->ca_pem};
  route->provider = std::make_shared<PlainProvider>(origin, wire);
  route->authorizer = std::make_shared<PlainAuthorizer>();
  Replies replies;
  std::uint64_t tag = 0;
  const auto ask = [&](int count) {
    const int want = replies.count + count;
    for (int i = 0; i < count; ++i)
      lanes.send(route, {.path = "/", .headers = {}, .body = "x"}, clock.mono() + seconds(5), ++tag, replies);
    lanes.flush();
    const auto give_up = std::chrono::steady_clock::now() + seconds(10);
    while (replies.count < want && std::chrono::steady_clock::now() < give_up) loop.run_one_for(milliseconds(20));
    REQUIRE(replies.count == want);
  };

  ask(20);
  const std::string sample = "4 " + origin + " 299001";  // five minutes, less the second that was cut
  CHECK(heard == std::vector<std::string>{sample});
  ask(20);
  CHECK(heard.size() == 1);
  CHECK(loop_metrics.answers.read() == 40);
  clock.leap = SkewProbe::kInterval;
  ask(1);  // its flush sees that it is time
  ask(1);
  ask(1);
  CHECK(heard == std::vector<std::string>{sample, sample});

  if (wire == Wire::Http2) {
    lanes.drain_connection(*route, 1);
    ask(1);  // from another connection
    ask(1);
    CHECK(heard.size() == 3);
  }
}

}  // namespace nightpost::app
