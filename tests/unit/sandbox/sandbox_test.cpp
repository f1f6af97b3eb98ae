// The sandbox as a stranger meets it: HTTP/2 to the vendor's paths, HTTP/1.1 to the control paths.
#include "sandbox/sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "made_token.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;
using probe::H2Probe;
using probe::Reply;

constexpr std::int64_t kStart = 1'795'000'000;  // seconds
constexpr std::int32_t kMaxStreams = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
constexpr const char* kAlert = R"({"aps":{"alert":"hi"}})";
constexpr const char* kId = "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70";

class HandClock final : public Clock {
 public:
  WallTime wall() const noexcept override { return WallTime(seconds(now_.load())); }
  MonoTime mono() const noexcept override { return {}; }
  void advance(std::int64_t s) { now_ += s; }

 private:
  std::atomic<std::int64_t> now_ = kStart;
};

class Running {
 public:
  explicit Running(SandboxOptions options = {}) {
    options.clock = &clock;
    auto started = Sandbox::start(loop_, std::move(options));
    INFO((started ? std::string() : started.error().detail));
    REQUIRE(started.has_value());
    sandbox = std::move(*started);
    const std::string& url = sandbox->urls().at("apns");
    REQUIRE(url.starts_with("https://localhost:"));
    port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Running() {
    boost::asio::post(loop_, [this] { sandbox.reset(); });
    thread_.join();
  }

  Reply control(std::string_view method, std::string_view path, std::string_view body = "") {
    return probe::https(port, sandbox->ca_pem(), method, "/_sandbox/" + std::string(path), body);
  }
  json requests() { return json::parse(control("GET", "requests?vendor=apns").body); }
  /// Taught one key, one topic, two tokens.
  void teach(const SigningKey& key) {
    const json credentials = {
        {"keys", {{{"key_id", "ABC123DEFG"}, {"team_id", "DEF123GHIJ"}, {"public_key_pem", key.public_pem()}}}},
        {"topics", {"com.example.shop"}},
        {"tokens", {{{"token", "AA11"}}, {{"token", "bb22"}, {"topic", "com.example.shop"}}}},
        {"environment", "development"}};
    const Reply reply = control("PUT", "credentials", credentials.dump());
    INFO(reply.body);
    REQUIRE(reply.status == 200);
  }

  HandClock clock;
  std::unique_ptr<Sandbox> sandbox;
  std::uint16_t port = 0;

 private:
  boost::asio::io_context loop_;
  std::jthread thread_;
};

std::int32_t push(H2Probe& client, const std::string& authorization, const std::string& token = "aa11",
                  const std::string& body = kAlert) {
  return client.open("POST", "/3/device/" + token,
                     {{"authorization", authorization},
                      {"apns-topic", "com.example.shop"},
                      {"apns-push-type", "alert"},
                      {"apns-id", kId}},
                     body);
}

std::string good(const SigningKey& key) { return made_token(key, {.iat = kStart}); }

TEST_CASE("sandbox: one stream until a token was good, then many", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  H2Probe client(running.port, running.sandbox->ca_pem());
  const auto refused = client.wait(push(client, good(SigningKey())));
  CHECK(refused.status == 403);
  CHECK(refused.body == R"({"reason":"InvalidProviderToken"})");
  CHECK(client.settings[0] == std::pair(kMaxStreams, 1U));
  CHECK(std::ranges::count(client.settings, kMaxStreams, [](const auto& entry) { return entry.first; }) == 1);

  const auto accepted = client.wait(push(client, good(key)));
  CHECK(accepted.status == 200);
  CHECK(accepted.body.empty());
  CHECK(accepted.header("apns-id") == kId);
  CHECK(accepted.header("apns-unique-id").size() == 36);
  CHECK(client.settings.back() == std::pair(kMaxStreams, 1000U));
  const auto frames = client.settings_frames.size();
  for (int i = 0; i < 50; ++i) push(client, good(key));
  CHECK(client.wait(push(client, good(key), "bb22")).status == 200);
  CHECK(client.settings_frames.size() == frames);  // once is enough
}

TEST_CASE("sandbox: an id is made where none was sent, and none is unique in production", "[sandbox]") {
  const SigningKey key;
  Running running({.accept_any = true});
  REQUIRE(running.sandbox->teach(R"({"vendor":"apns","environment":"production"})").has_value());
  H2Probe client(running.port, running.sandbox->ca_pem());
  const auto ask = [&] {
    return client.wait(
        client.open("POST", "/3/device/ab", {{"authorization", good(key)}, {"apns-topic", "com.anything"}}, kAlert));
  };
  const Reply one = ask();
  const Reply two = ask();
  CHECK(one.status == 200);
  CHECK(one.header("apns-id").size() == 36);
  CHECK(one.header("apns-id") != two.header("apns-id"));
  CHECK(one.header("apns-unique-id").empty());
}

TEST_CASE("sandbox: a client certificate speaks for itself", "[sandbox]") {
  Running running;
  REQUIRE(running.sandbox->teach(R"({"tokens":[{"token":"aa11"}]})").has_value());
  running.clock.advance(static_cast<std::int64_t>(::time(nullptr)) - kStart);
  const auto mine = probe::client_identity({.uid = "com.example.shop", .oids = {"1.2.840.113635.100.6.3.1"}});
  H2Probe client(running.port, running.sandbox->ca_pem(), &mine);
  CHECK(client.wait(client.open("POST", "/3/device/aa11", {}, kAlert)).status == 200);
  const Reply other = client.wait(client.open("POST", "/3/device/aa11", {{"apns-topic", "com.other"}}, kAlert));
  CHECK(other.status == 400);
  CHECK(other.body == R"({"reason":"TopicDisallowed"})");
  const auto wrong = probe::client_identity({.uid = "com.example.shop", .oids = {"1.2.840.113635.100.6.3.2"}});
  H2Probe production(running.port, running.sandbox->ca_pem(), &wrong);
  CHECK(production.wait(production.open("POST", "/3/device/aa11", {}, kAlert)).body ==
        R"({"reason":"BadCertificateEnvironment"})");
}

TEST_CASE("sandbox: the vendor's clock ages tokens, and a connection's memory ends with it", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  {
    H2Probe client(running.port, running.sandbox->ca_pem());
    CHECK(client.wait(push(client, good(key))).status == 200);
    CHECK(client.wait(push(client, made_token(key, {.iat = kStart - 60}))).body ==
          R"({"reason":"TooManyProviderTokenUpdates"})");
    CHECK(client.wait(push(client, good(key))).status == 429);
    running.clock.advance(3601);
    CHECK(client.wait(push(client, good(key))).body == R"({"reason":"ExpiredProviderToken"})");
  }
  H2Probe fresh(running.port, running.sandbox->ca_pem());
  CHECK(fresh.wait(push(fresh, made_token(key, {.iat = kStart + 3601}))).status == 200);
}

TEST_CASE("sandbox: what arrived can be read, and forgotten", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  H2Probe client(running.port, running.sandbox->ca_pem());
  client.wait(push(client, good(key)));
  client.wait(push(client, good(key), "ffff"));
  const Reply bad = client.wait(push(client, good(key), "aa11", R"({"aps":{"badge":"1"}})"));
  CHECK(json::parse(bad.body) == json{{"reason", "BadPayload"}, {"detail", "$.aps.badge: not an integer >= 0"}});

  const json seen = running.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0]["method"] == "POST");
  CHECK(seen[0]["path"] == "/3/device/aa11");
  CHECK(std::ranges::find(seen[0]["headers"], json{"apns-id", kId}) != seen[0]["headers"].end());
  CHECK(seen[0]["body"] == kAlert);
  CHECK(seen[0]["verdict"] == json{{"status", 200}, {"reason", ""}});
  CHECK(seen[0]["at"] == kStart * 1000);
  CHECK(seen[1]["verdict"] == json{{"status", 400}, {"reason", "BadDeviceToken"}});
  CHECK(seen[2]["verdict"]["reason"] == "BadPayload");
  CHECK(running.sandbox->requests_json("apns") == running.control("GET", "requests").body);
  CHECK(running.sandbox->requests_json("fcm") == "[]");

  const json health = json::parse(running.control("GET", "health").body);
  CHECK(health == json::parse(R"({"status":"ok","vendors":{"apns":
    {"requests":3,"accepted":1,"refused":2,"faults":0,"pushes":1,"tokens":1}}})"));
  CHECK(running.control("DELETE", "requests").status == 200);
  CHECK(running.requests().empty());
}

