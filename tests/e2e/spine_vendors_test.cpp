// All eight vendors at once: real Kafka, the release binary, the simulators.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <set>

#include "e2e/spine_bed.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kMembersEach = 1250;

struct VendorsBed : Bed {
  support::SandboxProcess sandbox{program(), {}, folder};
  const std::vector<std::string> vendors = support::all_vendors();
  std::string config = nightpost.config("worker.json", names);

  VendorsBed() {
    for (std::size_t i = 0; i < vendors.size(); ++i) {
      const std::int64_t certificate = support::add_vendor_certificate(nightpost, config, vendors[i], sandbox, folder);
      support::add_vendor_users(nightpost.store_path(), certificate, vendors[i], i * kMembersEach, kMembersEach);
    }
  }
  /// Requests by path, token endpoints left out.
  std::map<std::string, int> pushes(std::string_view vendor) const {
    std::map<std::string, int> paths;
    for (const json& request : sandbox.requests(vendor)) {
      const std::string path = request.at("path");
      if (path.find("token") == std::string::npos && path.find("auth") == std::string::npos) ++paths[path];
    }
    return paths;
  }
  int push_count(std::string_view vendor) const {
    int all = 0;
    for (const auto& [path, count] : pushes(vendor)) all += count;
    return all;
  }
};

TEST_CASE("one group event to ten thousand members of all vendors", "[e2e][vendors]") {
  VendorsBed bed;
  support::Nightpost::Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(worker.ready(30s));
  const std::size_t members = kMembersEach * bed.vendors.size();
  bed.topics.produce(bed.names.offline, "group", support::group_event_json("everybody", 0, members));
  bed.topics.flush(30s);
  REQUIRE(bed.committed(1, 60s));

  std::map<std::string, int> accepted;
  std::set<std::string> users;
  for (const json& outcome : bed.outcomes()) {
    CHECK(users.insert(outcome.at("user_id")).second);
    if (outcome.at("outcome") != "accepted") FAIL_CHECK(outcome.dump());
    ++accepted[outcome.at("vendor")];
  }
  CHECK(users.size() == members);
  CHECK(bed.topics.size(bed.names.dead) == 0);
  for (const std::string& vendor : bed.vendors) {
    CAPTURE(vendor);
    CHECK(accepted[vendor] == int(kMembersEach));
  }
  // 1250 devices each: one by one at Apple and Google, by the thousand elsewhere, by the hundred at Meizu; OPPO and
  // vivo store the content first.
  const std::map<std::string, int> fewest = {{"huawei", 2}, {"honor", 2}, {"xiaomi", 2},
                                             {"oppo", 3},   {"vivo", 3},  {"meizu", 13}};
  for (const auto& [vendor, count] : fewest) {
    CAPTURE(vendor, json(bed.pushes(vendor)).dump());
    CHECK(bed.push_count(vendor) == count);
  }
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

TEST_CASE("a message to one phone of each vendor", "[e2e][vendors]") {
  VendorsBed bed;
  support::Nightpost::Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(worker.ready(30s));
  for (std::size_t i = 0; i < bed.vendors.size(); ++i)
    bed.topics.produce(bed.names.offline, bed.vendors[i],
                       support::event_json("to-" + bed.vendors[i], i * kMembersEach));
  bed.topics.flush(30s);
  REQUIRE(bed.committed(std::int64_t(bed.vendors.size()), 60s));
  for (const json& outcome : bed.outcomes()) {
    CAPTURE(outcome.dump());
    CHECK(outcome.at("outcome") == "accepted");
    CHECK(outcome.at("event_id") == "to-" + outcome.at("vendor").get<std::string>());
    CHECK_FALSE(outcome.at("vendor_id").get<std::string>().empty());
  }
  CHECK(bed.outcomes().size() == bed.vendors.size());
  for (const std::string& vendor : bed.vendors) {
    CAPTURE(vendor, json(bed.pushes(vendor)).dump());
    CHECK(bed.push_count(vendor) == 1);
  }
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

TEST_CASE("what vendors report afterwards becomes outcomes", "[e2e][vendors]") {
  Bed bed;
  const support::SandboxProcess sandbox(program(), {}, bed.folder);
  const std::string listen = "127.0.0.1:" + std::to_string(support::free_port());
  const std::string config = bed.nightpost.config("worker.json", bed.names, {{"receipts", {{"listen", listen}}}});
  const std::vector<std::string> vendors = {"xiaomi", "oppo", "vivo", "meizu"};
  const std::string key_file = bed.folder.write("receipt.key", "0123456789abcdef0123456789abcdef");
  for (std::size_t i = 0; i < vendors.size(); ++i) {
    const std::string url = "http://" + listen + "/receipts/" + vendors[i] + "/" + std::to_string(i + 1);
    // Meizu sends the key as a field of its own; the others have nothing but the URL.
    const bool in_url = vendors[i] != "meizu";
    const std::int64_t certificate = support::add_vendor_certificate(
        bed.nightpost, config, vendors[i], sandbox, bed.folder,
        {"--receipt-key-file", key_file, "--set", "receipt_url=" + url + (in_url ? "?key={key}" : "")});
    REQUIRE(certificate == std::int64_t(i) + 1);
    support::add_vendor_users(bed.nightpost.store_path(), certificate, vendors[i], i, 1);
    sandbox.teach({{"vendor", vendors[i]},
                   {"receipts",
                    {{"url", url + (in_url ? "?key=0123456789abcdef0123456789abcdef" : "")},
                     {"key", "0123456789abcdef0123456789abcdef"}}}});
  }
  support::Nightpost::Worker worker(bed.nightpost, "worker", config);
  REQUIRE(worker.ready(30s));
  for (std::size_t i = 0; i < vendors.size(); ++i)
    bed.topics.produce(bed.names.offline, vendors[i], support::event_json("to-" + vendors[i], i));
  bed.topics.flush(30s);
  CHECK(
      support::eventually(30s, [&] { return bed.topics.size(bed.names.results) >= std::int64_t(2 * vendors.size()); }));
  std::map<std::string, std::set<std::string>> kinds;
  for (const json& outcome : bed.outcomes()) {
    CAPTURE(outcome.dump());
    CHECK(outcome.at("event_id") == "to-" + outcome.at("vendor").get<std::string>());
    CHECK(outcome.at("device_id") == "phone");
    kinds[outcome.at("vendor")].insert(outcome.at("outcome"));
  }
  CAPTURE(worker.log());
  for (const std::string& vendor : vendors) {
    CAPTURE(vendor);
    CHECK(kinds[vendor] == std::set<std::string>{"accepted", "delivered"});
  }
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e
