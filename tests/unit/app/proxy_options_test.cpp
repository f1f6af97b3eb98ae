// The proxy from its config keys to the vendor: the credentials file, and `send` through a proxy to the sandbox.
#include "app/proxy_options.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/cli.h"
#include "app/config.h"
#include "app/dev_account.h"
#include "app/output.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "sandbox/sandbox.h"
#include "store/sealer.h"
#include "support/connect_proxy.h"
#include "support/kafka_worker.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
using std::filesystem::perms;

struct ProxyFolder {
  ProxyFolder() {
    path = (std::filesystem::temp_directory_path() / "nightpost-proxy-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  ~ProxyFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string& name, const std::string& text,
                   perms mode = perms::owner_read | perms::owner_write) const {
    const std::string at = path + "/" + name;
    std::ofstream(at) << text;
    std::filesystem::permissions(at, mode);
    return at;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string path;
};

ProxyOptions options(const std::string& credentials_file) {
  return {.through = net::parse_proxy("http://proxy.corp:3128").value(), .credentials_file = credentials_file};
}

}  // namespace

TEST_CASE("proxy options: the credentials come from a file that is its owner's alone", "[app][proxy]") {
  const ProxyFolder folder;
  const auto good = open_proxy(options(folder.file("good", "push:se:cret\n")));
  REQUIRE(good);
  REQUIRE(*good);
  CHECK((*good)->authority() == "proxy.corp:3128");
  REQUIRE((*good)->credentials);
  CHECK((*good)->credentials->user == "push");
  CHECK((*good)->credentials->password == "se:cret");

  const auto without = open_proxy(options(""));
  REQUIRE(without);
  REQUIRE(*without);
  CHECK_FALSE((*without)->credentials);
  const auto none = open_proxy({});
  REQUIRE(none);
  CHECK_FALSE(*none);
}

TEST_CASE("proxy options: files that are not taken, and words without their content", "[app][proxy]") {
  const ProxyFolder folder;
  struct Row {
    const char* name;
    std::string file;
    Errc code;
    const char* says;
  };
  const Row rows[] = {
      {"not there", folder.path + "/nowhere", Errc::NotFound, "proxy credentials file"},
      {"a folder", folder.path, Errc::Malformed, "not a regular file"},
      {"anybody's", folder.file("open", "push:secret", perms(0644)), Errc::Unauthorized, "chmod 600"},
      {"a group's", folder.file("group", "push:secret", perms(0640)), Errc::Unauthorized, "chmod 600"},
      {"empty", folder.file("empty", ""), Errc::Malformed, "is not USER:PASSWORD"},
      {"no colon", folder.file("user", "secret"), Errc::Malformed, "is not USER:PASSWORD"},
      {"two lines", folder.file("lines", "push:secret\npush:secret\n"), Errc::Malformed, "more than a line"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto opened = open_proxy(options(row.file));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == row.code);
    CHECK(opened.error().detail.contains(row.says));
    CHECK(opened.error().detail.contains(row.file));
    CHECK_FALSE(opened.error().detail.contains("secret"));
  }

  Config config;
  config.proxy = options(folder.path + "/nowhere");
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 10, said, clock);
  const auto worker = Worker::start(config, clock, log, {});
  REQUIRE_FALSE(worker);
  CHECK(worker.error().code == Errc::NotFound);
}

namespace {

/// Runs a loop on a thread of its own for as long as it lives.
class Served {
 public:
  explicit Served(boost::asio::io_context& loop) : loop_(loop) {
    loop.restart();
    thread_ = std::thread([this] {
      const auto work = boost::asio::make_work_guard(loop_);
      loop_.run_for(seconds(120));
    });
  }
  ~Served() {
    loop_.stop();
    thread_.join();
  }

