// Receipts on their way: from a push to the one URL that was taught.
#include "sandbox/receipt_sender.h"

#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "sandbox/sandbox.h"
#include "server/http_server.h"
#include "support/h2_probe.h"
#include "support/test_identity.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

TEST_CASE("receipt target: URLs", "[sandbox][receipts]") {
  struct Row {
    const char* url;
    const char* want;  // host|port|path, or what is wrong
  };
  const Row row = GENERATE(values<Row>({
      {"http://localhost:8080/cb/huawei?x=1", "localhost|8080|/cb/huawei?x=1"},
      {"https://127.0.0.1/cb", "127.0.0.1|443|/cb"},
      {"http://[::1]:81", "::1|81|/"},
      {"http://127.8.8.8:1/", "127.8.8.8|1|/"},
      {"http://example.com/", "not on this machine; start the sandbox with --receipts-anywhere to allow it"},
      {"http://localhost.example.com/", "not on this machine; start the sandbox with --receipts-anywhere to allow it"},
      {"http://10.0.0.1/", "not on this machine; start the sandbox with --receipts-anywhere to allow it"},
      {"http://127.0.0.1@example.com/", "not an http or https URL"},
      {"http://localhost:/", "not a port"},
      {"http://localhost:x/", "not a port"},
      {"http://localhost:123456/", "not a port"},
      {"http://[::1", "not a host"},
      {"http://[::1]x/", "not a port"},
      {"http:///cb", "not an http or https URL"},
      {"http://localhost/a b", "not an http or https URL"},
      {"http://localhost/a\r\nx: y", "not an http or https URL"},
      {"http://localhost?x", "not an http or https URL"},
      {"ftp://localhost/", "not an http or https URL"},
      {"", "not an http or https URL"},
  }));
  CAPTURE(row.url);
  const auto target = receipt_target(row.url, false);
  CHECK((target ? target->host + '|' + target->port + '|' + target->path : target.error().detail) == row.want);
  CHECK(receipt_target("http://example.com/", true).has_value());
}

