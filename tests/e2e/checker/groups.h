// The group half of the model: wishes at random, by whoever has the right and whoever has not; and what the logs, the
// histories, live frames, unread counts and events must say of the answers.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "e2e/checker/device.h"
#include "e2e/checker/dice.h"
#include "e2e/checker/events.h"
#include "e2e/checker/group_log.h"

namespace nightpost::e2e::checker {

class Groups {
 public:
  /// Each is made with all users as members, and the witness: he reads and does nothing.
  Groups(Dice& dice, std::deque<Device>& devices, std::string witness);

  /// By one of the users.
  void create(ImClient& client, const std::string& owner, const std::string& group, const std::string& type);
  void wish(Device& device);
  /// What all want most from now on: one user to speak in a group, all others to let him, or not.
  void wish_duel();
  /// All are members again, where the device's user can see to that;
  void wish_return(Device& device);
  /// he wants pushes of every group;
  void wish_pushes(Device& device);
  /// says something in each.
  void wish_sends(Device& device);
  std::vector<std::string> names() const;
  /// The heads as the witness sees them: after what was answered before, before what is asked from now on.
  void saw(const json& infos);
  void after_sync(Device& device) const { device.groups_shown.back().round = rounds_; }

  /// Reads the logs as the witness; nothing is asked any more. Judges every answer by them.
  void read_logs(ImClient& witness);
  void check_answers() const;
  /// Whether the device was shown all that it is to see.
  bool has_all(const Device& device) const;
  void check_live(const Device& device, bool may_miss) const;
  void check_histories(const std::string& user, ImClient& client, const json& synced, std::int64_t& total);
  void check_events(const Events& events, int repeats) const;
  std::size_t size() const { return sends_.size(); }

 private:
  struct Group {
    std::string id, conv;
    GroupState created;               // with its creation
    std::int64_t head = 0;            // as last seen
    std::vector<std::int64_t> heads;  // ... each time
    std::optional<GroupLog> log;
  };
  struct Send {
    std::shared_ptr<GroupRequest> request;
    std::string device;
    bool counts = true;
    std::vector<std::string> mentions, targets;
    std::int64_t seq = 0;  // once it is answered
  };
  /// From behind one seq up to another one, a user may have wanted no frames, or no pushes.
  struct Window {
    std::int64_t from, to;
  };
  using Done = std::function<void(const json& answer)>;

  // groups.cpp
  const std::string& some_user();
  Group& group(const std::string& id);
  static GroupRequest request_in(const Group& in, const std::string& op, json body = json::object());
  void want(Device& device, const std::string& wire_op, GroupRequest request, Done done = [](const json&) {});
  void wish_send(Device& device, const Group& in);
  void wish_recall(Device& device, const Group& in);
  void wish_read(Device& device, const Group& in);
  void wish_option(Device& device, const Group& in);
  void wish_of_members(Device& device, const Group& in);
  void wish_right(Device& device, const Group& in);
  void wish_against(Device& device, const Group& in, const std::string& user);

  // groups_check.cpp
  void check_log(const Group& in) const;
  void check_recalls(const Group& in) const;
  void check_pages(const Group& in, const std::string& user, ImClient& client) const;
  std::int64_t check_row(const Group& in, const std::string& user, const json& row);
  void check_mentions(const Group& in, const std::string& user, std::int64_t read, const json& row) const;
  std::int64_t begin_of(const Group& in, const Device& device, const GroupsShown& shown) const;
  std::vector<std::int64_t> missed(const Group& in, const Device& device, const GroupsShown& shown,
                                   std::int64_t to) const;
  bool is_shown_live(const Group& in, const Device& device, std::int64_t seq) const;
  bool may_be_off(const Group& in, const std::string& user, std::int64_t seq) const;
  bool is_due(const Group& in, const Device& device, const Send& send) const;
  std::vector<Window> windows(const Group& in, const std::string& user, bool frames) const;
  const Send* send_at(const Group& in, std::int64_t seq) const;

  Dice& dice_;
  std::deque<Device>& devices_;
  const std::string witness_;
  std::deque<Group> groups_;
  std::vector<std::shared_ptr<GroupRequest>> requests_, unseen_;  // as they were asked first; answered since saw()
  std::uint64_t rounds_ = 0;                                      // how often the heads were seen
  std::map<std::string, Send> sends_;                             // by client id
  std::uint64_t sent_ = 0;
  std::map<std::pair<std::string, std::string>, std::vector<Window>> frames_off_, pushes_off_;  // (group, user)
  std::map<std::pair<std::string, std::string>, std::int64_t> reads_;  // (group, user) → the greatest answered mark
  std::map<std::pair<std::string, std::string>, std::int64_t> marks_;  // ... and the mark in the end
};

}  // namespace nightpost::e2e::checker
