// What a refused credential costs a vendor, on the real way: dispatcher, lanes and token endpoints against the sandbox.
// Counted are requests and connections, not seconds.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/cli.h"
#include "app/config.h"
#include "app/dev_account.h"
#include "app/grant_fetcher.h"
#include "app/lane_transport.h"
#include "app/ops_log.h"
#include "app/output.h"
#include "app/ports.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "dispatch/dispatcher.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "resolve/resolver_metrics.h"
#include "sandbox/sandbox.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

const AppId kShop{1400000001};

/// Any user has one phone, of the one certificate.
struct RefusedCertificate final : resolve::Source {
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    std::vector<Receiver> all;
    for (const ReceiverKey& key : keys) {
      Device phone;
      phone.device_id = "phone";
      phone.platform = certificate_.vendor == Vendor::Apns ? Platform::Ios : Platform::Android;
      phone.certificate = certificate_.id;
      phone.token = dev_token(certificate_.vendor, key.user_id);
      all.push_back({.settings = {}, .devices = {phone}, .mutes = {}});
    }
    found(std::move(all));
  }
  Result<bool> app_known(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(false); }
  Result<Certificate> certificate(CertificateId) override { return certificate_; }
  Result<CertificateSecret> secret(CertificateId) override { return secret_; }
  Result<Changes> changes() override { return Changes{}; }
  Certificate certificate_;
  CertificateSecret secret_;
};

struct Settled final : dispatch::Settler {
  void outcome(dispatch::RecordId, std::string_view, std::string_view json) override {
    const Json outcome = Json::parse(json);
    ++rules[outcome["rule"]];
    sends += outcome["attempt"].get<std::size_t>();
    CHECK((outcome["attempt"] > 0) == outcome.contains("push_id"));
  }
  void dead(dispatch::RecordId, dispatch::DeadLetter) override {}
  void defer(dispatch::RecordId, dispatch::Deferral) override {}
  void release(dispatch::RecordId) override { ++released; }
  void hand_back(dispatch::RecordId) override {}
  std::map<std::string, std::size_t> rules;
  std::size_t sends = 0, released = 0;
};

std::string event_for(std::size_t number, WallTime now) {
  const std::string id = std::to_string(number);
  return Json{{"event_id", "e" + id},
              {"app_id", kShop.value},
              {"occurred_at", to_ms(now)},
              {"expires_at", to_ms(now) + 3'600'000},
              {"kind", "c2c"},
              {"from", {{"user_id", "denny"}}},
              {"message", {{"id", "m" + id}, {"elements", {{{"type", "text"}, {"text", "hello " + id}}}}}},
              {"to", {{{"user_id", "u" + id}}}}}
      .dump();
}