TEST_CASE("sandbox: faults", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  H2Probe client(running.port, running.sandbox->ca_pem());
  REQUIRE(client.wait(push(client, good(key))).status == 200);
  const auto script = [&](const char* act) {
    const Reply set = running.control("PUT", "script", std::string(R"([{"act":)") + act + "}]");
    INFO(set.body);
    REQUIRE(set.status == 200);
    REQUIRE(running.control("DELETE", "requests").status == 200);
  };

  script(R"({"status":410,"reason":"Unregistered","timestamp":1735603200000})");
  CHECK(client.wait(push(client, good(key))).body == R"({"reason":"Unregistered","timestamp":1735603200000})");
  script(R"({"status":503,"reason":"ServiceUnavailable","retry_after":7})");
  const Reply busy = client.wait(push(client, good(key)));
  CHECK(busy.status == 503);
  CHECK(busy.header("retry-after") == "7");
  CHECK(busy.header("apns-id") == kId);
  CHECK(client.wait(push(client, good(key), "ffff")).body == R"({"reason":"BadDeviceToken"})");  // a refusal stands

  script(R"({"reset":8})");
  CHECK(client.wait(push(client, good(key))).reset == NGHTTP2_CANCEL);
  CHECK(running.requests()[0]["verdict"] == json{{"status", 0}, {"reason", "reset 8"}});

  script(R"({"latency_ms":50})");
  const auto start = std::chrono::steady_clock::now();
  CHECK(client.wait(push(client, good(key))).status == 200);
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(50));

  script(R"({"settings":{"max_concurrent_streams":5}})");
  CHECK(client.wait(push(client, good(key))).status == 200);
  CHECK(client.settings.back() == std::pair(kMaxStreams, 5U));

  script(R"({"hang":true})");
  const auto hung = push(client, good(key));
  REQUIRE(client.until([&] { return !running.requests().empty(); }));
  CHECK(running.requests()[0]["verdict"] == json{{"status", 0}, {"reason", "hang"}});
  CHECK(client.reply(hung).status == 0);

  script(R"({"goaway":{"debug":"{\"reason\":\"Shutdown\"}"}})");
  CHECK(client.wait(push(client, good(key))).status == 200);
  REQUIRE(client.until([&] { return !client.goaways.empty(); }));
  CHECK(client.goaways[0].debug == R"({"reason":"Shutdown"})");

  script(R"({"drop":true})");
  H2Probe other(running.port, running.sandbox->ca_pem());
  const auto dropped = push(other, good(key));
  CHECK(other.until([&] { return other.closed(); }));
  CHECK(other.reply(dropped).status == 0);

  CHECK(running.control("DELETE", "script").status == 200);
  H2Probe last(running.port, running.sandbox->ca_pem());
  CHECK(last.wait(push(last, good(key))).status == 200);
}

