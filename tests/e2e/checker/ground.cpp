#include "e2e/checker/ground.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "support/postgres_server.h"
#include "support/redis_server.h"

namespace nightpost::e2e::checker {
namespace {

using namespace std::chrono_literals;

constexpr support::milliseconds kReturnWait = 500ms;
const nlohmann::json kSection = {
    {"ack_timeout_ms", 300}, {"return_wait_ms", kReturnWait.count()}, {"recall_window_ms", 3'600'000}};

struct Stores {
  support::PostgresServer database{{"fsync=off"}};
  support::RedisServer redis;
  const std::string url = database.new_database();
};

class TwoNodes : Stores, public Ground {
 public:
  TwoNodes() : Ground(2, url) {
    for (std::size_t i = 0; i < nodes(); ++i) start(i);
    for (std::size_t i = 0; i < nodes(); ++i)
      REQUIRE(support::eventually(20s, [&] { return node(i)->metric("nightpost_im_peers") == 1; }, 50ms));
  }
  bool has_more() const override { return true; }
  void take_store() override { database.stop(); }
  void give_store() override { database.start(); }
  void take_redis() override { redis.stop(); }
  void give_redis() override { redis.start(); }
  bool all_settled() override {
    const std::string rows = "SELECT (SELECT count(*) FROM im_intents) + (SELECT count(*) FROM im_group_intents)";
    return Ground::all_settled() && support::PostgresClient(url).text(rows) == "0";
  }

 private:
  nlohmann::json section(std::size_t i) override {
    return {{"node_name", i == 0 ? "north" : "south"},
            {"node_lease_ms", 3'000},
            {"redis", {{"url", redis.url()}, {"lease_ms", 1'000}, {"command_timeout_ms", 500}}}};
  }
};

}  // namespace

Ground::Ground(std::size_t nodes, const std::string& store_url)
    : bed(kSection, store_url), store_url_(store_url), nodes_(nodes), logs_(nodes) {}

void Ground::start(std::size_t i) {
  const std::string name = "node" + std::to_string(i);
  nlohmann::json im = bed.im_section(kSection), sections;
  im.merge_patch(section(i));
  sections["im"] = im;
  if (!store_url_.empty()) sections["store"] = {{"url", store_url_}};
  logs_[i] = bed.folder.file(name + "-" + std::to_string(++starts_) + ".log");
  nodes_[i] = std::make_unique<ImProcess>(bed.nightpost.config(name + ".json", bed.names, sections),
                                          bed.folder.file(name + ".ready"), logs_[i]);
  started_at_ = std::chrono::steady_clock::now();
}

void Ground::kill(std::size_t i) {
  if (!nodes_[i]->process().running()) return check_alive();  // it ended by itself, before
  nodes_[i]->process().signal(SIGKILL);
  CHECK(nodes_[i]->process().wait(10s) == 128 + SIGKILL);
  nodes_[i].reset();
  ++deaths_;
}

void Ground::check_alive() {
  for (std::size_t i = 0; i < nodes(); ++i) {
    if (!nodes_[i] || nodes_[i]->process().running()) continue;
    const std::string log = support::read_file(logs_[i]);
    INFO(log.substr(log.size() - std::min<std::size_t>(log.size(), 2'000)));
    CHECK(log.contains("im.store_lost"));
    nodes_[i].reset();
    ++deaths_;
  }
}

std::size_t Ground::alive() const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes_, [](const auto& node) { return node != nullptr; }));
}

bool Ground::all_settled() {
  // One that has just begun has not taken up yet what was left.
  if (std::chrono::steady_clock::now() < started_at_ + 2 * kReturnWait) return false;
  const auto holds_none = [](const auto& node) {
    return !node ||
           (node->metric("nightpost_im_intents_held") == 0 && node->metric("nightpost_im_group_intents_held") == 0);
  };
  return std::ranges::all_of(nodes_, holds_none);
}

void Ground::restart_broker() {
  wait_for_broker();
  broker_ = std::async(std::launch::async, [this] { bed.broker.restart(); });
}

void Ground::wait_for_broker() {
  if (broker_.valid()) broker_.get();
}

std::unique_ptr<Ground> make_ground(std::size_t nodes) {
  if (nodes == 2) return std::make_unique<TwoNodes>();
  auto one = std::make_unique<Ground>(1);
  one->start(0);
  return one;
}

}  // namespace nightpost::e2e::checker
