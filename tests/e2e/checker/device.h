// A phone at random: it connects, syncs, asks one thing at a time until that is answered, takes what is delivered, and
// keeps what it was shown and what it acknowledged, for others to judge.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/im_client.h"

namespace nightpost::e2e::checker {

using nlohmann::json;
using support::ImClient;

/// A request that is asked until it is answered.
struct Wish {
  std::string op;
  json body;
  std::function<void()> asked = [] {};
  std::function<void(const json& answer)> answered;
  bool tried = false;  // it was asked, so it may have happened unanswered
};

/// What a connection was shown of groups, from a sync on.
struct GroupsShown {
  std::map<std::string, std::int64_t> known;              // of each group that he was in: its head by the sync
  std::map<std::string, std::vector<std::int64_t>> live;  // as they came
  std::uint64_t round = 0;                                // how often the heads had been seen before the sync ended
};

class Device {
 public:
  Device(std::string user_in, std::string platform_in);

  const std::string user, platform, name;
  std::deque<Wish> wishes;
  bool frozen = false;
  bool away = false;  // for good

  bool connected() const { return client_ != nullptr; }
  /// False: nobody is there, or is busy.
  bool connect(std::uint16_t port, const json& hello);
  /// Syncs from the beginning and acknowledges that. False: the connection is gone.
  bool sync();
  void lose() { client_.reset(), open_.reset(); }  // the network is gone

  /// Asks the first wish.
  void ask(bool answer_gets_lost);
  void hear_answer();
  /// Takes what was delivered. False: it is behind, and has to sync.
  bool look(bool acknowledges);

  /// Live, on any connection.
  bool was_shown(const std::string& id) const { return shown_.contains(id); }

  std::set<std::string> acknowledged;               // messages whose frames were
  std::map<std::string, std::int64_t> groups_kept;  // by conversation: as far as acknowledged syncs have told
  std::vector<GroupsShown> groups_shown;            // by connection

 private:
  void take(const json& frame);
  void take_message(const json& message, bool known);
  void acknowledge();

  std::unique_ptr<ImClient> client_;
  std::optional<std::int64_t> open_;          // the request that is asked
  std::int64_t pos_ = 0, ver_ = 0;            // of the last deliver frame
  std::int64_t said_ = 0;                     // the last pos that was acknowledged
  std::set<std::string> shown_;               // live, over all connections
  std::map<std::string, std::int64_t> seqs_;  // of this connection: the last one of each conversation
  std::set<std::string> unsaid_;              // shown, not acknowledged
};

inline std::int64_t seq_of(const std::string& id) { return std::stoll(id.substr(id.find('-') + 1)); }
inline std::string conv_of(const std::string& id) { return id.substr(0, id.find('-')); }

}  // namespace nightpost::e2e::checker
