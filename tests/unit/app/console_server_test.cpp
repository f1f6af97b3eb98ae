// What the console's server does beside answering: its two rooms, pruning, proxies before it, the live view.
#include "kafka/producer.h"
#include "store/admin_store.h"
#include "unit/app/console_bed.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

TEST_CASE("console: a vendor that hangs holds only those who ask it", "[app][console]") {
  SilentVendor vendor;
  const ConsoleOffice office(
      {{"threads", 1}, {"long_threads", 1}, {"long_requests_queued_max", 1}, {"push_timeout_ms", 30'000}});
  Running running(office);
  const std::string token = office.token("admin");
  Json certificate = kXiaomi;
  certificate["host"] = vendor.url();
  REQUIRE(running.ask("POST", "/v1/certificates", token, certificate).status == 201);
  const Json device = {
      {"app_id", 1}, {"user_id", "vinson"}, {"device_id", "mi"}, {"certificate_id", 1}, {"token", "regid-0123456789"}};
  REQUIRE(running.ask("PUT", "/v1/devices", token, device).status == 200);
  const Json push = {{"app_id", 1}, {"user_id", "vinson"}, {"desc", "hello"}};
  const auto held = running.begin("POST", "/v1/push", token, push);
  REQUIRE(comes_true([&] { return vendor.connections > 0 && running.metrics.waiting_long.read() == 0; }));
  const auto waits = running.begin("POST", "/v1/push", token, push);
  REQUIRE(comes_true([&] { return running.metrics.waiting_long.read() == 1; }));

  for (const char* target : {"/v1/push", "/v1/certificates/1/verify", "/v1/letters/drop"}) {
    const auto refused = running.ask("POST", target, token, push);
    CHECK(refused.status == 503);
    CHECK(refused.body["error"]["code"] == "unavailable");
    CHECK(refused.body["error"]["message"].get<std::string>().contains("may take long"));
    CHECK(refused.head.contains("retry-after"));
  }
  CHECK(running.metrics.busy.read() == 3);
  for (const char* target : {"/v1/me", "/v1/certificates", "/v1/audit", "/v1/health"})
    CHECK(running.ask("GET", target, token).status == 200);
  CHECK(running.ask("PATCH", "/v1/users?app=1&user=vinson", token, {{"badge", false}}).status == 200);

  vendor.hang_up();
  for (const auto& asked : {held.get(), waits.get()}) {
    const auto answered = asked->answer();
    CHECK(answered.status == 200);
    CHECK(answered.body["items"][0]["outcome"]["outcome"] != "accepted");
    CHECK_FALSE(answered.body["items"][0]["outcome"]["reason"].get<std::string>().empty());
  }
}

TEST_CASE("console: old entries of the audit log go though nobody calls", "[app][console]") {
  const ConsoleOffice office;
  const auto tables = open_admin_store(*load_config(office.file("config.json")));
  REQUIRE(tables);
  const WallTime now = SystemClock().wall();
  for (const auto age : {std::chrono::days(401), std::chrono::days(399)})
    REQUIRE((*tables)->add_audit({.at = now - age, .who = "vinson", .what = "login", .outcome = "done"}));
  const Running running(office);
  REQUIRE(comes_true([&] { return (*tables)->audit({}, 10).value().size() == 1; }));
  CHECK((*tables)->audit({}, 10)->front().at > now - std::chrono::days(400));
}

TEST_CASE("console: behind a proxy the page has the address that people open", "[app][console]") {
  const ConsoleOffice office({{"public_url", "https://Console.example.com:443/"}});
  Running running(office);
  const auto link = running.console->first_link(true);
  REQUIRE(link);
  const std::string begin = "https://console.example.com/#/login?code=";
  REQUIRE((*link)->starts_with(begin));
  const Json body = {{"link", (*link)->substr(begin.size())}};
  CHECK(running.ask("POST", "/v1/login", "", body, "Origin: https://evil.example\r\n").body["error"]["code"] ==
        "origin");
  const auto begun = running.ask("POST", "/v1/login", "", body, "Origin: https://console.example.com\r\n");
  REQUIRE(begun.status == 200);
  CHECK(begun.head.contains("__Host-nightpost="));
  CHECK(begun.head.contains("; Secure"));
}

TEST_CASE("console: a proxy of a known address says who calls, another does not", "[app][console]") {
  const Json proxy = {{"public_url", "http://localhost"},
                      {"proxy_user_header", "X-Forwarded-Email"},
                      {"proxy_groups_header", "X-Groups"},
                      {"proxy_roles", {{"ops", "admin"}}},
                      {"proxy_addresses", "10.0.0.0/8,fd00::/8"}};
  const std::string headers = "X-Forwarded-Email: vinson@example.com\r\nX-Groups: staff,ops\r\n";
  {
    const ConsoleOffice office(proxy);
    Running stranger(office);  // this machine is 127.0.0.1
    CHECK(stranger.ask("GET", "/v1/me", "", nullptr, headers).status == 401);
    CHECK(*stranger.console->first_link(false) == std::nullopt);  // the proxy makes administrators
    CHECK(*stranger.console->first_link(true) != std::nullopt);
  }
  // Any process of this machine could say who calls, so there the proxy has to know a secret.
  const ConsoleOffice files;
  Json known = proxy;
  known["proxy_addresses"] = "127.0.0.0/8";
  known["proxy_secret_file"] = files.file("proxy.secret");
  const ConsoleOffice office(known);
  const Config config = *load_config(office.file("config.json"));
  asio::io_context loop;
  observe::Log log(observe::Level::Off);
  ConsoleMetrics metrics;
  CHECK_FALSE(Console::start(loop, config, SystemClock(), log, metrics));  // no such file
  std::ofstream(files.file("proxy.secret")) << "word\n";
  std::filesystem::permissions(files.file("proxy.secret"), std::filesystem::perms::owner_read);
  Running running(office);
  const std::string secret = "X-Nightpost-Proxy-Secret: word\r\n";
  CHECK(running.ask("GET", "/v1/me", "", nullptr, headers).status == 401);
  const auto me = running.ask("GET", "/v1/me", "", nullptr, headers + secret);
  CHECK(me.status == 200);
  CHECK(me.body["role"] == "admin");
  CHECK(running.ask("GET", "/v1/me", "", nullptr, "X-Forwarded-Email: denny\r\nX-Groups: staff\r\n" + secret).status ==
        403);
}

TEST_CASE("console: a watcher sees outcomes as they come, and hears why none do", "[app][console]") {
  auto broker = kafka::EmbeddedBroker::start({{"nightpost.results.v1", 1}});
  REQUIRE(broker);
  const ConsoleOffice office({{"requests_burst_max", 100'000}, {"requests_per_second_max", 100'000}});
  const std::string token = office.token("viewer");
  {
    Running away(office);  // its config names nobody
    REQUIRE(comes_true([&] {
      const std::string trouble = away.ask("GET", "/v1/live", token).body.at("trouble");
      return !trouble.empty() && trouble != "the results topic is being opened";
    }));
  }
  Running running(office);
  running.config.consumer.kafka.brokers = (*broker)->brokers();  // read once somebody watches
  REQUIRE(comes_true([&] { return running.ask("GET", "/v1/live", token).body["trouble"] == ""; }));
  kafka::ProducerMetrics counted;
  auto producer = kafka::Producer::start({.kafka = {.brokers = (*broker)->brokers()}}, [](const Error&) {}, counted);
  REQUIRE(producer);
  const std::string outcome = R"({"v":1,"app_id":7,"user_id":"vinson","event_id":"e1","outcome":"accepted"})";
  const auto send = [&](const std::string& text) {
    return (*producer)->produce_and_wait("nightpost.results.v1", "e1", text, {}, milliseconds(10'000)).has_value();
  };
  // The reader begins at the end as the broker says it, which may be a moment later than it says that it reads.
  REQUIRE(comes_true(
      [&] { return send(outcome) && !running.ask("GET", "/v1/live?after=0", token).body["items"].empty(); }));
  REQUIRE(send("no outcome"));
  REQUIRE(comes_true([&] { return running.ask("GET", "/v1/live?after=0", token).body["left_out"] == 1; }));
  CHECK(running.ask("GET", "/v1/live?after=0", token).body["items"][0]["user_id"] == "vinson");
  CHECK(running.ask("GET", "/v1/live?after=0&user=denny", token).body["items"].empty());
  CHECK(running.ask("GET", "/v1/live?after=0", office.token("viewer", {"--app", "8"})).body["items"].empty());
}

}  // namespace
}  // namespace nightpost::app
