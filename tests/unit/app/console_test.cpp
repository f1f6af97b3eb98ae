// `nightpost console` on a port of its own: the API from the first link on; `nightpost token` and `audit`; what the
// vendors' rooms say of bad credentials, at the member that is wrong.
#include "admin/explain.h"
#include "admin/routes.h"
#include "app/console_desks.h"
#include "kafka/producer.h"
#include "store/trace_store.h"
#include "unit/app/console_bed.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

TEST_CASE("console: from the first link to a test push", "[app][console]") {
  const ConsoleOffice office;
  Running running(office);
  const auto link = running.console->first_link(false);
  REQUIRE(link);
  REQUIRE(*link);
  const std::string mark = "/#/login?code=";
  REQUIRE((*link)->starts_with(running.console->url() + mark));
  const auto begun =
      running.ask("POST", "/v1/login", "", {{"link", (*link)->substr(running.console->url().size() + mark.size())}});
  REQUIRE(begun.status == 200);
  const std::size_t at = begun.head.find("nightpost=");
  REQUIRE(at != std::string::npos);
  const std::string session = "Cookie: " + begun.head.substr(at, begun.head.find(';', at) - at) +
                              "\r\nX-Nightpost-CSRF: " + begun.body["csrf"].get<std::string>() + "\r\n";

  const auto added = running.ask("POST", "/v1/certificates", "", kXiaomi, session);
  REQUIRE(added.status == 201);
  CHECK(added.body["warnings"].size() == 1);
  CHECK(added.body["receipt_path"] == "/receipts/xiaomi/1");
  CHECK_FALSE(added.body.dump().contains("abcdefghijkl"));
  const Json device = {
      {"app_id", 1}, {"user_id", "vinson"}, {"device_id", "mi"}, {"certificate_id", 1}, {"token", "regid-0123456789"}};
  REQUIRE(running.ask("PUT", "/v1/devices", "", device, session).status == 200);
  const auto dry = running.ask(
      "POST", "/v1/push", "",
      {{"app_id", 1}, {"user_id", "vinson"}, {"title", "Denny"}, {"desc", "hello"}, {"dry_run", true}}, session);
  REQUIRE(dry.status == 200);
  REQUIRE(dry.body["items"].size() == 1);
  const Json& item = dry.body["items"][0];
  CHECK(item["device_id"] == "mi");
  CHECK(item["vendor"] == "xiaomi");
  CHECK(item["outcome"].is_null());
  CHECK(item["request"]["url"].get<std::string>().starts_with("https://"));
  CHECK_FALSE(dry.body.dump().contains("abcdefghijkl"));
  const auto none = running.ask("POST", "/v1/push", "", {{"app_id", 1}, {"user_id", "nobody"}, {"desc", "x"}}, session);
  CHECK(none.body["items"][0]["request"].is_null());
  CHECK(none.body["items"][0]["outcome"]["rule"] == "no_device");
  CHECK(running
            .ask("POST", "/v1/push", "", {{"app_id", 1}, {"user_id", "vinson"}, {"device_id", "other"}, {"desc", "x"}},
                 session)
            .status == 404);
  CHECK_FALSE(*running.console->first_link(false) == std::nullopt);  // a session is no administrator's token yet
  REQUIRE(running.ask("POST", "/v1/tokens", "", {{"name", "me"}, {"role", "admin"}}, session).status == 201);
  CHECK(*running.console->first_link(false) == std::nullopt);
  CHECK(*running.console->first_link(true) != std::nullopt);

  const auto audit = office.run({"audit", "list"});
  for (const char* deed : {"login", "certificate.add", "device.set", "push.send", "token.add"})
    CHECK(audit.out.contains(deed));
  CHECK(audit.out.contains("127.0.0.1"));
  CHECK(running.metrics.changes.read() >= 4);
}

