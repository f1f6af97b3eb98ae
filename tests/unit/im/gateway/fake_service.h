// A service that answers what the test says, when it says so; and a clock that it moves.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "im/service/call_requests.h"
#include "im/service/group_requests.h"
#include "im/service/service.h"

namespace nightpost::im::fake {

struct ManualClock final : Clock {
  MonoTime now{std::chrono::hours(1)};
  WallTime today = wall_from_ms(1'795'225'887'405);
  WallTime wall() const noexcept override { return today; }
  MonoTime mono() const noexcept override { return now; }
  void pass(milliseconds time) {
    now += time;
    today += time;
  }
};

struct ScriptedService : Service, GroupService, CallService {
  /// Requests that wait for their answer, oldest first.
  std::deque<std::pair<LoginRequest, Reply<LoginReply>>> logins;
  std::deque<Reply<void>> logouts, plain;
  std::deque<std::pair<SendRequest, Reply<SendReply>>> sends;
  std::deque<Reply<Ver>> changes;
  std::deque<Reply<ReadReply>> reads;
  std::deque<std::pair<SyncRequest, Reply<SyncReply>>> syncs;
  std::deque<std::pair<PullRequest, Reply<PullReply>>> pulls;
  std::vector<std::string> calls;  // "op device epoch"
  std::vector<Ver> acks;
  std::vector<std::string> gone;  // "device epoch"
  /// Where set, answers a login at once.
  std::function<Answer<LoginReply>(const LoginRequest&)> at_once;

  std::deque<std::pair<CallInvite, Reply<CallReply>>> call_invites;
  std::deque<std::pair<CallAnswer, Reply<SendReply>>> call_answers;
  std::deque<Reply<std::vector<OpenCall>>> call_lists;

  void invite_to_call(const Terminal& who, CallInvite invite, Reply<CallReply> reply) override {
    called("call_invite", who);
    call_invites.emplace_back(std::move(invite), std::move(reply));
  }
  void answer_call(const Terminal& who, CallAnswer answer, Reply<SendReply> reply) override {
    called(std::string("call_").append(name_of(answer.step)).c_str(), who);
    call_answers.emplace_back(std::move(answer), std::move(reply));
  }
  void open_calls(const Terminal& who, Reply<std::vector<OpenCall>> reply) override {
    called("calls", who);
    call_lists.push_back(std::move(reply));
  }

  void login(LoginRequest request, Reply<LoginReply> reply) override {
    if (at_once) return reply(at_once(request));
    logins.emplace_back(std::move(request), std::move(reply));
  }
  void logout(const Terminal& who, Reply<void> reply) override {
    called("logout", who), logouts.push_back(std::move(reply));
  }
  void send(const Terminal& who, SendRequest request, Reply<SendReply> reply) override {
    called("send", who);
    sends.emplace_back(std::move(request), std::move(reply));
  }
  void recall(const Terminal& who, MessageId, Reply<Ver> reply) override { change("recall", who, std::move(reply)); }
  void remove(const Terminal& who, std::vector<MessageId>, Reply<Ver> reply) override {
    change("remove", who, std::move(reply));
  }
  void read(const Terminal& who, ReadRequest, Reply<ReadReply> reply) override {
    called("read", who);
    reads.push_back(std::move(reply));
  }
  void change_chat(const Terminal& who, ChatChange, Reply<Ver> reply) override {
    change("chat", who, std::move(reply));
  }
  void sync(const Terminal& who, SyncRequest request, Reply<SyncReply> reply) override {
    called("sync", who);
    syncs.emplace_back(request, std::move(reply));
  }
  void pull(const Terminal& who, PullRequest request, Reply<PullReply> reply) override {
    called("pull", who);
    pulls.emplace_back(std::move(request), std::move(reply));
  }
  void report_token(const Terminal& who, TokenReport, Reply<void> reply) override {
    simple("token", who, std::move(reply));
  }
  void report_state(const Terminal& who, AppState, Reply<void> reply) override {
    simple("state", who, std::move(reply));
  }
  void set_push_settings(const Terminal& who, PushSettings, Reply<void> reply) override {
    simple("settings", who, std::move(reply));
  }
  void set_mute(const Terminal& who, Mute, bool, Reply<void> reply) override { simple("mute", who, std::move(reply)); }
  void set_profile(const Terminal& who, Profile, Reply<void> reply) override {
    simple("profile", who, std::move(reply));
  }
  void profiles(const Terminal& who, std::vector<std::string> users,
                Reply<std::vector<std::pair<std::string, Profile>>> reply) override {
    called("profiles", who);
    std::vector<std::pair<std::string, Profile>> found;
    for (std::string& user : users) found.emplace_back(std::move(user), Profile{.nick = "N"});
    reply(std::move(found));
  }
  void set_blacklisted(const Terminal& who, BlacklistChange, Reply<void> reply) override {
    simple("black", who, std::move(reply));
  }
  void blacklist(const Terminal& who, Reply<std::vector<std::string>> reply) override {
    called("blacks", who);
    reply(std::vector<std::string>{"mallory"});
  }
  std::deque<std::tuple<std::vector<UserKey>, WallTime, Reply<std::vector<Standing>>>> standing_looks;
  void standings(std::vector<UserKey> users, WallTime since, Reply<std::vector<Standing>> reply) override {
    standing_looks.emplace_back(std::move(users), since, std::move(reply));
  }
  void disconnected(const Terminal& who, bool) override {
    gone.push_back(who.device + " " + std::to_string(who.epoch.value));
  }
  void acknowledged(const Terminal&, Ver ver) override { acks.push_back(ver); }
  void intents(std::int64_t, std::size_t, Reply<std::vector<Intent>>) override {}
  void intent_published(std::int64_t, std::int32_t, std::vector<std::string>) override {}
  void intent_settled(std::int64_t) override {}
  void follow_ups(std::int64_t, std::size_t, Reply<std::vector<FollowUp>>) override {}
  void follow_up_settled(std::int64_t) override {}

