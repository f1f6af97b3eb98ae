// Groups as the server API meets them: what was asked is kept, and the answers are the test's.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/event_loop.h"
#include "im/service/group_requests.h"

namespace nightpost::im {

class FakeGroups final : public GroupService {
 public:
  explicit FakeGroups(EventLoop& loop) : loop_(loop) {}

  std::optional<Actor> who;  // of the last call
  std::string group;         // likewise
  GroupCreate created;
  GroupInfoChange changed;
  MembersChange members_changed;
  std::vector<MemberChange> member_changes;
  std::vector<GroupSendRequest> sent;
  GroupPullRequest pulled;
  std::vector<MessageId> recalled;
  std::string owner;
  std::size_t member_pages = 0;
  std::optional<MembersRequest> asked_members;

  // The answers.
  std::optional<Refusal> refusal;  // of all that changes something
  std::vector<std::pair<std::string, Answer<GroupInfo>>> infos;
  std::vector<GroupInfo> joined;
  std::vector<GroupMember> all_members;
  MembersChanged outcome;
  PullReply pull;
  SendReply send_reply;

  void create_group(const Actor& by, GroupCreate request, Reply<GroupCreated> reply) override {
    who = by;
    created = std::move(request);
    answer(std::move(reply), GroupCreated{created.group.empty() ? "@TGS#1" : created.group, {}, {}, {}});
  }
  void dismiss_group(const Actor& by, std::string id, Reply<Ver> reply) override {
    done(by, std::move(id), std::move(reply));
  }
  void change_group(const Actor& by, GroupInfoChange change, Reply<Ver> reply) override {
    changed = std::move(change);
    done(by, changed.group, std::move(reply));
  }
  void transfer_group(const Actor& by, std::string id, std::string to, Reply<Ver> reply) override {
    owner = std::move(to);
    done(by, std::move(id), std::move(reply));
  }
  void group_infos(const Actor& by, std::vector<std::string>,
                   Reply<std::vector<std::pair<std::string, Answer<GroupInfo>>>> reply) override {
    who = by;
    later<std::vector<std::pair<std::string, Answer<GroupInfo>>>>(std::move(reply), infos);
  }
  void joined_groups(const Actor& by, JoinedRequest request, Reply<JoinedGroups> reply) override {
    who = by;
    JoinedGroups page{.groups = {}, .total = std::int64_t(joined.size()), .more = false};
    for (const GroupInfo& info : joined) {
      if (info.conv <= request.after) continue;
      page.more = page.groups.size() == request.limit;
      if (page.more) break;
      page.groups.push_back(info);
    }
    later<JoinedGroups>(std::move(reply), std::move(page));
  }
  void join_group(const Actor&, std::string, std::string, Reply<JoinReply>) override {}
  void applications(const Actor&, std::string, Reply<std::vector<Application>>) override {}
  void decide_application(const Actor&, Decision, Reply<Ver>) override {}
  void invitations(const Actor&, Reply<std::vector<Invitation>>) override {}
  void answer_invitation(const Actor&, InvitationAnswer, Reply<JoinReply>) override {}
  void quit_group(const Actor&, std::string, Reply<Ver>) override {}
  void invite(const Actor& by, MembersChange change, Reply<MembersChanged> reply) override {
    who = by;
    members_changed = std::move(change);
    answer(std::move(reply), outcome);
  }
  void kick_members(const Actor& by, MembersChange change, Reply<MembersChanged> reply) override {
    invite(by, std::move(change), std::move(reply));
  }
  void change_member(const Actor& by, MemberChange change, Reply<Ver> reply) override {
    member_changes.push_back(std::move(change));
    done(by, member_changes.back().group, std::move(reply));
  }
  void members(const Actor& by, MembersRequest request, Reply<MembersPage> reply) override {
    who = by;
    ++member_pages;
    asked_members = request;
    MembersPage page{.members = {}, .total = std::int64_t(all_members.size()), .more = false};
    for (const GroupMember& member : all_members) {
      if (member.user <= request.after) continue;
      page.more = page.members.size() == request.limit;
      if (page.more) break;
      page.members.push_back(member);
    }
    answer(std::move(reply), std::move(page));
  }
  void members_named(const Actor& by, std::string id, std::vector<std::string> users,
                     Reply<std::vector<GroupMember>> reply) override {
    who = by;
    group = std::move(id);
    std::vector<GroupMember> found;
    for (const GroupMember& member : all_members)
      if (std::ranges::find(users, member.user) != users.end()) found.push_back(member);
    answer(std::move(reply), std::move(found));
  }
  void send_to_group(const Actor& by, GroupSendRequest request, Reply<SendReply> reply) override {
    who = by;
    sent.push_back(std::move(request));
    answer(std::move(reply), send_reply);
  }
  void recall_in_group(const Actor& by, MessageId id, Reply<Ver> reply) override {
    recalled.push_back(id);
    if (id.seq.value == 404) return later<Ver>(std::move(reply), refuse(Code::GroupMessageUnknown, "no such message"));
    done(by, {}, std::move(reply));
  }
  void read_group(const Actor&, GroupReadRequest, Reply<ReadReply>) override {}
  void pull_group(const Actor& by, GroupPullRequest request, Reply<PullReply> reply) override {
    who = by;
    pulled = std::move(request);
    answer(std::move(reply), pull);
  }
  void change_group_chat(const Actor&, GroupChatChange, Reply<Ver>) override {}

 private:
  template <class T>
  void later(Reply<T> reply, Answer<T> value) {
    loop_.post([reply = std::move(reply), value = std::move(value)]() mutable { reply(std::move(value)); });
  }
  template <class T>
  void answer(Reply<T> reply, T value) {
    if (refusal) return later<T>(std::move(reply), std::unexpected(*refusal));
    later<T>(std::move(reply), std::move(value));
  }
  void done(const Actor& by, std::string id, Reply<Ver> reply) {
    who = by;
    group = std::move(id);
    answer(std::move(reply), Ver{1});
  }

  EventLoop& loop_;
};

}  // namespace nightpost::im
