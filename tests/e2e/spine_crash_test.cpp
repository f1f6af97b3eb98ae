// Workers die, come, go, and the broker goes away in between: nothing is lost, and what is repeated can be recognised.
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>
#include <optional>
#include <random>
#include <set>

#include "e2e/spine_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr std::size_t kEvents = 20'000;

std::uint64_t seed() {
  const char* named = std::getenv("NIGHTPOST_SEED");
  return named != nullptr ? std::stoull(named) : std::random_device{}();
}

/// What happens to the workers while events come.
enum class Blow { Kill, RestartBroker, GuestJoins, GuestLeaves };

class Story {
 public:
  Story(Bed& bed, std::uint64_t seed) : bed_(bed), random_(seed) {
    // A killed member is missed for the session's length; the default of 45 s makes a long test.
    config_ = bed.nightpost.config(
        "worker.json", bed.names,
        {{"kafka", {{"client", {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "1000"}}}}}});
    support::add_users(bed.nightpost.store_path(),
                       bed.nightpost.add_certificate(config_, bed.sink.origin(), bed.sink.ca_file()), kEvents);
  }

  void play() {
    std::vector<Blow> blows(5, Blow::Kill);
    blows.insert(blows.end(),
                 {Blow::RestartBroker, Blow::GuestJoins, Blow::GuestLeaves, Blow::GuestJoins, Blow::GuestLeaves});
    std::ranges::shuffle(blows, random_);
    start_host();
    for (std::size_t i = 0; i < blows.size(); ++i) {
      produce(kEvents / blows.size());
      support::pause_for(milliseconds(std::uniform_int_distribution(0, 400)(random_)));
      strike(blows[i]);
    }
    produce(kEvents - produced_);
    REQUIRE(host_->process().running());
    REQUIRE(bed_.committed(kEvents, 240s));
    if (guest_) leave(*guest_);
    leave(*host_);
  }

  int kills() const noexcept { return kills_; }

 private:
  void start_host() {
    host_.emplace(bed_.nightpost, "host-" + std::to_string(++started_), config_);
    REQUIRE(host_->ready(60s));
  }

  void produce(std::size_t count) {
    for (const std::size_t end = produced_ + count; produced_ < end; ++produced_)
      bed_.topics.produce(bed_.names.offline, support::user_name(produced_),
                          support::event_json("crash-" + std::to_string(produced_), produced_));
    bed_.topics.flush(60s);
  }

  void strike(Blow blow) {
    switch (blow) {
      case Blow::Kill:
        REQUIRE(host_->process().running());
        host_->process().signal(SIGKILL);
        REQUIRE(host_->process().wait(10s) == 128 + SIGKILL);
        ++kills_;
        start_host();
        break;
      case Blow::RestartBroker:
        bed_.broker.restart();
        break;
      case Blow::GuestJoins:
      case Blow::GuestLeaves:  // whichever comes first in this story: a guest comes, then goes
        if (guest_) {
          leave(*guest_);
          guest_.reset();
        } else {
          guest_.emplace(bed_.nightpost, "guest-" + std::to_string(++started_), config_);
          REQUIRE(guest_->ready(60s));
        }
        break;
    }
  }

  void leave(Worker& worker) {
    worker.process().signal(SIGTERM);
    const auto code = worker.process().wait(60s);
    CAPTURE(worker.log());
    REQUIRE(code == 0);
  }

  Bed& bed_;
  std::mt19937_64 random_;
  std::string config_;
  std::optional<Worker> host_, guest_;
  std::size_t produced_ = 0;
  int started_ = 0, kills_ = 0;
};

TEST_CASE("five kills, a broker restart and guests: nothing lost, repeats recognisable", "[e2e][spine]") {
  const std::uint64_t chosen = seed();
  std::cerr << "NIGHTPOST_SEED=" << chosen << std::endl;
  CAPTURE(chosen);
  Bed bed(4 * kEvents);
  Story story(bed, chosen);
  story.play();
  CHECK(story.kills() == 5);

  // Nothing lost: each event has its outcome, each phone its push.
  std::map<std::string, int> outcomes;
  for (const nlohmann::json& outcome : bed.outcomes()) {
    CHECK(outcome.at("outcome") == "accepted");
    ++outcomes[outcome.at("event_id")];
  }
  CHECK(outcomes.size() == kEvents);
  CHECK(bed.topics.size(bed.names.dead) == 0);
  const support::Sink::Stats stats = bed.sink.stats();
  CHECK(stats.distinct == kEvents);

  // Little repeated, and under the same names: the phone shows it once.
  struct Names {
    std::string collapse_id, apns_id;
  };
  std::map<std::string, Names> by_token;
  const auto seen = bed.sink.seen();
  REQUIRE(seen.size() == stats.requests);
  std::size_t strangers = 0;
  for (const auto& request : seen) {
    const auto [first, is_new] = by_token.emplace(request.token, Names{request.collapse_id, request.apns_id});
    const bool same = first->second.collapse_id == request.collapse_id && first->second.apns_id == request.apns_id;
    if (request.collapse_id.empty() || (!is_new && !same)) ++strangers;
  }
  CHECK(strangers == 0);
  std::cerr << stats.requests - stats.distinct << " of " << kEvents << " pushes repeated after " << story.kills()
            << " kills, a broker restart and rebalances" << std::endl;
}

}  // namespace
}  // namespace nightpost::e2e
