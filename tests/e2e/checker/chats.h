// The one-to-one half of the model: what was answered, and what histories, unread counts and events must say of it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "e2e/checker/device.h"
#include "e2e/checker/dice.h"
#include "e2e/checker/events.h"

namespace nightpost::e2e::checker {

class Chats {
 public:
  Chats(Dice& dice, std::deque<Device>& devices) : dice_(dice), devices_(devices) {}

  void wish_send(Device& device);
  void wish_recall(Device& device);
  void wish_remove(Device& device);  // for the user alone
  void wish_read(Device& device);

  /// Around a sync of the device that it acknowledges: it has what was there before.
  void before_sync(const Device& device);
  void after_sync(const Device& device);

  /// Whether the device was shown all that there is for it, live or by a sync.
  bool has_all(const Device& device) const;

  /// Both sides see the same, without a gap but for what they removed and are told of; unread agrees. `synced`: all of
  /// the user. Adds to the total.
  void check_histories(const std::string& user, ImClient& client, const json& synced, std::int64_t& total);
  /// Each answered message is in the histories that were checked.
  void check_all_seen() const;
  /// A device that did not acknowledge has its event, and has it once, but for `repeats`.
  void check_events(const Events& events, int repeats) const;
  std::size_t size() const { return messages_.size(); }

 private:
  struct Message {
    std::string from, to, words;
    bool recalled = false;
    std::set<std::string> removed{};  // by these users, for themselves
  };
  struct Kept {
    std::set<std::string> messages;
    std::set<std::string>
        perhaps;  // words of messages that an acknowledged sync may have held: asked for, not answered
  };
  bool kept(const Device& device, const std::string& id, const Message& message) const;
  const std::string& other_than(const std::string& user);
  std::int64_t read_of(const std::string& user, const std::string& peer) const;

  Dice& dice_;
  std::deque<Device>& devices_;
  std::map<std::string, Message> messages_;  // answered ones, by id
  std::map<std::pair<std::string, std::string>, std::int64_t> read_;
  std::map<const Device*, Kept> kept_, coming_;
  std::set<std::string> seen_;
  std::uint64_t sends_ = 0;
};

}  // namespace nightpost::e2e::checker