  // Groups: what was asked, in words; answered at once.
  std::vector<std::string> group_calls;
  std::deque<std::pair<GroupSendRequest, Reply<SendReply>>> group_sends;
  void create_group(const Actor& who, GroupCreate request, Reply<GroupCreated> reply) override {
    asked(who, "create " + request.name + " " + std::string(name_of(request.type)) + " " +
                   std::to_string(request.members.size()));
    reply(GroupCreated{.group = "@TGS#5", .conv = ConvId{5}, .unknown = {"nobody"}, .ver = Ver{20}});
  }
  void dismiss_group(const Actor& who, std::string group, Reply<Ver> reply) override {
    ver(who, "dismiss " + group, std::move(reply));
  }
  void change_group(const Actor& who, GroupInfoChange change, Reply<Ver> reply) override {
    ver(who, "change " + change.group + " " + change.name.value_or("-"), std::move(reply));
  }
  void transfer_group(const Actor& who, std::string group, std::string owner, Reply<Ver> reply) override {
    ver(who, "transfer " + group + " " + owner, std::move(reply));
  }
  void group_infos(const Actor& who, std::vector<std::string> groups,
                   Reply<std::vector<std::pair<std::string, Answer<GroupInfo>>>> reply) override {
    asked(who, "infos " + std::to_string(groups.size()));
    std::vector<std::pair<std::string, Answer<GroupInfo>>> all;
    for (std::string& group : groups) {
      GroupInfo info{.group = group, .conv = ConvId{5}, .name = "Team", .owner = "denny", .members = 2};
      info.fields = {{"city", "Oslo"}};
      info.self = GroupSelf{.role = GroupRole::Owner, .unread = 3};
      all.emplace_back(group, group == "gone" ? Answer<GroupInfo>(refuse(Code::GroupUnknown, "group: no such group"))
                                              : Answer<GroupInfo>(std::move(info)));
    }
    reply(std::move(all));
  }
  void joined_groups(const Actor& who, JoinedRequest request, Reply<JoinedGroups> reply) override {
    asked(who, "joined " + std::to_string(request.after.value) + " " + std::to_string(request.limit));
    reply(JoinedGroups{.groups = {GroupInfo{.group = "g", .conv = ConvId{5}, .name = "Team"}}, .total = 1});
  }
  void join_group(const Actor& who, std::string group, std::string note, Reply<JoinReply> reply) override {
    asked(who, "join " + group + " " + note);
    reply(JoinReply{MemberResult::Waiting, Ver{20}});
  }
  void applications(const Actor& who, std::string group, Reply<std::vector<Application>> reply) override {
    asked(who, "applications " + group);
    reply(std::vector<Application>{{.group = group, .user = "mia", .note = "let me in", .at = wall_from_ms(7)}});
  }
  void invitations(const Actor& who, Reply<std::vector<Invitation>> reply) override {
    asked(who, "invitations");
    reply(std::vector<Invitation>{{"g", "Team", GroupType::Work, "mia", wall_from_ms(7)}});
  }
  void answer_invitation(const Actor& who, InvitationAnswer answer, Reply<JoinReply> reply) override {
    asked(who, "answer " + answer.group + (answer.agree ? " yes " : " no ") + answer.note);
    reply(JoinReply{MemberResult::Done, Ver{20}});
  }
  void decide_application(const Actor& who, Decision decision, Reply<Ver> reply) override {
    ver(who, "decide " + decision.user + (decision.agree ? " yes" : " no"), std::move(reply));
  }
  void quit_group(const Actor& who, std::string group, Reply<Ver> reply) override {
    ver(who, "quit " + group, std::move(reply));
  }
  void invite(const Actor& who, MembersChange change, Reply<MembersChanged> reply) override {
    members(who, "invite", change, std::move(reply));
  }
  void kick_members(const Actor& who, MembersChange change, Reply<MembersChanged> reply) override {
    members(who, "kick " + change.reason, change, std::move(reply));
  }
  void change_member(const Actor& who, MemberChange change, Reply<Ver> reply) override {
    ver(who,
        "member " + change.user + " " + std::to_string(change.silence.value_or(milliseconds(-1)).count()) + " " +
            change.card.value_or("-"),
        std::move(reply));
  }
  void members(const Actor& who, MembersRequest request, Reply<MembersPage> reply) override {
    asked(who, "members " + request.group + " " + request.after + " " + std::to_string(request.limit));
    reply(MembersPage{.members = {GroupMember{.user = "denny", .nick = "D", .role = GroupRole::Owner}}, .total = 1});
  }
  void members_named(const Actor&, std::string, std::vector<std::string>, Reply<std::vector<GroupMember>>) override {}
  void send_to_group(const Actor& who, GroupSendRequest request, Reply<SendReply> reply) override {
    asked(who, "send " + request.group);
    group_sends.emplace_back(std::move(request), std::move(reply));
  }
  void recall_in_group(const Actor& who, MessageId id, Reply<Ver> reply) override {
    ver(who, "recall " + text_of(id), std::move(reply));
  }
  void read_group(const Actor& who, GroupReadRequest request, Reply<ReadReply> reply) override {
    asked(who, "read " + request.group);
    reply(ReadReply{.read = request.seq.value_or(Seq{9}), .unread = 0, .unread_total = 4, .ver = Ver{21}});
  }
  void pull_group(const Actor& who, GroupPullRequest request, Reply<PullReply> reply) override {
    asked(who, "pull " + request.group);
    reply(PullReply{.conv = ConvId{5}, .from = Seq{1}, .to = Seq{9}, .head = Seq{9}});
  }
  void change_group_chat(const Actor& who, GroupChatChange change, Reply<Ver> reply) override {
    ver(who, "chat " + change.group, std::move(reply));
  }

