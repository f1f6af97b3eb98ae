// `nightpost doctor`, run as a user runs it: a store of its own, librdkafka's in-process broker, the sandbox as vendor.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/config.h"
#include "app/dev_account.h"
#include "app/output.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "kafka/producer.h"
#include "sandbox/sandbox.h"
#include "store/sealer.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

class Practice {
 public:
  Practice() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nightpost-doctor-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    auto started = kafka::EmbeddedBroker::start({{"offline", 4}, {"results", 1}, {"dead", 1}});
    REQUIRE(started);
    broker_ = *std::move(started);
    new_key();
    config_ = {
        {"kafka",
         {{"brokers", broker_->brokers()},
          {"topics", {{"offline", "offline"}, {"results", "results"}, {"dead", "dead"}, {"dead_marks", "marks"}}}}},
        {"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}}};
  }
  Practice(const Practice&) = delete;
  Practice& operator=(const Practice&) = delete;
  ~Practice() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void new_key() const {
    std::filesystem::remove(file("master.key"));
    std::ofstream(file("master.key")) << store::Sealer::new_key_text();
    std::filesystem::permissions(file("master.key"), std::filesystem::perms::owner_read);
  }
  std::unique_ptr<store::Store> open_store() {
    save();
    auto opened = app::open_store(*load_config(file("config.json")), true);
    REQUIRE(opened);
    return *std::move(opened);
  }
  support::CliRan run(std::vector<std::string> more = {}) {
    save();
    more.insert(more.begin(), {"doctor", "--config", file("config.json"), "--timeout", "2"});
    return support::run_cli(folder_, std::move(more));
  }
  /// Of `--json`: the finding of that area and worse than ok, whose words hold `what`; null: there is none.
  Json found(const std::string& area, const std::string& what, std::vector<std::string> more = {}) {
    more.emplace_back("--json");
    const auto ran = run(std::move(more));
    UNSCOPED_INFO(ran.out);
    for (const Json& each : Json::parse(ran.out)["findings"])
      if (each["area"] == area && each["what"].get<std::string>().contains(what)) return each;
    return nullptr;
  }
  Json& config() { return config_; }
  kafka::EmbeddedBroker& broker() { return *broker_; }

 private:
  void save() const { std::ofstream(file("config.json")) << config_; }
  std::string folder_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  Json config_;
};

TEST_CASE("doctor: a store that is not there, and is not made", "[app][doctor]") {
  Practice practice;
  const Json finding = practice.found("store", "is not there");
  CHECK(finding["health"] == "fault");
  CHECK(finding["todo"].get<std::string>().contains("cert add"));
  CHECK_FALSE(std::filesystem::exists(practice.file("store.db")));
  CHECK(practice.run().code == kNotAllWell);
}

TEST_CASE("doctor: credentials of another master key", "[app][doctor]") {
  Practice practice;
  auto account = make_dev_account(Vendor::Xiaomi);
  REQUIRE(account);
  account->certificate.app = AppId{1};
  account->certificate.name = "mi";
  account->certificate.host_override = "https://127.0.0.1:1";
  REQUIRE(practice.open_store()->add_certificate({account->certificate, account->secret}));
  CHECK(practice.found("credential", "opens")["health"] == "ok");
  const Json host = practice.found("vendor", "cannot be reached");
  CHECK(host["health"] == "fault");
  CHECK(host["subject"].get<std::string>().contains("https://127.0.0.1:1 (xiaomi)"));
  practice.new_key();
  CHECK(practice.found("credential", "sealed by master key")["health"] == "fault");
  CHECK(practice.found("vendor", "").is_null());  // what does not open sends nothing
}

/// One vendor's simulator on a thread of its own.
class Simulator {
 public:
  Simulator(Vendor vendor, bool accept_any) {
    auto started =
        sandbox::Sandbox::start(loop_, {.vendors = {std::string(name_of(vendor))}, .accept_any = accept_any});
    REQUIRE(started);
    sandbox_ = *std::move(started);
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Simulator() {
    loop_.stop();
    thread_.join();
  }
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;
  std::string url() const { return sandbox_->urls().begin()->second; }
  const std::string& ca_pem() const { return sandbox_->ca_pem(); }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_ = boost::asio::make_work_guard(loop_);
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::jthread thread_;
};

DevAccount account_at(Vendor vendor, const Simulator& simulator) {
  auto account = make_dev_account(vendor);
  REQUIRE(account);
  account->certificate.app = AppId{1};
  account->certificate.name = "shop";
  account->certificate.host_override = simulator.url();
  account->certificate.ca_pem = simulator.ca_pem();
  auto inspected = inspect_upload(account->certificate, account->secret, SystemClock().wall(), std::nullopt);
  REQUIRE(inspected);
  account->certificate = *std::move(inspected);
  return *std::move(account);
}

TEST_CASE("doctor: a vendor's host that answers, and one whose certificate does not pass", "[app][doctor]") {
  Practice practice;
  const Simulator simulator(Vendor::Apns, true);
  DevAccount account = account_at(Vendor::Apns, simulator);
  account.certificate.ca_pem.clear();
  const auto store = practice.open_store();
  const auto added = store->add_certificate({account.certificate, account.secret});
  REQUIRE(added);
  CHECK(practice.found("vendor", "does not pass")["health"] == "fault");
  account.certificate.ca_pem = simulator.ca_pem();
  REQUIRE(store->replace_certificate(added->id, {account.certificate, account.secret}));
  CHECK(practice.found("vendor", "reached")["health"] == "ok");
}

TEST_CASE("doctor: whether the vendor gives a grant, where that is asked for", "[app][doctor]") {
  Practice practice;
  const bool accepts = GENERATE(true, false);
  const Simulator simulator(Vendor::Huawei, accepts);
  const DevAccount account = account_at(Vendor::Huawei, simulator);
  REQUIRE(practice.open_store()->add_certificate({account.certificate, account.secret}));
  CHECK_FALSE(practice.found("credential", "no date of expiry")["what"].get<std::string>().contains("grant"));
  const Json asked = practice.found("credential", "grant", {"--online"});
  CHECK(asked["health"] == (accepts ? "ok" : "fault"));
  CHECK(asked["what"].get<std::string>().contains(accepts ? "the vendor gives a grant" : "gives no grant"));
}

TEST_CASE("doctor: topics that are missing or forbidden", "[app][doctor]") {
  Practice practice;
  CHECK(practice.found("kafka", "1 broker")["health"] == "ok");
  practice.broker().set_trouble("offline", kafka::Refusal::TopicMissing);
  practice.broker().set_trouble("dead", kafka::Refusal::Forbidden);
  practice.broker().set_trouble("marks", kafka::Refusal::TopicMissing);
  CHECK(practice.found("topic", "is not there")["subject"] == "offline");
  CHECK(practice.found("topic", "may not look")["subject"] == "dead");
  CHECK(practice.found("topic", "replay or drop makes it")["health"] == "ok");
}

TEST_CASE("doctor: exit codes", "[app][doctor]") {
  Practice practice;
  practice.config()["kafka"]["brokers"] = "127.0.0.1:1";
  const auto silent = practice.run();
  CHECK(silent.code == kUnreachable);
  CHECK(silent.out.contains("no broker answers"));
  practice.config()["kafka"]["brokers"] = practice.broker().brokers();
  std::ofstream(practice.file("store.db")) << std::string(10'000, 'x');
  CHECK(practice.run().code == kUnreachable);  // it is no store
  practice.config()["kafka"]["nonsense"] = 1;
  const auto bad = practice.run();
  CHECK(bad.code == kBadUsage);
  CHECK(bad.err.contains("kafka.nonsense: unknown key"));
}

}  // namespace
}  // namespace nightpost::app
