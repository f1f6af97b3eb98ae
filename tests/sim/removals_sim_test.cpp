// Dead tokens by the hundred, and vendors that call the living dead: what is dead goes, who lives is told, and a fault
// costs few their token. Two shards that share a ledger, on manual time.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dispatch/dispatcher.h"
#include "dispatch/signer_ledger.h"
#include "sim/seeds.h"
#include "support/dispatch_world.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

class RemovalWorld {
 public:
  explicit RemovalWorld(std::uint64_t seed) : rng_(seed) {
    constexpr double kShares[] = {0.02, 0.3, 0.6, 0.8};
    dead_share_ = kShares[dice(std::size(kShares))];
    dead_first_ = dice(3) == 0;
    fault_at_ = dice(2) == 0 ? 2 + dice(2) : kNever;
    leak_percent_ = dice(2) == 0 ? 0 : 2;
    options_.jitter_seed = static_cast<std::uint32_t>(seed) + 1;
    options_.slots_alpha = 1e9;
    options_.credential_in_flight_first = options_.credential_in_flight_max;  // as if proven
    options_.silence = std::chrono::hours(1'000);                             // answers may wait
    for (Shard& shard : shards_)
      shard.dispatcher =
          std::make_unique<Dispatcher>(options_, shard.world, shard.world, shard.world, shard.world, shard.world.clock,
                                       shard.world.metrics, nullptr, nullptr, &ledger_);
    for (std::size_t i = 0; i < kUsers; ++i) {
      const std::string user = "u" + std::to_string(i);
      shard_of(user).world.add(user);
      if (dice(100) < static_cast<std::uint64_t>(dead_share_ * 100)) dead_.insert(user);
    }
  }

  void run() {
    for (std::size_t round = 0; round < kRounds; ++round) {
      play(round);
      if (fault_at_ == kNever && round == 2) must_be_clean();  // two do, unless the second begins with a hold
    }
    if (living_removed_ > 2 * options_.mass_removal_window) FAIL(words() << ": the fault took " << living_removed_);
    if (fault_at_ == kNever && living_removed_ > 0) FAIL(words() << ": somebody who lives lost the token");
    if (missed_ > 0) FAIL(words() << ": " << missed_ << " who live were not told");
    for (Shard& shard : shards_)
      if (shard.dispatcher->events_open() != 0) FAIL(words() << ": events are open");
  }

 private:
  static constexpr std::size_t kUsers = 200, kRounds = 5, kNever = 99;
  struct Shard {
    testing::World world;
    std::unique_ptr<Dispatcher> dispatcher;
    std::size_t removed_seen = 0;
    std::uint64_t records = 0;
  };

  std::uint64_t dice(std::uint64_t sides) { return rng_() % sides; }
  Shard& shard_of(const std::string& user) { return shards_[std::hash<std::string>{}(user) % std::size(shards_)]; }
  std::string words() const {
    return "dead " + std::to_string(dead_share_) + (dead_first_ ? ", first" : "") + ", fault at " +
           std::to_string(fault_at_) + ", " + std::to_string(leak_percent_) + " % leak";
  }

  /// A push for each user who still has a device; up to 30 in the air, answered in any order.
  void play(std::size_t round) {
    std::vector<std::string> users;
    for (std::size_t i = 0; i < kUsers; ++i)
      if (const std::string user = "u" + std::to_string(i); !gone_.contains(user)) users.push_back(user);
    std::ranges::shuffle(users, rng_);
    if (dead_first_)
      std::ranges::stable_partition(users, [&](const std::string& user) { return dead_.contains(user); });
    for (std::size_t at = 0; at < users.size();) {
      const std::size_t until = std::min(users.size(), at + 1 + dice(30));
      struct Sent {
        Shard* shard;
        std::size_t place;
        std::string user;
      };
      std::vector<Sent> air;
      for (; at < until; ++at) {
        Shard& shard = shard_of(users[at]);
        const std::string value = testing::event_for({users[at]}).dump();
        const Record record{RecordId{++shard.records}, "k", value, {}, {}};
        air.push_back({&shard, shard.world.sent.size(), users[at]});
        shard.dispatcher->accept(std::span(&record, 1));
        REQUIRE(shard.world.sent.size() == air.back().place + 1);
      }
      std::ranges::shuffle(air, rng_);
      for (const Sent& each : air) answer(each.shard->world, each.place, each.user, round);
      for (Shard& shard : shards_) forget_removed(shard);
    }
    const seconds pause(1 + static_cast<std::int64_t>(dice(600)));  // shards of a process have one clock
    for (Shard& shard : shards_) shard.world.clock.advance(pause);
  }

  void answer(testing::World& world, std::size_t place, const std::string& user, std::size_t round) {
    const bool lives = !dead_.contains(user);
    const bool called_dead = !lives || (round == fault_at_ && dice(100) >= leak_percent_);
    called_dead ? world.answer(410, "Unregistered", place) : world.answer(200, "id", place);
    if (!called_dead && world.outcomes.back()["rule"] != "accepted") ++missed_;
  }

  void forget_removed(Shard& shard) {
    for (; shard.removed_seen < shard.world.removed.size(); ++shard.removed_seen) {
      const std::string& removed = shard.world.removed[shard.removed_seen];
      const std::string user = removed.substr(0, removed.find('/'));
      shard.world.users[user].devices.clear();
      gone_.insert(user);
      if (!dead_.contains(user)) ++living_removed_;
    }
  }

  void must_be_clean() {
    for (const std::string& user : dead_)
      if (!gone_.contains(user)) FAIL(words() << ": " << user << " is dead and still there after three rounds");
  }

  std::mt19937_64 rng_;
  Options options_;
  SignerLedger ledger_;
  std::array<Shard, 2> shards_;
  double dead_share_ = 0;
  bool dead_first_ = false;
  std::size_t fault_at_ = kNever;  // the round in which the vendor calls nearly all dead
  std::uint64_t leak_percent_ = 0;
  std::set<std::string> dead_, gone_;
  std::size_t living_removed_ = 0, missed_ = 0;
};

}  // namespace

TEST_CASE("sim: a table is cleaned of the dead, and a vendor's fault takes few of the living", "[sim][dispatcher]") {
  const sim::Seeds seeds = sim::seeds_from_environment();
  const std::uint64_t count = std::max<std::uint64_t>(1, seeds.count / 250);  // each plays a thousand pushes
  for (std::uint64_t seed = seeds.first; seed < seeds.first + count; ++seed) {
    INFO("SIM_SEED=" << seed);
    RemovalWorld(seed).run();
  }
}