  template <class T>
  static T pop(std::deque<T>& from) {
    T first = std::move(from.front());
    from.pop_front();
    return first;
  }

 private:
  void asked(const Actor& who, const std::string& what) {
    group_calls.push_back((who.terminal ? who.terminal->device : std::string("app")) + ": " + what);
  }
  void ver(const Actor& who, const std::string& what, Reply<Ver> reply) {
    asked(who, what);
    reply(Ver{20});
  }
  void members(const Actor& who, const std::string& what, const MembersChange& change, Reply<MembersChanged> reply) {
    asked(who, what + " " + std::to_string(change.users.size()));
    reply(MembersChanged{{{"mia", MemberResult::Done, ""}, {"bob", MemberResult::Failed, "user: no such account"}},
                         Ver{20}});
  }
  void called(const char* op, const Terminal& who) {
    calls.push_back(std::string(op) + " " + who.device + " " + std::to_string(who.epoch.value));
  }
  void change(const char* op, const Terminal& who, Reply<Ver> reply) {
    called(op, who);
    changes.push_back(std::move(reply));
  }
  void simple(const char* op, const Terminal& who, Reply<void> reply) {
    called(op, who);
    plain.push_back(std::move(reply));
  }
};

inline LoginReply login_reply(std::string user, std::string device, std::int64_t epoch, std::int64_t ver) {
  LoginReply reply;
  reply.terminal = {{AppId{1}, std::move(user)}, std::move(device), Epoch{epoch}, Platform::Ios};
  reply.ver = Ver{ver};
  reply.signature_ends = wall_from_ms(1'795'830'687'000);
  return reply;
}

inline Delivery new_message(std::string to, std::int64_t ver, std::string elements = R"([{"type":"text","text":"hi"}])",
                            std::string except = "") {
  auto message = std::make_shared<Message>();
  message->id = {ConvId{7}, Seq{ver}};
  message->at = wall_from_ms(1'795'225'887'405);
  message->from = "peer";
  message->to = to;
  message->elements = std::move(elements);
  Delivery delivery;
  delivery.to = {AppId{1}, std::move(to)};
  delivery.ver = Ver{ver};
  delivery.except = std::move(except);
  delivery.item = NewMessage{.message = std::move(message), .unread = 1};
  delivery.unread_total = 1;
  return delivery;
}

/// A message of group 5, seq `seq`, by mia.
inline Delivery group_message(std::int64_t seq, std::string except_user = "mia", std::string except = "") {
  auto message = std::make_shared<Message>();
  message->id = {ConvId{5}, Seq{seq}};
  message->at = wall_from_ms(1'795'225'887'405);
  message->from = "mia";
  message->group = "@TGS#5";
  message->elements = R"([{"type":"text","text":"hi all"}])";
  Delivery delivery;
  delivery.to = {AppId{1}, std::move(except_user)};
  delivery.except = std::move(except);
  delivery.item = NewMessage{.message = std::move(message), .unread = 0};
  delivery.group = ConvId{5};
  return delivery;
}
inline Delivery subscribed(std::string user, bool on) {
  return {.to = {AppId{1}, std::move(user)}, .item = Subscribed{on}, .group = ConvId{5}};
}

}  // namespace nightpost::im::fake