TEST_CASE("sandbox: a fault for every open connection, now", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  H2Probe one(running.port, running.sandbox->ca_pem());
  H2Probe two(running.port, running.sandbox->ca_pem());
  REQUIRE(one.wait(push(one, good(key))).status == 200);
  REQUIRE(two.wait(push(two, good(key))).status == 200);
  REQUIRE(running.sandbox->set_script(R"({"now":{"goaway":{"debug":"bye"}}})").has_value());
  CHECK(one.until([&] { return one.closed(); }));
  CHECK(two.until([&] { return two.closed(); }));
  CHECK(one.goaways.at(0).debug == "bye");
}

TEST_CASE("sandbox: control calls that are wrong say where", "[sandbox]") {
  struct Row {
    const char* method;
    const char* path;
    std::string body;
    int status;
    const char* error;
  };
  Running running({.tokens_known_max = 1});
  for (const Row& row : {
           Row{"GET", "nothing", "", 404, "no such control path: requests, script, credentials, receipts, health"},
           Row{"POST", "requests", "", 405, "GET or DELETE only"},
           Row{"PUT", "health", "", 405, "GET only"},
           Row{"GET", "script", "", 405, "PUT or DELETE only"},
           Row{"GET", "credentials", "", 405, "PUT or DELETE only"},
           Row{"GET", "requests?vendor=fcm", "", 400, "vendor: not served here"},
           Row{"GET", "requests?vendor=", "", 400, "vendor: not served here"},
           Row{"PUT", "script", "x", 400, "$: not JSON (byte 1)"},
           Row{"PUT", "script", R"([{"act":{"x":1}}])", 400, "$[0].act.x: unknown member"},
           Row{"PUT", "credentials", "[", 400, "$: not JSON (byte 2)"},
           Row{"PUT", "credentials", "[]", 400, "$: not an object"},
           Row{"PUT", "credentials", R"({"key":[]})", 400, "$.key: unknown member"},
           Row{"PUT", "credentials", R"({"vendor":"fcm"})", 400, "$.vendor: not served here"},
           Row{"PUT", "credentials", R"({"vendor":7})", 400, "$.vendor: not served here"},
           Row{"PUT", "credentials", R"({"environment":"test"})", 400, "$.environment: not development or production"},
           Row{"PUT", "credentials", R"({"topics":[1]})", 400, "$.topics: not an array of strings"},
           Row{"PUT", "credentials", R"({"tokens":[{}]})", 400, "$.tokens[0].token: missing or empty"},
           Row{"PUT", "credentials", R"({"tokens":[{"token":"aa"},{"token":"bb"}]})", 400,
               "$.tokens: more than 1 in all"},
           Row{"PUT", "credentials", R"({"keys":[{"key_id":"A","team_id":"B","public_key_pem":"C"}]})", 400,
               "$.keys[0].public_key_pem: not a P-256 public key in PEM"},
       }) {
    CAPTURE(row.method, row.path, row.body);
    const Reply reply = running.control(row.method, row.path, row.body);
    CHECK(reply.status == row.status);
    CHECK(json::parse(reply.body) == json{{"error", row.error}});
  }
  CHECK(running.requests().empty());  // control calls are not the vendor's
}

