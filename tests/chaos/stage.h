// The ground of a chaos run: Kafka, the sandbox behind relays, a store with users of every vendor, and the workers
// under test with whoever starts them again. Used from one thread; ends all it started.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chaos/book.h"
#include "chaos/relay.h"
#include "chaos/schedule.h"
#include "chaos/verdict.h"
#include "support/process.h"
#include "support/spine/broker.h"
#include "support/spine/rig.h"
#include "support/spine/topics.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::chaos {

inline constexpr std::size_t kUsersEach = 200;
inline constexpr int kPartitions = 8;

/// A member of the fleet: a worker, and the next one in its place when it ends.
class Member {
 public:
  Member(const support::Nightpost& nightpost, std::string name, std::string config);
  void start();
  bool up() { return worker_ && worker_->process().running(); }
  support::Nightpost::Worker& worker() { return *worker_; }
  void kill();
  /// SIGTERM; the exit code, nullopt: it did not end.
  std::optional<int> leave(support::milliseconds patience);
  /// It ended although nobody told it to: why, and it is started again. While `excused` that is no fault.
  std::optional<std::string> look_after(bool excused);
  const std::string& name() const noexcept { return name_; }
  /// Log lines that name a bug or a fatal end, of all its workers so far; read once.
  std::uint64_t bugs() const;

 private:
  const support::Nightpost& nightpost_;
  std::string name_, config_;
  int generation_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::optional<support::Nightpost::Worker> worker_;
};

class Stage {
 public:
  Stage(const std::string& program, const Form& form);
  ~Stage();

  /// Both members hold partitions.
  void start_fleet();
  Relay& line(VendorNumber vendor) { return *lines_.at(vendor); }
  Relay& proxy() { return *proxy_; }
  void script(const std::vector<nlohmann::json>& rules);
  /// All lines well, no script.
  void mend();

  // What a blow needs, each undone by its counterpart.
  void trust(VendorNumber vendor, bool trusted);
  void refuse_results(bool refused);
  /// Of a cluster one is lost (which, says `dice`), and 8 s later it is back; else the only one restarts.
  void restart_broker(std::uint64_t dice);
  const std::string& brokers() const noexcept { return brokers_; }
  void lock_store(bool locked);
  void hide_store(bool hidden);  // its folder is none
  bool can_fill_store() const noexcept { return disk_; }
  void fill_store(bool full);

  std::int64_t uncommitted();
  /// The values of what nobody has finished yet in the delay topics.
  void each_waiting(const std::function<void(std::string_view event)>& take);
  support::Topics& topics() { return topics_; }
  const support::Nightpost::Names& names() const noexcept { return names_; }

  const std::vector<std::string> vendors = support::all_vendors();
  support::TempFolder folder{"chaos"};
  std::unique_ptr<support::SandboxProcess> sandbox;
  std::vector<std::unique_ptr<Member>> members;  // two; the second one's way to the vendors is the proxy
  std::unique_ptr<Member> guest;

 private:
  std::string store_folder() const { return folder.file("store-disk"); }
  std::string store_path() const { return folder.file("store/store.db"); }
  nlohmann::json config_changes(bool with_proxy) const;

  Form form_;
  std::unique_ptr<support::Broker> broker_;    // either
  std::unique_ptr<support::Cluster> cluster_;  // or
  std::string brokers_;
  const support::Nightpost::Names names_{
      .group = "chaos", .offline = "chaos.offline", .results = "chaos.results", .dead = "chaos.dead"};
  support::Topics topics_;
  bool disk_ = false;  // the store has a disk of its own
  support::TempFolder foreign_folder_{"chaos-foreign"};
  std::unique_ptr<support::SandboxProcess> foreign_;  // another authority's server
  support::Nightpost nightpost_;
  Relays relays_;
  std::vector<std::unique_ptr<Relay>> lines_;
  std::unique_ptr<Relay> proxy_;
  std::optional<support::Process> locker_;
};

/// Before any thread is started: a mount namespace of our own, so that the store's disk can be small. False if the
/// system does not let us.
bool own_mounts();

}  // namespace nightpost::chaos
