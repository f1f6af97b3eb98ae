#include "im/service/call_commands.h"

#include <algorithm>
#include <utility>

#include "im/service/before_questions.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kCallsSwept = 100;  // in one commit

/// The step as a message of the call's conversation. What is refused is not said: the other side blocks, or is gone.
Answer<SendReply> say_step(Work& work, const Actor& who, const CallRow& call, const CallSignal& signal) {
  std::string elements = call_elements(signal);
  const bool untold = who.admin();  // the server's own doing
  if (const auto group = work.tables.group(call.id.conv)) {
    return send_to_group(work, who,
                         {.group = group->id,
                          .elements = std::move(elements),
                          .push_disabled = true,
                          .no_unread = true,
                          .untold = untold,
                          .signal = true});
  }
  const auto conv = work.tables.conv(call.id.conv);
  if (!conv) return refuse(Code::CallOver, "call: no such call");
  return send(work, who,
              {.to = conv->other(who.user.user),
               .elements = std::move(elements),
               .push_disabled = true,
               .no_unread = true,
               .untold = untold,
               .signal = true});
}

/// Pushes of the invite that wait are not made; phones that may show one are told.
void withdraw_call_push(Work& work, const CallRow& call, const std::vector<std::string>& users) {
  Tables& tables = work.tables;
  if (call.hidden) return;
  if (const auto group = tables.group(call.id.conv)) {
    if (call.waiting == 0 && tables.erase_group_intent(call.id)) work.told.recalled.push_back(call.id);
    const auto found = tables.group_message(*group, call.id.seq);
    if (!found) return;
    for (const std::string& user : users) {
      const auto member = member_now(tables, group->conv, {group->app, user});
      if (member && member->option == ReceiveOption::Notify)
        tell_call_over(work, *group, found->first, {group->app, user}, call.ranges);
    }
    return;
  }
  const auto conv = tables.conv(call.id.conv);
  const auto message = conv ? tables.message(*conv, call.id.seq) : std::nullopt;
  if (!message) return;
  if (tables.erase_intent(call.id)) work.told.recalled.push_back(call.id);
  const UserKey to{conv->app, message->to};
  const auto account = tables.account(to);
  if (account && !account->removed)
    tell_recalled(work, *conv, *message, {account->ver, unread_total(tables, to)}, false);
}

Answer<std::optional<GroupRow>> check_invited(Work& work, const Terminal& who, const CallInvite& invite) {
  Tables& tables = work.tables;
  if (invite.group.empty()) {
    if (invite.to == who.user.user) return refuse(Code::Malformed, "to: oneself");
    return std::optional<GroupRow>();
  }
  auto in = enter(tables, actor_of(who), invite.group);
  if (!in) return std::unexpected(std::move(in.error()));
  if (!in->member) return refuse(Code::GroupForbidden, "group: this user is no member");
  for (const std::string& user : invite.users) {
    if (user == who.user.user) return refuse(Code::Malformed, "users: oneself");
    if (!member_now(tables, in->group.conv, {who.user.app, user}))
      return refuse(Code::GroupForbidden, "users: " + user + " is no member of the group");
  }
  return std::optional(std::move(in->group));
}

/// Ends it for those who have not decided.
SendReply end_for_all(Work& work, CallRow& call, const Actor& who, CallStep step, const std::string& data) {
  std::vector<std::string> users;
  for (CallUserRow& user : work.tables.call_users(call.id)) {
    if (user.state != CallState::Waits) continue;
    user.state = state_after(step);
    work.tables.save_call_user(call.id, user);
    users.push_back(user.user);
  }
  call.waiting = 0;
  work.tables.save_call(call);
  const auto said =
      say_step(work, who, call, {.step = step, .call = call.id, .users = users, .until = {}, .data = data, .desc = ""});
  withdraw_call_push(work, call, users);
  return said.value_or(SendReply{.at = work.now, .ver = ver_of(work.tables, who.user)});
}

CallFacts facts_of(const CallRow& call, const std::vector<CallUserRow>& users, const Terminal& who, CallStep step,
                   WallTime now) {
  CallFacts facts{.step = step, .known = true, .until = call.until, .now = now};
  if (step == CallStep::Cancel) {
    facts.mine = call.inviter == who.user.user;
    facts.same_device = call.canceled && call.device == who.device;
    if (call.waiting == 0) facts.state = call.canceled || users.empty() ? CallState::Canceled : users.front().state;
    return facts;
  }
  const auto mine = std::ranges::find(users, who.user.user, &CallUserRow::user);
  facts.mine = mine != users.end();
  if (!facts.mine) return facts;
  facts.state = mine->state;
  facts.same_device = mine->device == who.device;
  return facts;
}

}  // namespace

