// What one worker or a command changes in a PostgreSQL store is used by another worker after two looks of its feed.
// The workers are of two groups, so that both have the same receivers in their caches.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "core/time.h"
#include "e2e/spine_postgres_bed.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr std::size_t kChangedPhones = 10;  // the even ones by the vendor's answer, the odd ones by a command

struct ChangesBed : Bed {
  ChangesBed() : url(server.new_database()) {
    topics.create(other.offline, 8);
    topics.create(other.results, 4);
    topics.create(other.dead, 1);
    const auto config_of = [&](const std::string& name, const support::Nightpost::Names& of) {
      // The delay topics' own names too: else each group would serve what the other puts off.
      for (const auto& topic : support::retry_topics(of.group)) topics.create(topic.get<std::string>(), 1);
      return nightpost.config(name + ".json", of,
                              {{"store", {{"url", url}}}, {"kafka", {{"topics", support::retry_topics(of.group)}}}});
    };
    config = config_of("one", names);
    other_config = config_of("two", other);
    certificate = nightpost.add_certificate(config, sandbox.url("apns"), sandbox.ca_file());
    auto opened = store::open_postgres(url, nullptr);
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = *std::move(opened);
    support::add_users(*store, certificate, kChangedPhones);
  }
  /// An event to each of these users, waited for.
  void push(const support::Nightpost::Names& of, std::size_t first, std::size_t count = 1) {
    for (std::size_t user = first; user < first + count; ++user)
      topics.produce(of.offline, support::user_name(user), support::event_json("c-" + std::to_string(events++), user));
    topics.flush(60s);
    const std::int64_t all = topics.size(of.offline);
    REQUIRE(support::eventually(60s, [&] { return topics.committed(of.group, of.offline) >= all; }, 20ms));
  }
  std::size_t pushes_to(std::size_t user) const {
    std::size_t count = 0;
    for (const auto& request : sandbox.requests("apns"))
      count += request.at("path").get<std::string>().ends_with(support::user_token(user)) ? 1 : 0;
    return count;
  }
  bool has_phone(std::size_t user) {
    const auto rows = store->devices(AppId{support::kFleetApp}, support::user_name(user), 10);
    REQUIRE(rows);
    return !rows->empty();
  }

  const support::Nightpost::Names other{
      .group = "other", .offline = "other.offline", .results = "other.results", .dead = "other.dead"};
  support::PostgresServer server{{"fsync=off"}};
  support::SandboxProcess sandbox{program(), {"apns"}, folder};
  std::string url, config, other_config;
  std::int64_t certificate = 0;
  std::unique_ptr<store::Store> store;
  std::size_t events = 0;
};

/// Of the worker's lags, how many were at most so long.
double lags_within(const Worker& worker, const std::string& bound) {
  return metric(worker, "nightpost_store_change_lag_seconds_bucket{le=\"" + bound + "\"}");
}

/// The first bound of the histogram that so many were within.
std::string bound_of(const Worker& worker, double count) {
  for (const char* bound :
       {"0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"})
    if (lags_within(worker, bound) >= count) return bound;
  return "more than 10";
}

TEST_CASE("on PostgreSQL: what another worker or a command removed is used after two looks",
          "[e2e][spine][postgres][changes]") {
  ChangesBed bed;
  Worker one(bed.nightpost, "one", bed.config), two(bed.nightpost, "two", bed.other_config);
  REQUIRE(one.ready(60s));
  REQUIRE(two.ready(60s));
  bed.push(bed.names, 0, kChangedPhones);
  bed.push(bed.other, 0, kChangedPhones);
  for (std::size_t user = 0; user < kChangedPhones; ++user) REQUIRE(bed.pushes_to(user) == 2);

  for (std::size_t user = 0; user < kChangedPhones; ++user) {
    CAPTURE(user, one.log(), two.log());
    const bool by_vendor = user % 2 == 0;
    if (by_vendor) {
      const nlohmann::json gone = {
          {"match", {{"token", support::user_token(user)}}},
          {"act", {{"status", 410}, {"reason", "Unregistered"}, {"timestamp", to_ms(SystemClock().wall())}}}};
      bed.sandbox.script({{"rules", nlohmann::json::array({gone})}});
      bed.push(bed.names, user);
    } else {
      const support::Ran ran =
          bed.nightpost.run({"device", "remove", "--config", bed.config, "--app", std::to_string(support::kFleetApp),
                             "--user", support::user_name(user), "--device", "phone"});
      REQUIRE(ran.exit_code == 0);
    }
    REQUIRE(support::eventually(60s, [&] { return !bed.has_phone(user); }, 2ms));
    // The first of these looks may have begun before the removal was committed, the second did not.
    const double looks = metric(two, "nightpost_store_looks_total");
    REQUIRE(support::eventually(60s, [&] { return metric(two, "nightpost_store_looks_total") >= looks + 2; }, 5ms));
    bed.push(bed.other, user);
    CHECK(bed.pushes_to(user) == (by_vendor ? 3 : 2));  // nothing more by the other worker
  }
  const double count = metric(two, "nightpost_store_change_lag_seconds_count");
  CHECK(count >= static_cast<double>(kChangedPhones));
  CHECK(metric(two, "nightpost_resolve_invalidations_total") == 0);
  CHECK(bed.topics.size(bed.names.dead) + bed.topics.size(bed.other.dead) == 0);
  std::cerr << count << " looks with a change: heard of by another worker within p50 " << bound_of(two, count / 2)
            << " s, max " << bound_of(two, count) << " s of the commit; " << lags_within(two, "1")
            << " of them within 1 s" << std::endl;
  leave(one);
  leave(two);
}

}  // namespace
}  // namespace nightpost::e2e