TEST_CASE("sandbox: credentials can be forgotten", "[sandbox]") {
  const SigningKey key;
  Running running;
  running.teach(key);
  H2Probe client(running.port, running.sandbox->ca_pem());
  CHECK(client.wait(push(client, good(key))).status == 200);
  CHECK(running.control("DELETE", "credentials").status == 200);
  CHECK(client.wait(push(client, good(key))).body == R"({"reason":"InvalidProviderToken"})");
}

TEST_CASE("sandbox: what cannot start", "[sandbox]") {
  boost::asio::io_context loop;
  const auto code_of = [&](SandboxOptions options) {
    const auto started = Sandbox::start(loop, std::move(options));
    return started ? std::string() : std::string(name_of(started.error().code)) + ": " + started.error().detail;
  };
  const std::string malformed = std::string(name_of(Errc::Malformed)) + ": ";
  CHECK(code_of({.vendors = {}}) == malformed + "no vendor to simulate");
  CHECK(code_of({.vendors = {"pigeon"}}) == malformed + "unknown vendor: pigeon");
  CHECK(code_of({.vendors = {"apns", "apns"}}) == malformed + "vendor named twice: apns");
  CHECK(code_of({.script_json = "{"}) == malformed + "$: not JSON (byte 2)");
  CHECK(code_of({.host = "256.0.0.1"}).starts_with(name_of(Errc::Io)));
  CHECK(code_of({.data_dir = "/dev/null/x"}).starts_with(name_of(Errc::Io)));
}

TEST_CASE("sandbox: data lives in its folder", "[sandbox]") {
  std::string folder = (std::filesystem::temp_directory_path() / "nightpost-sandbox-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  {
    Running running({.data_dir = folder});
    CHECK(running.sandbox->ca_file() == folder + "/ca.pem");
    CHECK(std::filesystem::exists(running.sandbox->ca_file()));
    CHECK(running.control("GET", "health").status == 200);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace nightpost::sandbox