/// One shard without Kafka, and all vendors' simulators on the same loop.
struct RefusedRig {
  explicit RefusedRig(Vendor vendor) : name(name_of(vendor)) {
    auto started = sandbox::Sandbox::start(loop, {.vendors = {name}, .accept_any = true});
    REQUIRE(started);
    sandbox = *std::move(started);
    auto account = make_dev_account(vendor);
    REQUIRE(account);
    Certificate claimed = account->certificate;
    claimed.app = kShop;
    claimed.name = "test";
    claimed.host_override = sandbox->urls().at(name);
    claimed.ca_pem = sandbox->ca_pem();
    auto inspected = inspect_upload(claimed, account->secret, clock.wall(), std::nullopt);
    REQUIRE(inspected);
    source.certificate_ = *inspected;
    source.certificate_.id = {1};
    source.secret_ = account->secret;
  }
  ~RefusedRig() {
    sandbox.reset();
    loop.restart();
    loop.poll();
  }
  void accept(std::size_t count) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(event_for(accepted + i, clock.wall()));
    std::vector<dispatch::Record> records;
    for (const std::string& value : values) records.push_back({dispatch::RecordId{++accepted}, "key", value, ""});
    dispatcher.accept(records);
  }
  /// Until all is settled; at most so long.
  void run(milliseconds at_most) {
    const MonoTime end = clock.mono() + at_most;
    while (settled.released < accepted && clock.mono() < end) {
      if (const auto wake = dispatcher.next_wakeup(); wake && *wake <= clock.mono()) dispatcher.wake();
      loop.restart();
      loop.run_one_for(milliseconds(5));
      loop.poll();
      lanes.flush();
    }
  }
  std::size_t requests() const { return Json::parse(sandbox->requests_json(name)).size(); }
  std::size_t connections() const {
    return std::size_t(lane_metrics.connections_opened.read() + lane_metrics.connects_failed.read() +
                       curl_metrics.connections_opened.read() + grant_lanes.connections_opened.read());
  }
  std::size_t lines(std::string_view event) const {
    std::size_t count = 0;
    const std::string text = said.str();
    for (std::size_t at = text.find(event); at != std::string::npos; at = text.find(event, at + 1)) ++count;
    return count;
  }

  const std::string name;
  const SystemClock clock;
  boost::asio::io_context loop{1};
  std::unique_ptr<sandbox::Sandbox> sandbox;
  std::ostringstream said;
  observe::Log log{observe::Level::Debug, 1000, said, clock};
  OpsLog ops{log, clock};
  RefusedCertificate source;
  Settled settled;
  std::size_t accepted = 0;
  const Config config;
  resolve::GrantBook grants{config.grants};
  net::CurlMetrics grant_lanes, curl_metrics;
  net::LaneMetrics lane_metrics;
  GrantMetrics grant_metrics;
  resolve::ResolverMetrics resolver_metrics;
  dispatch::Metrics metrics;
  LoopMetrics loop_metrics;
  LoopMonitor monitor{config.stall, clock, loop_metrics};
  GrantFetcher fetcher{loop,
                       config.http,
                       config.grants.fetch_deadline,
                       grants,
                       clock,
                       grant_lanes,
                       grant_metrics,
                       [this](const Certificate& of, const net::LaneEvent& event) { ops.lane_event(of, event); }};
  resolve::Resolver resolver{config.resolve, source, grants, make_vendor_parts, clock, resolver_metrics};
  ResolverPorts ports{resolver,
                      fetcher,
                      [this](std::function<void()> work) { boost::asio::post(loop, std::move(work)); },
                      [this](std::uint64_t route) { dispatcher.on_grant(route); },
                      grant_metrics,
                      config.resolve.routes_cached_max};
  LaneTransport lanes{
      loop,
      {config.apns, config.fcm, config.http,
       [this](const dispatch::Route& of, const net::LaneEvent& event) { ops.lane_event(of.certificate, event); }},
      lane_metrics,
      curl_metrics,
      clock,
      monitor,
      [] {}};
  dispatch::Dispatcher dispatcher{config.dispatch, ports, ports, lanes, settled, clock, metrics, &ops};
};

Json rule_for(Json act, const char* path = nullptr) {
  Json rule = {{"act", std::move(act)}};
  if (path != nullptr) rule["match"] = {{"path_prefix", path}};
  return {{"rules", Json::array({rule})}};
}

}  // namespace

