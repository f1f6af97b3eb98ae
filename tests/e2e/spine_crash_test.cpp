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

constexpr std::size_t kEventsOffered = 20'000;
constexpr int kPartitions = 40;  // eight of the offline topic in Bed and of each delay topic

std::uint64_t chosen_seed() {
  const char* named = std::getenv("NIGHTPOST_SEED");
  const std::uint64_t seed = named != nullptr ? std::stoull(named) : std::random_device{}();
  std::cerr << "NIGHTPOST_SEED=" << seed << std::endl;
  return seed;
}

/// What happens while events come. A guest is a second worker: it comes, and at the next Guest it goes.
enum class Blow { Kill, RestartBroker, Guest };

class Story {
 public:
  Story(Bed& bed, std::uint64_t seed) : bed_(bed), random_(seed) {
    config_ = bed.nightpost.config("worker.json", bed.names);
    support::add_users(bed.nightpost.store_path(),
                       bed.nightpost.add_certificate(config_, bed.sink.origin(), bed.sink.ca_file()), kEventsOffered);
  }

  /// Events in as many bursts as there are blows, each blow at a moment of its own within or after its burst.
  void play(std::vector<Blow> blows) {
    std::ranges::shuffle(blows, random_);
    start_host();
    for (const Blow blow : blows) {
      produce(kEventsOffered / blows.size());
      support::pause_for(milliseconds(std::uniform_int_distribution(0, 400)(random_)));
      strike(blow);
    }
    produce(kEventsOffered - produced_);
    REQUIRE(host_->process().running());
    REQUIRE(bed_.committed(kEventsOffered, 240s));
    if (guest_) leave(*guest_);
    leave(*host_);
  }

  /// A guest comes in the middle of a burst and takes over partitions; in the middle of the next it goes. `times` over.
  void host_a_guest(std::size_t times) {
    start_host();
    REQUIRE(holds(*host_, kPartitions));
    for (std::size_t i = 0; i < times; ++i) {
      produce(kEventsOffered / times / 2);
      guest_.emplace(bed_.nightpost, "guest-" + std::to_string(++started_), config_);
      REQUIRE(guest_->ready(60s));
      REQUIRE(holds(*guest_, kPartitions / 2));
      REQUIRE(holds(*host_, kPartitions / 2));
      produce(kEventsOffered / times / 2);
      leave(*guest_);
      guest_.reset();
      REQUIRE(holds(*host_, kPartitions));
    }
    produce(kEventsOffered - produced_);
    REQUIRE(bed_.committed(kEventsOffered, 60s));
    leave(*host_);
  }

  /// Nothing lost: each event has its outcome, each phone its push.
  void check_nothing_lost() {
    std::set<std::string> done;
    std::size_t others = 0;
    for (const nlohmann::json& outcome : bed_.outcomes()) {
      others += outcome.at("outcome") != "accepted";
      done.insert(outcome.at("event_id"));
    }
    CHECK(done.size() == kEventsOffered);
    CHECK(others == 0);
    CHECK(bed_.topics.size(bed_.names.dead) == 0);
    CHECK(bed_.sink.stats().distinct == kEventsOffered);
  }

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
        start_host();
        break;
      case Blow::RestartBroker:
        bed_.broker.restart();
        break;
      case Blow::Guest:
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

  static bool holds(Worker& worker, int partitions) {
    return support::eventually(
        60s, [&] { return metric(worker, "nightpost_kafka_partitions_assigned") == partitions; }, 50ms);
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
  int started_ = 0;
};

TEST_CASE("five kills, a broker restart and guests: nothing lost, repeats recognisable", "[e2e][spine]") {
  const std::uint64_t seed = chosen_seed();
  CAPTURE(seed);
  Bed bed(4 * kEventsOffered);
  Story story(bed, seed);
  story.play({Blow::Kill, Blow::Kill, Blow::Kill, Blow::Kill, Blow::Kill, Blow::RestartBroker, Blow::Guest, Blow::Guest,
              Blow::Guest, Blow::Guest});
  story.check_nothing_lost();

  // A repeat carries the names of the first: the phone shows it once.
  struct Names {
    std::string collapse_id, apns_id;
  };
  std::map<std::string, Names> by_token;
  const support::Sink::Stats stats = bed.sink.stats();
  const auto seen = bed.sink.seen();
  REQUIRE(seen.size() == stats.requests);
  std::size_t strangers = 0;
  for (const auto& request : seen) {
    const auto [first, is_new] = by_token.emplace(request.token, Names{request.collapse_id, request.apns_id});
    const bool same = first->second.collapse_id == request.collapse_id && first->second.apns_id == request.apns_id;
    if (request.collapse_id.empty() || (!is_new && !same)) ++strangers;
  }
  CHECK(strangers == 0);
  std::cerr << stats.requests - stats.distinct << " of " << kEventsOffered << " pushes repeated" << std::endl;
}

TEST_CASE("a guest comes and goes under load: nothing lost, nothing repeated", "[e2e][spine]") {
  const std::uint64_t seed = chosen_seed();
  CAPTURE(seed);
  Bed bed;
  Story story(bed, seed);
  // Each change is complete before the next: a member that goes while the group still reshuffles is a crash to the
  // others, and what they cannot commit meanwhile is repeated.
  story.host_a_guest(3);
  story.check_nothing_lost();
  CHECK(bed.sink.stats().requests == kEventsOffered);
  CHECK(bed.topics.size(bed.names.results) == kEventsOffered);
}

}  // namespace
}  // namespace nightpost::e2e
