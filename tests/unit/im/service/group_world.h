// A world with groups: users with a phone each, and calls that wait for their answer.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/names.h"
#include "service_world.h"

namespace nightpost::im {

struct GroupWorld : World {
  explicit GroupWorld(ServiceOptions with = {}) : World(std::move(with)) {
    for (const char* user : {"olga", "adam", "mia", "max", "sam"}) users.emplace(user, login(user));
    news();
  }
  const Terminal& phone(const std::string& user) const { return users.at(user); }
  Actor as(const std::string& user) const { return actor_of(users.at(user)); }
  static Actor app(const std::string& user = "") { return {.user = {kApp, user}, .terminal = {}}; }

  Answer<GroupCreated> try_create(const Actor& who, GroupCreate request) {
    return ask<GroupCreated>([&](auto reply) { service->create_group(who, std::move(request), std::move(reply)); });
  }
  /// Olga's, with these.
  std::string create(GroupType type, std::vector<std::string> members = {"mia", "max"}, std::string id = "") {
    GroupCreate request{.group = std::move(id), .type = type, .name = "Team"};
    for (std::string& member : members) request.members.push_back({std::move(member)});
    auto made = try_create(as("olga"), std::move(request));
    if (!made) FAIL(made.error().why);
    CHECK(made->unknown.empty());
    return made->group;
  }
  Answer<Ver> dismiss(const Actor& who, const std::string& group) {
    return ask<Ver>([&](auto reply) { service->dismiss_group(who, group, std::move(reply)); });
  }
  Answer<Ver> change_info(const Actor& who, GroupInfoChange change) {
    return ask<Ver>([&](auto reply) { service->change_group(who, std::move(change), std::move(reply)); });
  }
  Answer<Ver> transfer(const Actor& who, const std::string& group, const std::string& owner) {
    return ask<Ver>([&](auto reply) { service->transfer_group(who, group, owner, std::move(reply)); });
  }
  Answer<GroupInfo> info(const Actor& who, const std::string& group) {
    auto all = ask<GroupInfos>([&](auto reply) { service->group_infos(who, {group}, std::move(reply)); });
    if (!all) return std::unexpected(std::move(all.error()));
    REQUIRE(all->size() == 1);
    return std::move(all->front().second);
  }
  Answer<JoinReply> join(const Actor& who, const std::string& group, const std::string& note = "") {
    return ask<JoinReply>([&](auto reply) { service->join_group(who, group, note, std::move(reply)); });
  }
  Answer<Ver> decide(const Actor& who, Decision decision) {
    return ask<Ver>([&](auto reply) { service->decide_application(who, std::move(decision), std::move(reply)); });
  }
  Answer<std::vector<Application>> applications(const Actor& who, const std::string& group) {
    return ask<std::vector<Application>>([&](auto reply) { service->applications(who, group, std::move(reply)); });
  }
  Answer<Ver> quit(const Actor& who, const std::string& group) {
    return ask<Ver>([&](auto reply) { service->quit_group(who, group, std::move(reply)); });
  }
  Answer<MembersChanged> invite(const Actor& who, const std::string& group, std::vector<std::string> users_in,
                                bool silent = false) {
    return ask<MembersChanged>(
        [&](auto reply) { service->invite(who, {group, std::move(users_in), "", silent}, std::move(reply)); });
  }
  Answer<MembersChanged> kick_out(const Actor& who, const std::string& group, std::vector<std::string> users_in) {
    return ask<MembersChanged>(
        [&](auto reply) { service->kick_members(who, {group, std::move(users_in), "spam", false}, std::move(reply)); });
  }
  /// "mia done, bob failed"
  static std::string words(const Answer<MembersChanged>& answer) {
    if (!answer) return "refused " + std::string(name_of(answer.error().code));
    static constexpr const char* kWords[] = {"failed", "done", "already", "waiting"};
    std::string out;
    for (const auto& [user, result, why] : answer->members) {
      if (!out.empty()) out += ", ";
      out += user + " " + kWords[static_cast<std::size_t>(result)];
    }
    return out;
  }
  Answer<Ver> change_member(const Actor& who, MemberChange change) {
    return ask<Ver>([&](auto reply) { service->change_member(who, std::move(change), std::move(reply)); });
  }
  Answer<Ver> set_role(const Actor& who, const std::string& group, const std::string& user, GroupRole role) {
    return change_member(who, {.group = group, .user = user, .role = role});
  }
  Answer<Ver> silence(const Actor& who, const std::string& group, const std::string& user, milliseconds time) {
    return change_member(who, {.group = group, .user = user, .silence = time});
  }
  Answer<Ver> set_option(const std::string& user, const std::string& group, ReceiveOption option) {
    return change_member(as(user), {.group = group, .option = option});
  }
  Answer<MembersPage> members(const Actor& who, MembersRequest request) {
    return ask<MembersPage>([&](auto reply) { service->members(who, std::move(request), std::move(reply)); });
  }
  /// By name: "mia, olga*" (owner), "adam+" (admin).
  std::string member_words(const std::string& group) {
    const auto page = members(app(), {.group = group, .limit = 100});
    if (!page) return std::string(name_of(page.error().code));
    std::vector<std::string> names;
    for (const GroupMember& member : page->members)
      names.push_back(member.user + (member.role == GroupRole::Owner   ? "*"
                                     : member.role == GroupRole::Admin ? "+"
                                                                       : ""));
    std::ranges::sort(names);
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
    CHECK(page->total == static_cast<std::int64_t>(names.size()));
    return out;
  }
  GroupSendRequest words_for(const std::string& group, const std::string& what = "hello") {
    return {.group = group,
            .client_id = "g" + std::to_string(++written_),
            .elements = R"([{"type":"text","text":")" + what + R"("}])"};
  }
  Answer<SendReply> try_write(const Actor& who, GroupSendRequest request) {
    return ask<SendReply>([&](auto reply) { service->send_to_group(who, std::move(request), std::move(reply)); });
  }
  MessageId write(const std::string& user, GroupSendRequest request) {
    auto reply = try_write(as(user), std::move(request));
    if (!reply) FAIL(reply.error().why);
    return reply->id;
  }
  MessageId write(const std::string& user, const std::string& group) { return write(user, words_for(group)); }
  Answer<ReadReply> read_group(const std::string& user, GroupReadRequest request) {
    return ask<ReadReply>([&](auto reply) { service->read_group(as(user), std::move(request), std::move(reply)); });
  }
  Answer<PullReply> try_pull_group(const Actor& who, GroupPullRequest request) {
    return ask<PullReply>([&](auto reply) { service->pull_group(who, std::move(request), std::move(reply)); });
  }
  /// The seqs that a user sees: "2 3 5"; a tip with "t", a tombstone with "x".
  std::string seen(const std::string& user, const std::string& group) {
    const auto page = try_pull_group(as(user), {.group = group, .limit = 100});
    if (!page) return std::string(name_of(page.error().code));
    std::string out;
    for (const Message& message : page->messages)
      out += (out.empty() ? "" : " ") + std::to_string(message.id.seq.value) + (message.flags.tip ? "t" : "") +
             (message.flags.recalled ? "x" : "");
    return out;
  }
  GroupChat group_chat(const std::string& user, const std::string& group) {
    const SyncReply all = sync(phone(user));
    const auto found = std::ranges::find(all.groups, group, &GroupChat::group);
    if (found == all.groups.end()) FAIL("no group " + group);
    return *found;
  }
  std::int64_t unread(const std::string& user, const std::string& group) { return group_chat(user, group).unread; }
  std::int64_t total(const std::string& user) { return sync(phone(user)).unread_total; }
  std::vector<GroupReceiver> receivers(MessageId message, std::int64_t range = 0, std::int64_t ranges = 1) {
    auto reply = ask<std::vector<GroupReceiver>>(
        [&](auto back) { service->group_receivers(message, range, ranges, std::move(back)); });
    REQUIRE(reply);
    return *std::move(reply);
  }
  /// Names, sorted.
  std::string receiver_words(MessageId message) {
    std::vector<std::string> names;
    for (const GroupReceiver& each : receivers(message)) names.push_back(each.user + (each.mentioned ? "@" : ""));
    std::ranges::sort(names);
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
  }
  std::vector<GroupIntent> group_intents() {
    auto reply = ask<std::vector<GroupIntent>>([&](auto back) { service->group_intents(0, 1'000, std::move(back)); });
    REQUIRE(reply);
    return *std::move(reply);
  }

  std::map<std::string, Terminal> users;

 private:
  int written_ = 0;
};

/// The news of a group among what was told, as words: "message 3", "tip 2", "event kick", "on mia", "for mia role".
inline std::vector<std::string> group_words(const Committed& told) {
  std::vector<std::string> out;
  const auto kind_of = [](const std::string& tip) {
    const std::size_t at = tip.find(R"("kind":")") + 8;
    return tip.substr(at, tip.find('"', at) - at);
  };
  for (const Delivery& delivery : told.deliveries) {
    if (const auto* const item = std::get_if<Subscribed>(&delivery.item))
      out.push_back((item->on ? "on " : "off ") + delivery.to.user);
    else if (const auto* const news = std::get_if<GroupNews>(&delivery.item))
      out.push_back((delivery.group.value != 0 ? "event " : "for " + delivery.to.user + " ") +
                    (news->tip ? kind_of(*news->tip) : "sync"));
    else if (const auto* const message = std::get_if<NewMessage>(&delivery.item))
      out.push_back((message->message->flags.tip ? "tip " : "message ") +
                    std::to_string(message->message->id.seq.value));
    else if (const auto* const recalled = std::get_if<GroupRecalled>(&delivery.item))
      out.push_back("recall " + std::to_string(recalled->recall.id.seq.value));
    else if (const auto* const read = std::get_if<GroupRead>(&delivery.item))
      out.push_back("for " + delivery.to.user + " read " + std::to_string(read->read.value));
  }
  return out;
}
using Told = std::vector<std::string>;

}  // namespace nightpost::im