TEST_CASE("refused credential: a handful of requests and connections, whatever the vendor says", "[app][refused]") {
  struct Row {
    Vendor vendor;
    Json act;
    const char* path;  // of a token endpoint
    bool ends;         // every push, at once
    bool ours = true;  // the vendor's own words blame the credential; else its host only fails
  };
  const Row rows[] = {
      {Vendor::Apns, {{"status", 403}, {"reason", "InvalidProviderToken"}}, nullptr, true},
      {Vendor::Apns, {{"status", 403}, {"reason", "ExpiredProviderToken"}}, nullptr, true},
      {Vendor::Apns, {{"status", 429}, {"reason", "TooManyProviderTokenUpdates"}}, nullptr, false},
      {Vendor::Apns, {{"status", 400}, {"reason", "BadTopic"}}, nullptr, true},
      {Vendor::Apns, {{"hang", true}}, nullptr, false},
      {Vendor::Apns, {{"drop", true}}, nullptr, false},
      {Vendor::Apns, {{"goaway", {{"debug", "{\"reason\":\"Shutdown\"}"}}}, {"hang", true}}, nullptr, false},
      {Vendor::Fcm, {{"status", 403}}, nullptr, true, false},
      {Vendor::Fcm, {{"status", 401}}, nullptr, true, false},
      {Vendor::Fcm, {{"status", 429}, {"reason", "QUOTA_EXCEEDED"}}, nullptr, false},
      {Vendor::Fcm, {{"status", 401}}, "/token", false},
      {Vendor::Huawei, {{"status", 200}, {"reason", "80300002"}}, nullptr, true},
      {Vendor::Huawei, {{"status", 401}, {"reason", "80200003"}}, nullptr, true},
      {Vendor::Huawei, {{"status", 401}}, "/oauth2", false},
      {Vendor::Honor, {{"status", 200}, {"reason", "80300002"}}, nullptr, true},
      {Vendor::Honor, {{"status", 401}, {"reason", "80200003"}}, nullptr, true},
      {Vendor::Xiaomi, {{"status", 200}, {"reason", "21301"}}, nullptr, true},
      {Vendor::Xiaomi, {{"status", 200}, {"reason", "200002"}}, nullptr, false},
      {Vendor::Xiaomi, {{"status", 401}}, nullptr, true, false},
      {Vendor::Xiaomi, {{"drop", true}}, nullptr, false},
      {Vendor::Xiaomi, {{"hang", true}}, nullptr, false},
      {Vendor::Oppo, {{"status", 200}, {"reason", "14"}}, nullptr, true},
      {Vendor::Oppo, {{"status", 200}, {"reason", "11"}}, nullptr, true},
      {Vendor::Vivo, {{"status", 200}, {"reason", "10200"}}, nullptr, true},
      {Vendor::Vivo, {{"status", 200}, {"reason", "10000"}}, nullptr, true},
      {Vendor::Meizu, {{"status", 200}, {"reason", "110033"}}, nullptr, true},
      {Vendor::Meizu, {{"status", 200}, {"reason", "1006"}}, nullptr, true},
      {Vendor::Meizu, {{"status", 403}}, nullptr, true, false},
  };
  const std::size_t number = GENERATE_COPY(range(std::size_t(0), std::size(rows)));
  const Row& row = rows[number];
  const std::string script = rule_for(row.act, row.path).dump();
  CAPTURE(name_of(row.vendor), script);
  RefusedRig rig(row.vendor);
  REQUIRE(rig.sandbox->set_script(script));
  rig.accept(1000);
  rig.run(milliseconds(row.ends ? 10'000 : 1'500));
  std::string rules;
  for (const auto& [rule, count] : rig.settled.rules) rules += rule + " " + std::to_string(count) + " ";
  CAPTURE(rules, rig.settled.released);
  CHECK(rig.requests() >= 1);
  CHECK(rig.requests() <= (row.ours ? 14 : 25));  // so many failures, before it counts as failing
  CHECK(rig.connections() <= 8);
  if (row.ends) {
    CHECK(rig.settled.released == 1000);
    if (row.vendor != Vendor::Oppo) {  // which takes them all in one request
      CHECK(rig.settled.rules[row.ours ? "credential_breaker_open" : "signer_failing"] >= 900);
      CHECK(rig.settled.sends <= rig.requests());
    }
    CHECK(rig.lines("worker.breaker_opened") == (row.ours ? 1 : 0));
    CHECK(rig.lines("worker.vendor_down") == (row.ours ? 0 : 1));
    CHECK(rig.lines("worker.dead_letter") <= 8);
  }
  // A second later it is still left alone.
  if (row.ends) {
    const std::size_t before = rig.requests();
    rig.accept(100);
    rig.run(milliseconds(2'000));
    CHECK(rig.settled.released == 1100);
    CHECK(rig.requests() <= before + (row.ours ? 0 : 2));  // probes
  }
}

TEST_CASE("refused credential: a good one is not slowed for long", "[app][refused]") {
  const Vendor vendor = GENERATE(Vendor::Apns, Vendor::Xiaomi);
  RefusedRig rig(vendor);
  rig.accept(500);
  rig.run(milliseconds(30'000));
  CHECK(rig.settled.rules["accepted"] == 500);
  CHECK(rig.settled.sends == 500);
  CHECK(rig.said.str().empty());
}

TEST_CASE("ops log: a host that cannot be trusted, and one where nobody is", "[app][refused]") {
  const bool trusted = GENERATE(false, true);
  const Vendor vendor = GENERATE(Vendor::Apns, Vendor::Xiaomi);
  CAPTURE(trusted, name_of(vendor));
  RefusedRig rig(vendor);
  if (trusted)
    rig.sandbox.reset();  // its port is closed
  else
    rig.source.certificate_.ca_pem.clear();
  rig.loop.restart();
  rig.loop.poll();
  rig.accept(3);
  rig.run(milliseconds(1'000));
  CHECK(rig.lines(trusted ? "worker.connect_failed" : "worker.peer_untrusted") == 1);
  const Json line = Json::parse(rig.said.str().substr(0, rig.said.str().find('\n')));
  CHECK(line["vendor"] == name_of(vendor));
  CHECK(line["certificate"] == 1);
  CHECK(line["host"] == rig.source.certificate_.host_override);
  CHECK_FALSE(line["why"].get<std::string>().empty());
  CHECK_FALSE(line["todo"].get<std::string>().empty());
  CHECK(rig.settled.sends == 0);
}

TEST_CASE("send: says at once that nobody is there, or that he is not to be trusted", "[app][refused]") {
  const bool trusted = GENERATE(false, true);
  const Vendor vendor = GENERATE(Vendor::Apns, Vendor::Xiaomi);
  CAPTURE(trusted, name_of(vendor));
  std::string folder = (std::filesystem::temp_directory_path() / "nightpost-send-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string config = folder + "/config.json";
  std::ofstream(config)
      << Json{{"store", {{"url", "sqlite:" + folder + "/store.db"}, {"master_key_file", folder + "/master.key"}}}}
             .dump();
  REQUIRE(write_private_file(folder + "/master.key", store::Sealer::new_key_text()));
  RefusedRig rig(vendor);
  std::thread served;
  {
    auto store = open_store(*load_config(config), true);
    REQUIRE(store);
    Certificate certificate = rig.source.certificate_;
    if (trusted)
      rig.sandbox.reset();
    else
      certificate.ca_pem.clear();
    const auto added = (*store)->add_certificate({certificate, rig.source.secret_});
    REQUIRE(added);
    rig.source.certificate_.id = added->id;
    const ReceiverKey key{kShop, "vinson"};
    rig.source.receivers(
        {&key, 1}, [&](auto found) { REQUIRE((*store)->set_device(kShop, "vinson", found->front().devices.front())); });
  }
  if (!trusted) {
    rig.loop.restart();
    served = std::thread([&rig] { rig.loop.run_for(seconds(60)); });
  } else {
    rig.loop.restart();
    rig.loop.poll();
  }
  // Ten minutes for the vendor's answer: whoever waits for it fails by the test's own limit.
  const std::string app = std::to_string(kShop.value);
  std::vector<std::string> arguments = {"nightpost", "send",   "--config", config,   "--app",        app,     "--user",
                                        "vinson",    "--desc", "hello",    "--json", "--timeout-ms", "600000"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  ::fflush(stdout);
  ::fflush(stderr);
  const int out = ::dup(1), err = ::dup(2);
  REQUIRE(::freopen((folder + "/out").c_str(), "w", stdout) != nullptr);
  REQUIRE(::freopen((folder + "/err").c_str(), "w", stderr) != nullptr);
  const int code = run(static_cast<int>(argv.size()), argv.data());
  ::fflush(stdout);
  ::fflush(stderr);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::close(out);
  ::close(err);
  rig.loop.stop();
  if (served.joinable()) served.join();
  const auto text_of = [&](const char* name) {
    std::ifstream in(folder + "/" + name);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const std::string said = text_of("err");
  CAPTURE(said, text_of("out"));
  CHECK(code == kUnreachable);
  CHECK(said.find("cannot reach " + rig.source.certificate_.host_override) != std::string::npos);
  CHECK(said.find(trusted ? "connect" : "certificate") != std::string::npos);
  const Json results = Json::parse(text_of("out"), nullptr, false);
  REQUIRE(results.is_array());
  CHECK(results[0]["outcome"]["code"] == "connection_lost");
  CHECK(results[0]["outcome"]["attempt"] == 0);
  CHECK_FALSE(results[0]["outcome"].contains("push_id"));
  std::filesystem::remove_all(folder);
}

}  // namespace nightpost::app