/// A receiver of receipts, plain or with TLS, and a sandbox, on one loop.
class Bed {
 public:
  explicit Bed(bool tls) {
    const server::ServerHandler take = server::answered_at_once([this](const server::ServerRequest& request) {
      const std::scoped_lock lock(mutex_);
      received_.push_back(request);
      return server::ServerResponse{.status = status.load()};
    });
    if (tls) {
      identity = probe::server_identity();
      auto server = server::TlsServer::start(loop_, {},
                                             {.certificate_pem = identity.certificate_pem,
                                              .private_key_pem = identity.private_key_pem,
                                              .streams_max_first = 10},
                                             take);
      REQUIRE(server.has_value());
      tls_ = std::move(*server);
      url = "https://localhost:" + std::to_string(tls_->port()) + "/cb";
    } else {
      auto server = server::HttpServer::start(loop_, {}, take);
      REQUIRE(server.has_value());
      plain_ = std::move(*server);
      url = "http://127.0.0.1:" + std::to_string(plain_->port()) + "/cb";
    }
    auto started = Sandbox::start(loop_, {.vendors = {"huawei", "fcm"}, .accept_any = true});
    REQUIRE(started.has_value());
    sandbox = std::move(*started);
    const std::string& address = sandbox->urls().at("huawei");
    port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Bed() {
    boost::asio::post(loop_, [this] {
      sandbox.reset();
      plain_.reset();
      tls_.reset();
    });
    boost::asio::post(loop_, [this] { loop_.stop(); });  // a receiver may hold a connection open
    thread_.join();
  }

  std::vector<server::ServerRequest> received() {
    const std::scoped_lock lock(mutex_);
    return received_;
  }
  bool came(std::size_t count) {
    for (int i = 0; i < 500 && received().size() < count; ++i) std::this_thread::sleep_for(milliseconds(10));
    return received().size() >= count;
  }
  probe::Reply control(std::string_view method, std::string_view path, std::string_view body = "") {
    return probe::https(port, sandbox->ca_pem(), method, "/_sandbox/" + std::string(path), body);
  }
  json push(const char* tokens) {
    probe::H2Probe client(port, sandbox->ca_pem());
    const auto reply = client.wait(client.open(
        "POST", "/v1/100000001/messages:send", {{"authorization", "Bearer x"}, {"content-type", "application/json"}},
        std::string(R"({"message":{"data":"x","android":{"bi_tag":"e-1"},"token":)") + tokens + "}}"));
    return json::parse(reply.body);
  }

  std::atomic<int> status = 200;
  std::string url;
  probe::Identity identity;
  std::unique_ptr<Sandbox> sandbox;
  std::uint16_t port = 0;

 private:
  boost::asio::io_context loop_;
  std::mutex mutex_;
  std::vector<server::ServerRequest> received_;
  std::unique_ptr<server::HttpServer> plain_;
  std::unique_ptr<server::TlsServer> tls_;
  std::jthread thread_;
};

TEST_CASE("receipts: of accepted tokens, to the taught URL, and chosen ones", "[sandbox][receipts]") {
  const bool tls = GENERATE(false, true);
  CAPTURE(tls);
  Bed bed(tls);
  std::string folder = (std::filesystem::temp_directory_path() / "nightpost-receipts-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  json receipts = {{"url", bed.url}, {"user", "pushuser"}, {"key", "a2V5"}, {"delay_ms", 1}};
  if (tls) {
    std::ofstream(folder + "/ca.pem") << bed.identity.certificate_pem;
    receipts["ca_file"] = folder + "/ca.pem";
  }
  CHECK(bed.push(R"(["before"])")["code"] == "80000000");  // nothing is taught: nothing is sent
  const auto taught = bed.control("PUT", "credentials", json{{"vendor", "huawei"}, {"receipts", receipts}}.dump());
  INFO(taught.body);
  REQUIRE(taught.status == 200);
  REQUIRE(bed.control("PUT", "script", R"([{"match":{"token":"B"},"act":{"status":200,"reason":"illegal_tokens"}}])")
              .status == 200);
  const json reply = bed.push(R"(["A","B","C"])");
  CHECK(reply["code"] == "80100000");
  CHECK(json::parse(reply["msg"].get<std::string>())["illegal_tokens"] == json{"B"});
  REQUIRE(bed.came(1));
  const server::ServerRequest first = bed.received()[0];
  CHECK(first.target == "/cb");
  CHECK(first.method == "POST");
  const json statuses = json::parse(first.body)["statuses"];
  REQUIRE(statuses.size() == 2);
  CHECK(statuses[0]["token"] == "A");
  CHECK(statuses[1]["token"] == "C");
  CHECK(statuses[0]["biTag"] == "e-1");
  CHECK(statuses[0]["requestId"] == reply["requestId"]);
  CHECK(std::ranges::count(first.headers, "x-huawei-callback-id", [](const auto& header) { return header.first; }) ==
        1);

  CHECK(bed.control("POST", "receipts", R"({"vendor":"huawei","token":"A","status":2})").status == 200);
  REQUIRE(bed.came(2));
  const json chosen = json::parse(bed.received()[1].body)["statuses"][0];
  CHECK(chosen["status"] == 2);
  CHECK(chosen["biTag"] == "e-1");  // the last push to it is remembered
  bed.status = 500;
  CHECK(bed.control("POST", "receipts", R"({"token":"Z","status":"5","tag":"t","id":"i","app":"a"})").status == 200);
  REQUIRE(bed.came(3));
  CHECK(json::parse(bed.received()[2].body)["statuses"][0]["biTag"] == "t");
  for (int i = 0; i < 500 && json::parse(bed.control("GET", "receipts").body)["failed"] == 0; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  CHECK(json::parse(bed.control("GET", "receipts").body) ==
        json{{"posted", 2}, {"failed", 1}, {"dropped", 0}, {"waiting", 0}, {"last_error", "answered 500"}});

  CHECK(bed.control("PUT", "credentials", R"({"vendor":"huawei","receipts":null})").status == 200);
  CHECK(bed.control("GET", "receipts").status == 400);
  REQUIRE(bed.sandbox->teach(json{{"receipts", receipts}}.dump()).has_value());
  CHECK(bed.control("GET", "receipts").status == 200);
  CHECK(bed.control("DELETE", "credentials").status == 200);
  CHECK(bed.control("GET", "receipts").status == 400);
  std::filesystem::remove_all(folder);
}

TEST_CASE("receipts: a receiver that cannot be trusted or reached gets none", "[sandbox][receipts]") {
  Bed bed(true);
  const auto fails_with = [&](const std::string& url) {
    REQUIRE(bed.sandbox->teach(json{{"vendor", "huawei"}, {"receipts", {{"url", url}, {"delay_ms", 0}}}}.dump())
                .has_value());
    bed.push(R"(["A"])");
    json counts;
    for (int i = 0; i < 500; ++i) {
      counts = json::parse(bed.control("GET", "receipts").body);
      if (counts["failed"] == 1) break;
      std::this_thread::sleep_for(milliseconds(10));
    }
    CHECK(counts["posted"] == 0);
    CHECK(counts["failed"] == 1);
    return counts["last_error"].get<std::string>();
  };
  CHECK(fails_with(bed.url).contains("certificate"));
  CHECK_FALSE(fails_with("http://127.0.0.1:1/").empty());
  CHECK(bed.received().empty());
}

TEST_CASE("receipts: lessons and wishes that are wrong", "[sandbox][receipts]") {
  struct Row {
    const char* method;
    const char* path;
    const char* body;
    const char* error;
  };
  Bed bed(false);
  for (const Row& row : {
           Row{"PUT", "credentials", R"({"receipts":7})", "$.receipts: not an object"},
           Row{"PUT", "credentials", R"({"receipts":{}})", "$.receipts.url: missing or empty"},
           Row{"PUT", "credentials", R"({"receipts":{"url":"http://example.com/"}})",
               "$.receipts.url: not on this machine; start the sandbox with --receipts-anywhere to allow it"},
           Row{"PUT", "credentials", R"({"receipts":{"url":"https://localhost/","ca_file":"/nowhere"}})",
               "$.receipts.ca_file: cannot be read, or is empty"},
           Row{"PUT", "credentials", R"({"receipts":{"url":"http://localhost/","delay_ms":-1}})",
               "$.receipts.delay_ms: not an integer in [0, 3600000]"},
           Row{"PUT", "credentials", R"({"receipts":{"url":"http://localhost/","secret":"x"}})",
               "$.receipts.secret: unknown member"},
           Row{"PUT", "credentials", R"({"vendor":"fcm","receipts":{"url":"http://localhost/"}})",
               "$.receipts: this vendor sends none"},
           Row{"POST", "receipts", R"({"token":"A"})", "$.vendor: its receipts were not taught"},
           Row{"POST", "receipts", R"({"vendor":"meizu","token":"A"})", "$.vendor: not served here"},
           Row{"POST", "receipts", R"({"status":1})", "$.token: missing or empty"},
           Row{"POST", "receipts", R"({"token":"A","status":1.5})", "$.status: not a word or number"},
           Row{"POST", "receipts", "x", "$: not JSON (byte 1)"},
           Row{"GET", "receipts", "", "vendor: its receipts were not taught"},
       }) {
    CAPTURE(row.body);
    const probe::Reply reply = bed.control(row.method, row.path, row.body);
    CHECK(reply.status == 400);
    CHECK(json::parse(reply.body) == json{{"error", row.error}});
  }
  CHECK(bed.control("DELETE", "receipts").status == 405);
  REQUIRE(bed.sandbox->teach(json{{"receipts", {{"url", bed.url}}}}.dump()).has_value());
  CHECK(bed.control("POST", "receipts", R"({"token":"A","status":"arrived"})").body.contains("$.status"));
}

}  // namespace
}  // namespace nightpost::sandbox
