#include "e2e/checker/chats.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "e2e/im_process.h"

namespace nightpost::e2e::checker {

const std::string& Chats::other_than(const std::string& user) {
  for (;;)
    if (const Device& device = dice_.one_of(devices_); device.user != user) return device.user;
}

std::int64_t Chats::read_of(const std::string& user, const std::string& peer) const {
  const auto found = read_.find({user, peer});
  return found == read_.end() ? 0 : found->second;
}

void Chats::wish_send(Device& device) {
  const std::string to = other_than(device.user);
  const std::string client_id = device.name + "-" + std::to_string(++sends_);
  device.wishes.push_back({.op = "send",
                           .body = ImParty::message(to, client_id, client_id),
                           .answered = [this, from = device.user, to, client_id](const json& answer) {
                             INFO(answer.dump());
                             REQUIRE(answer.at("code") == 0);
                             const std::string id = answer.at("body").at("id");
                             CHECK(messages_.emplace(id, Message{from, to, client_id}).second);
                           }});
}

void Chats::wish_recall(Device& device) {
  std::vector<std::string> own;
  for (const auto& [id, message] : messages_)
    if (message.from == device.user) own.push_back(id);
  if (own.empty()) return;
  const std::string id = dice_.one_of(own);
  device.wishes.push_back({.op = "recall", .body = {{"id", id}}, .answered = [this, id](const json& answer) {
                             INFO(answer.dump());
                             CHECK(answer.at("code") == 0);
                             messages_.at(id).recalled = true;
                           }});
}

void Chats::wish_remove(Device& device) {
  std::vector<std::string> his;
  for (const auto& [id, message] : messages_)
    if (message.from == device.user || message.to == device.user) his.push_back(id);
  if (his.empty()) return;
  const std::string id = dice_.one_of(his);
  device.wishes.push_back({.op = "remove",
                           .body = {{"ids", json::array({id})}},
                           .answered = [this, id, user = device.user](const json& answer) {
                             INFO(answer.dump());
                             CHECK(answer.at("code") == 0);
                             messages_.at(id).removed.insert(user);
                           }});
}

void Chats::wish_read(Device& device) {
  const std::string peer = other_than(device.user);
  std::int64_t head = 0;
  for (const auto& [id, message] : messages_)
    if ((message.from == peer && message.to == device.user) || (message.from == device.user && message.to == peer))
      head = std::max(head, seq_of(id));
  if (head == 0) return;
  const std::int64_t seq = 1 + static_cast<std::int64_t>(dice_.below(static_cast<std::size_t>(head)));
  device.wishes.push_back({.op = "read",
                           .body = {{"peer", peer}, {"seq", seq}},
                           .answered = [this, user = device.user, peer, seq](const json& answer) {
                             INFO(answer.dump());
                             REQUIRE(answer.at("code") == 0);
                             std::int64_t& read = read_[{user, peer}];
                             read = std::max(read, seq);
                             CHECK(answer.at("body").at("read") >= seq);
                           }});
}

void Chats::before_sync(const Device& device) {
  Kept& coming = coming_[&device] = {};
  for (const auto& [id, message] : messages_)
    if (message.to == device.user) coming.messages.insert(id);
  for (const Device& other : devices_)
    for (const Wish& wish : other.wishes)
      if (wish.tried && wish.op == "send" && wish.body.at("to") == device.user)
        coming.perhaps.insert(wish.body.at("client_id"));
}

void Chats::after_sync(const Device& device) {
  kept_[&device].messages.merge(coming_[&device].messages);
  kept_[&device].perhaps.merge(coming_[&device].perhaps);
}

bool Chats::kept(const Device& device, const std::string& id, const Message& message) const {
  const auto kept = kept_.find(&device);
  return kept != kept_.end() && (kept->second.messages.contains(id) || kept->second.perhaps.contains(message.words));
}

bool Chats::has_all(const Device& device) const {
  return std::ranges::all_of(messages_, [&](const auto& each) {
    const auto& [id, message] = each;
    return message.to != device.user || device.was_shown(id) || kept(device, id, message);
  });
}

void Chats::check_histories(const std::string& user, ImClient& client, const json& synced, std::int64_t& total) {
  for (const json& chat : synced.at("chats")) {
    const std::string peer = chat.at("peer");
    CAPTURE(user, peer);
    std::int64_t seq = 0, unread = 0, changes = 0;
    std::set<std::string> gone, told;
    const std::int64_t read = read_of(user, peer);
    const auto pass_removed = [&] {
      for (;; ++seq) {
        const auto next = messages_.find(chat.at("conv").get<std::string>() + "-" + std::to_string(seq + 1));
        if (next == messages_.end() || !next->second.removed.contains(user)) return;
        gone.insert(next->first);
        seen_.insert(next->first);
        if (next->second.to == user && seq + 1 > read && !next->second.recalled) ++unread;
      }
    };
    for (bool more = true; more;) {
      const json page = client.done("pull", {{"peer", peer}, {"after", seq}, {"changes", changes}, {"limit", 100}});
      const std::int64_t before = std::exchange(changes, page.at("changes").get<std::int64_t>());
      for (const json& id : page.value("removes", json::array())) CHECK(told.insert(id).second);
      for (const json& shown : page.at("messages")) {
        const std::string id = shown.at("id");
        pass_removed();
        CHECK(seq_of(id) == ++seq);
        INFO(shown.dump());
        const auto known = messages_.find(id);
        REQUIRE(known != messages_.end());
        const Message& message = known->second;
        CHECK(shown.at("from") == message.from);
        CHECK(shown.at("to") == message.to);
        CHECK(shown.value("recalled", false) == message.recalled);
        if (!message.recalled) CHECK(shown.at("elements").at(0).at("text") == message.words);
        if (message.recalled) CHECK(shown.at("elements").empty());
        if (message.to == user && seq > read && !message.recalled) ++unread;
        seen_.insert(id);
      }
      more = page.at("more") || changes > before;
    }
    pass_removed();
    CHECK(told == gone);
    CHECK(chat.at("head") == seq);
    CHECK(chat.value("unread", 0) == unread);
    total += unread;
  }
}

void Chats::check_all_seen() const { CHECK(seen_.size() == messages_.size()); }

void Chats::check_events(const Events& events, int repeats) const {
  for (const json& event : events.cancels) {
    const std::string id = event.at("message").at("id");
    INFO(event.dump());
    if (messages_.contains(id))  // a read, or a recall of this message
      CHECK((event.contains("cancel") || messages_.at(id).recalled));
  }
  for (const json& event : events.pushes) {
    if (event.at("kind") != "c2c") continue;
    const std::string id = event.at("message").at("id");
    INFO(event.dump());
    REQUIRE(messages_.contains(id));
    CHECK(event.at("to").at(0).at("user_id") == messages_.at(id).to);
    CHECK(event.at("event_id") == id);  // so a repeat is the same push
  }
  std::size_t due = 0;
  for (const auto& [id, message] : messages_)
    for (const Device& device : devices_) {
      CAPTURE(id, device.name, message.words);
      const int named = events.naming(id, device.name);
      if (named > 0) CHECK(device.user == message.to);
      CHECK(named <= 1 + repeats);
      const auto kept = kept_.find(&device);
      const bool has_it =
          device.acknowledged.contains(id) ||
          (kept != kept_.end() && (kept->second.messages.contains(id) || kept->second.perhaps.contains(message.words)));
      const bool has_read = seq_of(id) <= read_of(device.user, message.from);
      const bool over = message.recalled || message.removed.contains(message.to);
      if (device.user != message.to || over || has_read || has_it) continue;
      ++due;
      CHECK(named > 0);
    }
  if (messages_.size() > 100) CHECK(due > 0);
}

}  // namespace nightpost::e2e::checker
