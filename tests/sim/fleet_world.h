// A seeded fleet of workers on manual time, from the broker to the vendors: partitions that move, workers that are
// killed, drained or shut out by their group, brokers that lose answers and refuse, vendors that do what they like.
// Everything between is real (fleet_member.h). It checks what must always hold while it happens, and at the end that
// every event is done; it throws Violation when not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dispatch/ports.h"
#include "sim/faulty_vendor.h"
#include "sim/fleet_log.h"
#include "sim/fleet_member.h"

namespace nightpost::sim {

struct FleetTally {
  std::uint64_t events = 0, pushes = 0, acts = 0, repeats = 0, members = 0;
  std::map<std::string, std::uint64_t, std::less<>> faults;
  void add(const FleetTally& other);
};

class FleetWorld final : private Clock, private dispatch::Directory, private dispatch::Credentials {
 public:
  explicit FleetWorld(std::uint64_t seed);
  /// Throws Violation.
  FleetTally run();

 private:
  struct Push {
    const FleetEvent* event = nullptr;
    std::string user, device;
    int accepted = 0;  // times that the vendor took it
  };

  WallTime wall() const noexcept override {
    return wall_from_ms(1'795'225'887'405) + std::chrono::duration_cast<milliseconds>(loop_.now().time_since_epoch());
  }
  MonoTime mono() const noexcept override { return loop_.now(); }
  void find(std::span<const ReceiverKey> keys, Found found) override;
  Result<bool> knows(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(true); }
  Result<std::shared_ptr<const dispatch::Route>> route(AppId app, CertificateId certificate) override;
  Result<std::shared_ptr<const Grant>> grant(const dispatch::Route& route, WallTime now) override;
  Result<std::shared_ptr<const Grant>> refresh(const dispatch::Route&, const Grant&, WallTime) override;

  void choose_limits();
  void make_users();
  void append_some();
  FleetEvent write_event();
  void check_sent(const HttpRequest& request);
  void act_on(const support::PeerRequest& asked);
  FaultyVendor::Answer answer(const support::PeerRequest& asked);
  FleetLog::At any_partition(std::uint32_t topic);
  FleetEvent& append_late(FleetEvent event);
  void check_outcome(const FleetEvent& event, std::string_view json) const;

  void start_member();
  void balance();
  void trouble_members();
  void kill(std::size_t index);
  void heal();
  void met(const char* fault) { ++tally_.faults[fault]; }

  std::mt19937_64 random_;
  support::ManualLoop loop_;
  support::MemoryNet net_{.loop = loop_, .random = random_, .settings = {}, .on_peer = {}};
  FaultyVendor vendor_{net_};
  FleetLog::Devices devices_;
  std::map<std::string, std::shared_ptr<const Receiver>, std::less<>> receivers_;
  std::vector<std::shared_ptr<const dispatch::Route>> routes_;
  std::shared_ptr<const Grant> grant_;
  std::unique_ptr<FleetLog> log_;
  std::unique_ptr<Fleet> fleet_;
  std::map<std::string, Push, std::less<>> pushes_;   // by push id
  unsigned store_down_ = 0, rejects_ = 0, late_ = 0;  // percent of calls; of answers; of events
  std::size_t to_append_ = 0, members_wanted_ = 1;
  std::uint64_t last_member_ = 0;
  bool healed_ = false;
  std::string violated_;  // inside the dispatcher, which lets no exception through
  FleetTally tally_;
  std::vector<std::unique_ptr<FleetMember>> members_;  // last: go first
};

}  // namespace nightpost::sim