TEST_CASE("console: versions, roll back and what is held, as the command line has them", "[app][console]") {
  const ConsoleOffice office;
  Running running(office);
  const std::string token = office.token("admin");
  REQUIRE(running.ask("POST", "/v1/certificates", token, kXiaomi).status == 201);
  REQUIRE(running.ask("PATCH", "/v1/certificates/1", token, {{"bundle_id", "com.other"}}).status == 200);
  const auto versions = running.ask("GET", "/v1/certificates/1/versions", token);
  REQUIRE(versions.status == 200);
  const Json by_command = Json::parse(office.run({"cert", "versions", "1", "--json"}).out);
  REQUIRE(by_command.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    for (const auto& [name, value] : by_command[i].items()) CHECK(versions.body["items"][i][name] == value);
  CHECK(by_command[0]["changes"] == Json::array({"package: com.example.shop → com.other"}));
  CHECK(by_command[0]["written_by"].get<std::string>().starts_with("console:admin"));
  CHECK(versions.body["items"][1]["rollback_changes"] == Json::array({"package: com.other → com.example.shop"}));
  const auto back = running.ask("POST", "/v1/certificates/1/rollback", token, {{"version", 1}});
  REQUIRE(back.status == 200);
  CHECK(back.body["bundle_id"] == "com.example.shop");
  CHECK(running.ask("POST", "/v1/certificates/1/rollback", token, {{"version", 7}}).status == 422);

  const auto store = open_store(running.config, false);
  REQUIRE(store);
  REQUIRE((*store)->keep_removals(
      {.certificate = {1}, .worker = "w", .heard = "answers", .code = "20301", .last = SystemClock().wall()}, 3,
      std::vector<HeldRemoval>{{.app = {1}, .user_id = "vinson", .device_id = "mi", .registered_at = {}}},
      {.devices_max = 10}));
  const auto held = running.ask("GET", "/v1/removals/held", token);
  CHECK(held.body["items"] == Json::parse(office.run({"cert", "held", "--json"}).out));
  CHECK(held.body["items"][0]["held"] == 1);
  CHECK(running.ask("POST", "/v1/certificates/1/approve-removals", token, {{"for_ms", 60'000}}).body["held"] == 1);
  CHECK(running.ask("GET", "/v1/removals/held", token).body["items"][0]["approved_until"].is_number());

  REQUIRE(running.ask("DELETE", "/v1/certificates/1", token).status == 204);
  CHECK(running.ask("GET", "/v1/certificates/removed", token).body["items"][0]["id"] == 1);
  REQUIRE(running.ask("POST", "/v1/certificates/1/restore", token, Json::object()).status == 200);
  CHECK(running.ask("GET", "/v1/certificates/1", token).body["version"] == 4);
}

TEST_CASE("console: the page, and what is none of its paths", "[app][console]") {
  const ConsoleOffice office({{"body_bytes_max", 65'536}});
  Running running(office);
  const auto index = running.ask("GET", "/");
  CHECK(index.status == 200);
  CHECK(index.head.contains("content-security-policy: default-src 'self'"));
  CHECK(index.body.get<std::string>().contains("<!doctype html>"));
  CHECK(running.ask("GET", "/nothing.js").status == 404);
  CHECK(running.ask("GET", "/v1/nothing").status == 404);
  CHECK(running.ask("GET", "/v1/openapi.json").body["openapi"] == "3.1.0");
  CHECK(running.ask("GET", "/v1/me").status == 401);
  const Json large = {{"token", std::string(70'000, 'a')}};
  CHECK(running.ask("POST", "/v1/login", "", large).status == 413);
  CHECK(running.ask("GET", "/v1/me", "npt_wrong").status == 401);
  CHECK(running.console->unready().empty());
}

TEST_CASE("console: without brokers dead letters are unavailable, without a file there is no trace", "[app][console]") {
  const ConsoleOffice office;
  Running running(office);
  const std::string token = office.token("operator");
  CHECK(running.ask("GET", "/v1/letters", token).body["error"]["code"] == "unavailable");
  CHECK(running.ask("GET", "/v1/letters/x", token).status == 404);
  CHECK(running.ask("POST", "/v1/letters/drop", token, {{"everything", true}}).status == 503);
  const auto trace = running.ask("GET", "/v1/trace/events?event=e1", token);
  CHECK(trace.status == 404);
  CHECK(trace.body["error"]["message"].get<std::string>().contains("there is no trace file"));
  CHECK(running.ask("GET", "/v1/health", token).body["trace"]["ready"] == false);

  const auto opened = store::open_sqlite_trace(office.file("store-trace.db"));
  REQUIRE(opened);
  REQUIRE((*opened)->add({{{.event_id = "e1",
                            .app = {7},
                            .user_id = "vinson",
                            .device_id = "phone",
                            .hop = "outcome",
                            .at = SystemClock().wall(),
                            .facts = R"({"outcome":"suppressed","rule":"foreground","reason":"because"})"}}},
                         SystemClock().wall()));
  const auto kept = running.ask("GET", "/v1/trace/events?event=e1", token);
  CHECK(kept.status == 200);
  CHECK(kept.body["devices"][0]["state"] == "suppressed");
  CHECK(kept.body["text"].get<std::string>().contains("event e1 of app 7"));
  CHECK(running.ask("GET", "/v1/trace/users?app=7&user=vinson", token).body["items"][0]["rule"] == "foreground");
  const auto missing = running.ask("GET", "/v1/trace/events?event=e2", token);
  CHECK(missing.status == 404);
  CHECK(missing.body["error"]["message"].get<std::string>().contains("a worker on another machine"));
  CHECK(running.ask("GET", "/v1/trace/events?event=e1", office.token("viewer", {"--app", "8"})).status == 404);
}

TEST_CASE("console: events are answered once a broker has them", "[app][console]") {
  auto broker = kafka::EmbeddedBroker::start({{"nightpost.offline.v1", 1}});
  REQUIRE(broker);
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/config/example-event.json");
  const Json event = Json::parse(file);
  const ConsoleOffice office;
  const std::string token = office.token("sender");
  {
    Running away(office);  // its config names nobody
    away.config.console.events_wait = milliseconds(100);
    const auto heard = away.ask("POST", "/v1/events", token, event);
    CHECK(heard.status == 503);
    CHECK(heard.body["items"][0]["state"] == "unknown");
    CHECK(heard.body["items"][0]["event_id"] == event["event_id"]);
  }
  Running running(office, (*broker)->brokers());
  const auto written = running.ask("POST", "/v1/events", token, event);
  REQUIRE(written.status == 200);
  CHECK(written.body["items"][0]["offset"] == 0);
  CHECK(running.ask("POST", "/v1/events", token, event).body["items"][0]["offset"] == 1);
  Json broken = event;
  broken.erase("to");
  const auto refused = running.ask("POST", "/v1/events", token, broken);
  CHECK(refused.status == 422);
  CHECK(refused.body["items"][0]["message"].get<std::string>().contains("to"));
  const std::string other = office.token("sender", {"--app", "8"});
  CHECK(running.ask("POST", "/v1/events", other, event).body["items"][0]["state"] == "refused");
}

TEST_CASE("token: made, listed, revoked, and written down", "[app][token]") {
  const ConsoleOffice office;
  const auto added =
      office.run({"token", "add", "--name", "ci", "--role", "sender", "--app", "7", "--days", "90", "--json"});
  REQUIRE(added.code == kDone);
  const Json token = Json::parse(added.out);
  CHECK(token["secret"].get<std::string>().starts_with("npt_"));
  CHECK(token["apps"] == Json{7});
  CHECK(token["created_by"].get<std::string>().starts_with("cli:"));
  const auto listed = office.run({"token", "list"});
  CHECK(listed.out.contains("ci"));
  CHECK_FALSE(listed.out.contains(token["secret"].get<std::string>()));
  const std::string id = std::to_string(token["id"].get<int>());
  CHECK(office.run({"token", "add", "--name", "ci", "--role", "viewer"}).code == kBadUsage);
  CHECK(office.run({"token", "add", "--name", "a b", "--role", "viewer"}).code == kBadUsage);
  CHECK(office.run({"token", "add", "--name", "x", "--role", "root"}).code == kBadUsage);
  CHECK(office.run({"token", "add", "--name", "x", "--role", "viewer", "--app", "0"}).code == kBadUsage);
  const auto reader = office.run({"token", "add", "--name", "legal", "--role", "viewer", "--reader", "--json"});
  REQUIRE(reader.code == kDone);
  CHECK(Json::parse(reader.out)["reader"] == true);
  CHECK(token["reader"] == false);
  CHECK(office.run({"token", "list"}).out.contains("viewer +reader"));
  CHECK(office.run({"token", "revoke", id}).code == kDone);
  CHECK(office.run({"token", "revoke", id}).code == kNotAllWell);
  CHECK(Json::parse(office.run({"token", "list", "--json"}).out)[1]["state"] == "revoked");  // the last
  const auto audit = office.run({"audit", "list", "--json", "--what", "token."});
  CHECK(audit.out.contains("token.revoke"));
  CHECK(audit.out.contains(R"("from":"cli")"));
  CHECK_FALSE(audit.out.contains(token["secret"].get<std::string>()));
  CHECK(office.run({"audit", "list", "--app", "8"}).out.contains("no entries"));
  CHECK(office.run({"audit", "list", "--since", "yesterday"}).code == kBadUsage);
}

/// A proxy that comes from such addresses.
Json on_this_machine(const char* addresses, const std::string& secret_file = "") {
  Json console = {{"public_url", "https://a"},
                  {"proxy_user_header", "x-user"},
                  {"proxy_addresses", addresses},
                  {"proxy_other_role", "viewer"}};
  if (!secret_file.empty()) console["proxy_secret_file"] = secret_file;
  return console;
}

TEST_CASE("console config: plain HTTP stays on this machine", "[app][console]") {
  struct Row {
    const char* name;
    Json console;
    std::string says;
  };
  const std::vector<Row> rows = {
      {"this machine", {{"listen", "127.0.0.1:0"}}, ""},
      {"by name", {{"listen", "localhost:9468"}}, ""},
      {"of IPv6", {{"listen", "[::1]:9468"}}, ""},
      {"everywhere", {{"listen", "0.0.0.0:9468"}}, "console.listen: beyond this machine the console wants TLS"},
      {"everywhere of IPv6", {{"listen", "[::]:9468"}}, "console.listen: beyond this machine"},
      {"a name that begins so", {{"listen", "127.0.0.1.example.com:9468"}}, "console.listen: beyond this machine"},
      {"another host", {{"listen", "console.example.com:443"}}, "console.listen: beyond this machine"},
      {"everywhere with TLS",
       {{"listen", "0.0.0.0:9468"}, {"tls_certificate_file", "a.pem"}, {"tls_key_file", "a.key"}},
       ""},
      {"everywhere behind a proxy", {{"listen", "0.0.0.0:9468"}, {"behind_tls_proxy", true}}, ""},
      {"people come by a proxy", {{"public_url", "https://console.example.com"}}, ""},
      {"likewise, and the proxy is elsewhere",
       {{"listen", "0.0.0.0:9468"}, {"public_url", "https://console.example.com"}},
       "console.listen: beyond this machine"},
      {"an address with a path", {{"public_url", "https://example.com/console"}}, "console.public_url: is more than"},
      {"an address that is none", {{"public_url", "console.example.com"}}, "console.public_url: begins with neither"},
      {"plain http though TLS ends before",
       {{"public_url", "http://console.example.com"}, {"behind_tls_proxy", true}},
       "console.public_url: is plain http"},
      {"a proxy logs in",
       {{"public_url", "https://a"},
        {"proxy_user_header", "X-Forwarded-Email"},
        {"proxy_groups_header", "X-Forwarded-Groups"},
        {"proxy_addresses", "10.1.0.7, 10.0.0.0/16"},
        {"proxy_roles", {{"ops", "operator"}}}},
       ""},
      {"a proxy of no address",
       {{"public_url", "https://a"}, {"proxy_user_header", "x-user"}, {"proxy_other_role", "viewer"}},
       "console.proxy_addresses: missing"},
      {"a proxy without the page's address",
       {{"proxy_user_header", "x-user"}, {"proxy_addresses", "10.0.0.7"}, {"proxy_other_role", "viewer"}},
       "console.public_url: missing"},
      {"a proxy and no role",
       {{"public_url", "https://a"}, {"proxy_user_header", "x-user"}, {"proxy_addresses", "10.0.0.7"}},
       "console.proxy_roles: missing"},
      {"roles without groups",
       {{"public_url", "https://a"},
        {"proxy_user_header", "x-user"},
        {"proxy_addresses", "10.0.0.7"},
        {"proxy_roles", {{"ops", "operator"}}}},
       "console.proxy_groups_header"},
      {"a role that is none",
       {{"public_url", "https://a"},
        {"proxy_user_header", "x-user"},
        {"proxy_groups_header", "x-groups"},
        {"proxy_addresses", "10.0.0.7"},
        {"proxy_roles", {{"ops", "root"}}}},
       "console.proxy_roles.ops: none of"},
      {"an address that is none",
       {{"public_url", "https://a"},
        {"proxy_user_header", "x-user"},
        {"proxy_addresses", "proxy.example.com"},
        {"proxy_other_role", "viewer"}},
       "console.proxy_addresses"},
      {"a header that clients send",
       {{"public_url", "https://a"},
        {"proxy_user_header", "Authorization"},
        {"proxy_addresses", "10.0.0.7"},
        {"proxy_other_role", "viewer"}},
       "console.proxy_user_header: has another meaning"},
      {"a header that is none",
       {{"public_url", "https://a"},
        {"proxy_user_header", "x user"},
        {"proxy_addresses", "10.0.0.7"},
        {"proxy_other_role", "viewer"}},
       "console.proxy_user_header: is no header"},
      {"a proxy on this machine without a secret", on_this_machine("127.0.0.1"), "console.proxy_secret_file: missing"},
      {"likewise, by IPv6", on_this_machine("10.0.0.7, ::1"), "console.proxy_secret_file: missing"},
      {"a network that holds this machine", on_this_machine("126.0.0.0/7"), "console.proxy_secret_file: missing"},
      {"everybody", on_this_machine("::/0"), "console.proxy_secret_file: missing"},
      {"a part of this machine", on_this_machine("127.1.2.0/24"), "console.proxy_secret_file: missing"},
      {"this machine with a secret", on_this_machine("127.0.0.1", "proxy.secret"), ""},
      {"readers without groups",
       {{"public_url", "https://a"},
        {"proxy_user_header", "x-user"},
        {"proxy_addresses", "10.0.0.7"},
        {"proxy_other_role", "viewer"},
        {"proxy_reader_group", "legal"}},
       "console.proxy_groups_header: goes with proxy_reader_group"},
      {"readers without a proxy", {{"proxy_reader_group", "legal"}}, "console.proxy_reader_group: goes with"},
      {"an IM server", {{"im_url", "https://im.example.com:9467/"}, {"im_ca_file", "ca.pem"}}, ""},
      {"an IM server here", {{"im_url", "http://127.0.0.1:9467"}}, ""},
      {"a plain one elsewhere", {{"im_url", "http://im.example.com"}}, "console.im_url: plain http"},
      {"a plain one that only begins so", {{"im_url", "http://127.0.0.1.example.com"}}, "console.im_url: plain http"},
      {"one that is no address", {{"im_url", "im.example.com"}}, "console.im_url: begins with neither"},
      {"workers", {{"metrics_urls", "http://10.0.0.1:9464, https://w2.example.com"}}, ""},
      {"a worker's page", {{"metrics_urls", "http://10.0.0.1:9464/metrics"}}, "console.metrics_urls: is more than"},
      {"a worker without a scheme",
       {{"metrics_urls", "http://w1,w2:9464"}},
       "console.metrics_urls: begins with neither"},
      {"a worker twice",
       {{"metrics_urls", "http://w1:80, http://w2,HTTP://w1/"}},
       "console.metrics_urls: http://w1 is there twice"},
      {"a comma too many", {{"metrics_urls", "http://w1,,http://w2"}}, "console.metrics_urls: begins with neither"},
      {"one with a path", {{"im_url", "https://a/v4"}}, "console.im_url: is more than"},
      {"its authorities alone", {{"im_ca_file", "ca.pem"}}, "console.im_ca_file: goes with im_url"},
      {"no time for it", {{"im_wait_ms", 0}}, "console.im_wait_ms"},
      {"half of a proxy", {{"proxy_other_role", "viewer"}}, "console.proxy_other_role: goes with proxy_user_header"},
      {"no long thread", {{"long_threads", 0}}, "console.long_threads"},
      {"nobody may wait", {{"long_requests_queued_max", 0}}, "console.long_requests_queued_max"},
      {"half of TLS", {{"tls_certificate_file", "a.pem"}}, "console.tls_key_file"},
      {"no port", {{"listen", "127.0.0.1"}}, "console.listen"},
      {"no thread", {{"threads", 0}}, "console.threads"},
      {"a key nobody has", {{"thread", 1}}, "console.thread: unknown key"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto config = parse_config(Json{{"console", row.console}}.dump());
    CHECK(config.has_value() == row.says.empty());
    if (!config) CHECK(config.error().lines.front().starts_with(row.says));
  }
  CHECK(parse_config(R"({"console":{"behind_tls_proxy":true}})")->console.access.tls);
  CHECK_FALSE(parse_config("{}")->console.access.tls);
  CHECK(parse_config(R"({"console":{"public_url":"https://a"}})")->console.access.tls);
  CHECK(parse_config(R"({"console":{"public_url":"https://a/"}})")->console.access.origin == "https://a");
  CHECK_FALSE(parse_config(R"({"console":{"public_url":"http://a"}})")->console.access.tls);
  const ConsoleOffice office;
  CHECK(office.run({"console", "--listen", "0.0.0.0:0"}).code == kBadUsage);
  CHECK(office.run({"console", "--listen", "nowhere"}).code == kBadUsage);
}

TEST_CASE("console: a mistake of a credential is told at its member", "[app][console]") {
  struct Row {
    const char* name;
    Vendor vendor;
    admin::CertificateChange change;
    std::string path;
  };
  const auto xiaomi = [](std::map<std::string, std::optional<std::string>> settings,
                         const std::string& secret = "abcdefghijklmnopqrstuv==") {
    return admin::CertificateChange{
        .name = "shop", .bundle_id = "com.example.shop", .secret = secret, .settings = std::move(settings)};
  };
  const auto apns = [](std::optional<std::string> file, std::optional<std::string> key_id = "ABC123DEFG") {
    return admin::CertificateChange{.name = "shop",
                                    .bundle_id = "com.example.shop",
                                    .key_id = std::move(key_id),
                                    .team_id = "DEF123GHIJ",
                                    .file = std::move(file)};
  };
  const std::string pem = "-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n";
  const std::vector<Row> rows = {
      {"good", Vendor::Xiaomi, xiaomi({{"app_id", "100000001"}}), ""},
      {"no secret", Vendor::Apns, apns(std::nullopt), "file"},
      {"an empty file", Vendor::Apns, apns(""), "file"},
      {"no .p12", Vendor::Apns, apns("not a p12"), "file"},
      {"a damaged .p8", Vendor::Apns, apns(pem), "file"},
      {"a .p8 without its key id", Vendor::Apns, apns(pem, std::nullopt), "key_id"},
      {"a key id for xiaomi",
       Vendor::Xiaomi,
       {.name = "shop", .key_id = "ABC123DEFG", .secret = "x", .settings = {{"app_id", "1"}}},
       "key_id"},
      {"a receipt key for apns", Vendor::Apns, {.name = "shop", .file = pem, .receipt_key = "k"}, "receipt_key"},
      {"a secret of two lines", Vendor::Xiaomi, xiaomi({{"app_id", "1"}}, "a\nb"), "secret"},
      {"an empty secret", Vendor::Xiaomi, xiaomi({{"app_id", "1"}}, ""), "secret"},
      {"a setting that is missing", Vendor::Xiaomi, xiaomi({}), "settings.app_id"},
      {"a setting that is bad", Vendor::Xiaomi, xiaomi({{"app_id", "abc"}}), "settings.app_id"},
      {"a setting nobody knows", Vendor::Xiaomi, xiaomi({{"app_id", "1"}, {"chanel", "x"}}), "settings.chanel"},
      {"a click that is none", Vendor::Xiaomi, xiaomi({{"app_id", "1"}, {"click", "call"}}), "settings.click"},
      {"no service account", Vendor::Fcm, {.name = "shop", .file = "{}"}, "file"},
      {"FCM's old server key", Vendor::Fcm, {.name = "shop", .file = "AAAA-server-key"}, "file"},
      {"an environment that is none",
       Vendor::Xiaomi,
       {.name = "shop", .environment = "staging", .secret = "x", .settings = {{"app_id", "1"}}},
       "environment"},
      {"a host that is none", Vendor::Apns, {.name = "shop", .host = "nowhere", .file = pem}, "host"},
      {"a name with blanks", Vendor::Apns, {.name = "my shop", .file = pem}, "name"},
  };
  const Config config;
  const SystemClock clock;
  const ConsoleCertificates desk(config, clock);
  for (const Row& row : rows) {
    CAPTURE(row.name);
    store::NewCertificate empty{.facts = {.app = {1}, .vendor = row.vendor}, .secret = {}};
    const auto made = desk.changed(std::move(empty), row.change, SystemClock().wall());
    CHECK(made.has_value() == row.path.empty());
    if (made) continue;
    CAPTURE(made.error().message);
    CHECK(made.error().status == 422);
    CHECK(made.error().path == row.path);
    CHECK_FALSE(made.error().message.contains("--"));  // options are the command line's
    CHECK(admin::explained(made.error().message).is_array());
  }
}

TEST_CASE("console: forms name what the API takes", "[app][console]") {
  const Json forms = ConsoleCertificates(Config(), SystemClock()).vendors();
  CHECK(forms.size() == std::size_t(Vendor::Count));
  const auto route = std::ranges::find_if(
      admin::routes(), [](const admin::Route& one) { return one.method == "POST" && one.path == "/v1/certificates"; });
  REQUIRE(route != admin::routes().end());
  for (const Json& form : forms) {
    CAPTURE(form["vendor"]);
    bool secret = false;
    for (const Json& field : form["fields"]) {
      const std::string name = field["name"];
      CAPTURE(name);
      CHECK(std::ranges::find(route->body, std::string_view(name), &admin::Member::name) != route->body.end());
      CHECK_FALSE(field["meaning"].get<std::string>().empty());
      secret = secret || name == "file" || name == "secret";
    }
    CHECK(secret);
  }
}

}  // namespace
}  // namespace nightpost::app