 private:
  boost::asio::io_context& loop_;
  std::thread thread_;
};

/// One vendor's sandbox and a proxy on a loop of their own, a store with one user, and the command line.
struct SendBed {
  explicit SendBed(Vendor vendor) {
    auto started = sandbox::Sandbox::start(loop, {.vendors = {std::string(name_of(vendor))}, .accept_any = true});
    REQUIRE(started);
    sandbox = *std::move(started);
    folder.file("master.key", store::Sealer::new_key_text());
    auto store = open_store(*load_config(config_file(Json::object())), true);
    REQUIRE(store);
    auto account = make_dev_account(vendor);
    REQUIRE(account);
    Certificate claimed = account->certificate;
    claimed.app = AppId{1400000001};
    claimed.name = "test";
    claimed.host_override = sandbox->urls().at(std::string(name_of(vendor)));
    claimed.ca_pem = sandbox->ca_pem();
    const auto inspected = inspect_upload(claimed, account->secret, SystemClock().wall(), std::nullopt);
    REQUIRE(inspected);
    const auto added = (*store)->add_certificate({*inspected, account->secret});
    REQUIRE(added);
    Device phone;
    phone.device_id = "phone";
    phone.platform = vendor == Vendor::Apns ? Platform::Ios : Platform::Android;
    phone.certificate = added->id;
    phone.token = dev_token(vendor, "vinson");
    REQUIRE((*store)->set_device(claimed.app, "vinson", phone));
    proxy.require("push", "s3cret");
  }
  ~SendBed() {
    sandbox.reset();
    loop.restart();
    loop.poll();
  }
  std::string config_file(const Json& proxy_section) const {
    return folder.file(
        "config.json",
        Json{{"store",
              {{"url", "sqlite:" + folder.path + "/store.db"}, {"master_key_file", folder.path + "/master.key"}}},
             {"proxy", proxy_section}}
            .dump());
  }
  /// Its exit code; what it said is in `out` and `err`.
  int send(const Json& proxy_section) {
    std::vector<std::string> arguments = {"nightpost", "send",       "--config", config_file(proxy_section),
                                          "--app",     "1400000001", "--user",   "vinson",
                                          "--desc",    "hello",      "--json",   "--timeout-ms",
                                          "60000"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    const Served served(loop);
    ::fflush(stdout);
    ::fflush(stderr);
    const int saved_out = ::dup(1), saved_err = ::dup(2);
    const bool apart = ::freopen((folder.path + "/out").c_str(), "w", stdout) != nullptr &&
                       ::freopen((folder.path + "/err").c_str(), "w", stderr) != nullptr;
    const int code = run(static_cast<int>(argv.size()), argv.data());
    ::fflush(stdout);
    ::fflush(stderr);
    ::dup2(saved_out, 1);
    ::dup2(saved_err, 2);
    ::close(saved_out);
    ::close(saved_err);
    REQUIRE(apart);
    out = folder.read("out");
    err = folder.read("err");
    return code;
  }

  ProxyFolder folder;
  boost::asio::io_context loop;
  std::unique_ptr<sandbox::Sandbox> sandbox;
  support::ConnectProxy proxy{loop};
  std::string out, err;
};

}  // namespace

TEST_CASE("proxy options: send goes through it, to the vendor and to its token endpoint", "[app][proxy]") {
  const Vendor vendor = GENERATE(Vendor::Apns, Vendor::Fcm, Vendor::Huawei);
  CAPTURE(name_of(vendor));
  SendBed bed(vendor);
  const std::string file = bed.folder.file("proxy", "push:s3cret\n");
  CHECK(bed.send({{"url", bed.proxy.url()}, {"credentials_file", file}}) == kDone);
  CAPTURE(bed.err, bed.out);
  CHECK(Json::parse(bed.out, nullptr, false)[0]["outcome"]["outcome"] == "accepted");
  CHECK(bed.proxy.tunnels() == (vendor == Vendor::Apns ? 1 : 2));
  CHECK(bed.proxy.heads().size() == bed.proxy.tunnels());

  bed.proxy.answer_with("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  CHECK(bed.send({{"url", bed.proxy.url()}, {"credentials_file", file}, {"except", "localhost,127.0.0.0/8"}}) == kDone);
  CHECK(bed.proxy.tunnels() == (vendor == Vendor::Apns ? 1 : 2));  // as before
}

TEST_CASE("proxy options: send says that the proxy refuses, and not the password", "[app][proxy]") {
  const Vendor vendor = GENERATE(Vendor::Apns, Vendor::Xiaomi);
  CAPTURE(name_of(vendor));
  SendBed bed(vendor);
  const std::string file = bed.folder.file("proxy", "push:hunter2\n");
  CHECK(bed.send({{"url", bed.proxy.url()}, {"credentials_file", file}}) == kUnreachable);
  CAPTURE(bed.err, bed.out);
  CHECK(bed.err.contains("proxy " + bed.proxy.proxy().authority() + " answered 407"));
  CHECK(bed.err.contains("it refuses the credentials in proxy.credentials_file"));
  CHECK_FALSE((bed.err + bed.out).contains("hunter2"));
  CHECK(Json::parse(bed.out, nullptr, false)[0]["outcome"]["code"] == "connection_lost");
  CHECK(bed.proxy.tunnels() == 0);
}

TEST_CASE("proxy options: a worker goes through it, with its credentials", "[app][proxy][worker]") {
  SendBed bed(Vendor::Fcm);
  const auto cluster = kafka::EmbeddedBroker::start(
      {{"offline", 1}, {"results", 1}, {"dead", 1}, {"late1", 1}, {"late2", 1}, {"late3", 1}, {"late4", 1}});
  REQUIRE(cluster);
  const std::string file = bed.folder.file("proxy", "push:s3cret\n");
  auto config = load_config(bed.config_file({{"url", bed.proxy.url()}, {"credentials_file", file}}));
  REQUIRE(config);
  config->consumer.kafka.brokers = config->producer.kafka.brokers = (*cluster)->brokers();
  config->topics.offline = "offline";
  config->topics.results = "results";
  config->topics.dead = "dead";
  config->topics.retry = {"late1", "late2", "late3", "late4"};

  const SystemClock clock;
  const Json event = {{"event_id", "e1"},
                      {"app_id", 1400000001},
                      {"occurred_at", to_ms(clock.wall())},
                      {"expires_at", to_ms(clock.wall()) + 3'600'000},
                      {"kind", "c2c"},
                      {"from", {{"user_id", "denny"}}},
                      {"message", {{"id", "m1"}, {"elements", {{{"type", "text"}, {"text", "hello"}}}}}},
                      {"to", {{{"user_id", "vinson"}}}}};
  {
    kafka::ProducerMetrics metrics;
    auto producer = kafka::Producer::start({.kafka = config->producer.kafka}, [](Error) {}, metrics);
    REQUIRE(producer);
    (*producer)->produce(nullptr, "offline", "vinson", event.dump());
    REQUIRE((*producer)->flush(milliseconds(30'000)));
  }
  std::ostringstream said;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  {
    const Served served(bed.loop);
    auto worker = Worker::start(*config, clock, log, {[] {}, [](const Error&) {}});
    REQUIRE(worker);
    CHECK(kafka::test::within(milliseconds(30'000), [&] {
      return (*worker)->metrics().shards.front().dispatch.outcomes[std::size_t(OutcomeKind::Accepted)].read() == 1;
    }));
    CHECK((*worker)->drain());
  }
  CAPTURE(said.str());
  CHECK(bed.proxy.tunnels() == 2);  // to the vendor and to its token endpoint
  CHECK(bed.proxy.heads().size() == 2);
  CHECK_FALSE(said.str().contains("s3cret"));
}

}  // namespace nightpost::app
