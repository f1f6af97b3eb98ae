// The ground of tests whose workers' store is a real PostgreSQL.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "e2e/spine_bed.h"
#include "store/postgres.h"
#include "support/postgres_server.h"

namespace nightpost::e2e {

/// The bed, and a server of its own that is the store.
struct PostgresBed : Bed {
  /// `user` other than "postgres": a role that owns the database and is nothing else, as in production.
  explicit PostgresBed(std::size_t users, const std::string& user = "postgres",
                       std::vector<std::string> settings = {"fsync=off"})
      : Bed(8'000), server(std::move(settings)), url(database_of(user)) {
    config = nightpost.config("worker.json", names, {{"store", {{"url", url}}}});
    certificate = nightpost.add_certificate(config, sink.origin(), sink.ca_file());
    store = open();
    support::add_users(*store, certificate, users);
  }
  std::unique_ptr<store::Store> open() const {
    auto opened = store::open_postgres(url, nullptr);
    if (!opened) throw std::runtime_error(opened.error().detail);
    return *std::move(opened);
  }
  /// One event to each of the users [first, first + count).
  void produce(std::size_t first, std::size_t count) {
    for (std::size_t user = first; user < first + count; ++user, ++events)
      topics.produce(names.offline, support::user_name(user),
                     support::event_json("pg-" + std::to_string(events), user));
    topics.flush(std::chrono::seconds(60));
  }
  /// Every event was accepted by the vendor, and none is a dead letter.
  void expect_nothing_lost() {
    std::set<std::string> done;
    for (const nlohmann::json& outcome : outcomes())
      if (outcome.at("outcome") == "accepted") done.insert(outcome.at("event_id"));
    CHECK(done.size() == events);
    CHECK(topics.size(names.dead) == 0);
  }
  std::size_t accepted() {
    std::size_t count = 0;
    for (const nlohmann::json& outcome : outcomes()) count += outcome.at("outcome") == "accepted" ? 1 : 0;
    return count;
  }
  /// A connection of the superuser's.
  support::PostgresClient admin() const { return support::PostgresClient(server.address("postgres")); }

  support::PostgresServer server;
  std::string url, config;
  std::int64_t certificate = 0;
  std::unique_ptr<store::Store> store;
  std::size_t events = 0;

 private:
  std::string database_of(const std::string& user) {
    const std::string of_superuser = server.new_database();
    if (user == "postgres") return of_superuser;
    support::PostgresClient client(of_superuser);
    const std::string name = client.text("SELECT current_database()");
    client.run("CREATE ROLE " + user + " LOGIN");
    client.run("ALTER DATABASE " + name + " OWNER TO " + user);
    return server.address(name, user);
  }
};

inline std::string readyz(const std::string& http) {
  return support::run_command({"curl", "--silent", http + "/readyz"}, support::milliseconds(10'000)).out;
}
inline bool readyz_says(const std::string& http, const std::string& word) {
  return support::eventually(
      std::chrono::seconds(60), [&] { return readyz(http).find(word) != std::string::npos; },
      support::milliseconds(50));
}

inline void leave(support::Nightpost::Worker& worker) {
  worker.process().signal(SIGTERM);
  const auto code = worker.process().wait(std::chrono::seconds(60));
  CAPTURE(worker.log());
  REQUIRE(code == 0);
}

}  // namespace nightpost::e2e