Answer<CallReply> invite_to_call(Work& work, const Terminal& who, const CallDraft& draft) {
  Tables& tables = work.tables;
  const CallInvite& invite = draft.invite;
  const CallLimits& limits = work.options.calls;
  if (auto row = logged_in(tables, who); !row) return std::unexpected(std::move(row.error()));
  if (const auto first = tables.sent(who.user, invite.client_id)) {
    const auto call = tables.call(first->id);
    return CallReply{first->id, first->at, call ? call->until : std::nullopt, first->ver, true};
  }
  if (tables.open_calls_by(who.user) >= limits.open_max)
    return refuse(Code::TooFast,
                  std::to_string(limits.open_max) + " calls of this user wait for an answer, as many as may");
  auto group = check_invited(work, who, invite);
  if (!group) return std::unexpected(std::move(group.error()));

  std::string desc = invite.desc;
  if (auto ok = mask_words(work, who.user.app, false, "desc", desc); !ok) return std::unexpected(std::move(ok.error()));

  CallRow call{.app = who.user.app, .inviter = who.user.user, .at = work.now, .data = invite.data};
  if (invite.timeout.count() > 0) call.until = work.now + invite.timeout;
  const std::vector<std::string> users = *group ? invite.users : std::vector{invite.to};
  std::string elements = call_elements(
      {.step = CallStep::Invite, .call = {}, .users = users, .until = call.until, .data = invite.data, .desc = desc});
  const Actor actor = actor_of(who);
  const auto sent = *group ? send_to_group(work, actor,
                                           {.group = invite.group,
                                            .client_id = invite.client_id,
                                            .elements = std::move(elements),
                                            .push = draft.push,
                                            .push_disabled = draft.push_disabled})
                           : send(work, actor,
                                  {.to = invite.to,
                                   .client_id = invite.client_id,
                                   .elements = std::move(elements),
                                   .push = draft.push,
                                   .push_disabled = draft.push_disabled});
  if (!sent) return std::unexpected(sent.error());
  if (is_look_ahead(work)) return CallReply{};
  call.id = sent->id;
  call.waiting = static_cast<std::int64_t>(users.size());
  call.hidden = !*group && tables.blocks({who.user.app, invite.to}, who.user.user);
  if (*group) call.ranges = ranges_of((*group)->members);
  tables.add_call(call, users);
  return CallReply{sent->id, sent->at, call.until, sent->ver, false};
}

Answer<SendReply> answer_call(Work& work, const Terminal& who, const CallAnswer& answer) {
  Tables& tables = work.tables;
  if (auto row = logged_in(tables, who); !row) return std::unexpected(std::move(row.error()));
  auto call = tables.call(answer.call);
  if (call && (call->app != who.user.app || (call->hidden && call->inviter != who.user.user))) call.reset();
  const std::vector<CallUserRow> users = call ? tables.call_users(call->id) : std::vector<CallUserRow>();
  const auto plan =
      decide_call(call ? facts_of(*call, users, who, answer.step, work.now) : CallFacts{.step = answer.step});
  if (!plan) return std::unexpected(plan.error());
  if (!*plan) return SendReply{.at = work.now, .ver = ver_of(tables, who.user), .repeated = true};
  const Actor actor = actor_of(who);
  if (tables.group(call->id.conv)) {
    const auto in = enter(tables, actor, call->id.conv);
    if (!in) return std::unexpected(in.error());
    if (!in->member) return refuse(Code::GroupForbidden, "group: this user is no member");
  }
  if (answer.step == CallStep::Cancel) {
    call->canceled = true;
    call->device = who.device;
    return end_for_all(work, *call, actor, CallStep::Cancel, answer.data);
  }
  tables.save_call_user(call->id, {who.user.user, state_after(answer.step), who.device});
  --call->waiting;
  tables.save_call(*call);
  const std::vector<std::string> self = {who.user.user};
  const auto said =
      say_step(work, actor, *call,
               {.step = answer.step, .call = call->id, .users = self, .until = {}, .data = answer.data, .desc = ""});
  withdraw_call_push(work, *call, self);
  return said.value_or(SendReply{.at = work.now, .ver = ver_of(tables, who.user)});
}

Answer<std::vector<OpenCall>> open_calls(Work& work, const Terminal& who) {
  Tables& tables = work.tables;
  if (auto row = logged_in(tables, who); !row) return std::unexpected(std::move(row.error()));
  std::vector<OpenCall> out;
  for (CallRow& row : tables.open_calls(who.user, work.options.calls.open_max)) {
    if (row.until && *row.until <= work.now) continue;  // not swept yet
    OpenCall call{
        .id = row.id, .by = row.inviter, .to = "", .group = "", .at = row.at, .until = row.until, .data = row.data};
    for (CallUserRow& user : tables.call_users(row.id)) call.users.emplace_back(std::move(user.user), user.state);
    const auto group = tables.group(row.id.conv);
    if (group && (group->dismissed || !member_now(tables, group->conv, who.user))) continue;
    if (group)
      call.group = group->id;
    else if (!call.users.empty())
      call.to = call.users.front().first;
    out.push_back(std::move(call));
  }
  return out;
}

void end_calls_of(Work& work, const UserKey& who) {
  const Actor actor{.user = who, .terminal = {}};
  for (CallRow& call : work.tables.open_calls(who, kCallsSwept)) {
    if (call.inviter == who.user) {
      call.canceled = true;
      end_for_all(work, call, actor, CallStep::Cancel, "");
      continue;
    }
    const std::vector<std::string> self = {who.user};
    work.tables.save_call_user(call.id, {who.user, state_after(CallStep::Reject), ""});
    --call.waiting;
    work.tables.save_call(call);
    (void)say_step(work, actor, call,
                   {.step = CallStep::Reject, .call = call.id, .users = self, .until = {}, .data = "", .desc = ""});
    withdraw_call_push(work, call, self);
  }
}

Answer<CallSweep> end_calls(Work& work) {
  std::vector<CallRow> due = work.tables.calls_due(work.now, kCallsSwept);
  for (CallRow& call : due)
    end_for_all(work, call, {.user = {call.app, call.inviter}, .terminal = {}}, CallStep::TimeOut, "");
  return CallSweep{due.size(), due.size() == kCallsSwept, work.tables.next_call_due()};
}

}  // namespace nightpost::im
