#include <algorithm>
#include <limits>
#include <utility>

#include "im/domain/call.h"
#include "im/domain/elements.h"
#include "im/domain/group_rules.h"
#include "im/domain/push_info.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kFollowUpsMax = 10'000;                        // of one answer
constexpr Ver kMovesNone{std::numeric_limits<std::int64_t>::max()};  // a group's message: no device has it by its ver

FollowUpRow row_of(const FollowUp& one) {
  return {
      .to = one.to, .kind = static_cast<std::int64_t>(one.kind), .message = one.message, .ver = one.ver, .at = one.at};
}

/// The user's phones; none where the one that brought it about is the only one.
std::vector<PushTarget> phones_but(Tables& tables, const UserKey& user, const std::string& by_device) {
  std::vector<PushTarget> all = push_targets(tables, user);
  if (std::ranges::all_of(all, [&](const PushTarget& each) { return each.device == by_device; })) all.clear();
  return all;
}

void add(Work& work, FollowUp one) {
  if (one.targets.empty()) return;
  one.at = work.now;
  one.id = work.tables.add_follow_up(row_of(one));
  work.told.follow_ups.push_back(std::move(one));
}

/// Whether its message is an invite to a call, and what the receiver has answered.
void name_call(Tables& tables, FollowUp& one) {
  one.call = tables.call(one.message).has_value();
  if (!one.call) return;
  for (const CallUserRow& user : tables.call_users(one.message))
    if (user.user == one.to.user) one.answered = user.state == CallState::Accepted || user.state == CallState::Rejected;
}

void name_group(FollowUp& one, const GroupRow& group, std::int64_t ranges) {
  one.group = group.id;
  one.group_name = group.name;
  one.range = range_of(member_slot(one.to.user), ranges);
}

/// Of a group's call.
FollowUp call_over_of(Tables& tables, const FollowUpRow& row, FollowUp one) {
  one.message = row.message;
  one.ver = row.ver;
  const auto group = tables.group(row.message.conv);
  const auto call = tables.call(row.message);
  if (!group || group->dismissed || !call) {
    one.targets.clear();
    return one;
  }
  one.from = call->inviter;
  if (auto invite = tables.group_message(*group, row.message.seq)) one.nick = std::move(invite->first.nick);
  name_call(tables, one);
  name_group(one, *group, call->ranges);
  return one;
}

/// Without targets where nobody is to be told any more: then it is over.
FollowUp follow_up_of(Tables& tables, const FollowUpRow& row) {
  const auto account = tables.account(row.to);
  FollowUp one{.id = row.id, .kind = static_cast<FollowUp::Kind>(row.kind), .to = row.to, .at = row.at};
  if (account && !account->removed) {
    one.unread_total = account->unread + tables.group_unread_total(row.to);
    one.targets = push_targets(tables, row.to);
  }
  if (one.kind == FollowUp::Kind::Badge) return one;
  const auto conv = tables.conv(row.message.conv);
  if (conv && conv->is_group()) return call_over_of(tables, row, std::move(one));
  one.message = row.message;
  if (!conv || !conv->holds(row.to)) {
    one.targets.clear();
    return one;
  }
  one.ver = row.ver;
  one.from = conv->other(row.to.user);
  if (one.kind == FollowUp::Kind::Recalled) name_call(tables, one);
  if (auto message = tables.message(*conv, row.message.seq)) one.nick = std::move(message->nick);
  return one;
}

/// False: nothing of it was shown, by its sender's wish or because it has no words to show.
bool may_be_shown(const ServiceOptions& options, const Message& message) {
  const auto push = check_push(message.push);
  if (!push) return true;
  if (push->disabled) return false;
  if (push->canonical.contains(R"("desc":)")) return true;
  if (message.elements.starts_with(R"([{"type":"call")"))
    return call_shows(message.elements) || (options.calls.rings && is_call_invite(message.elements));
  const auto content = check_elements(message.elements, options.elements);
  return !content || !content->preview.empty();
}

}  // namespace

void tell_recalled(Work& work, const ConvRow& conv, const Message& message, Tables::Touched total, bool less) {
  const UserKey to{conv.app, message.to};
  std::vector<PushTarget> targets = phones_but(work.tables, to, "");
  if (targets.empty()) return;
  if (less) add(work, {.kind = FollowUp::Kind::Badge, .to = to, .unread_total = total.unread, .targets = targets});
  if (!may_be_shown(work.options, message)) return;
  FollowUp one{.kind = FollowUp::Kind::Recalled,
               .to = to,
               .message = message.id,
               .ver = work.tables.ver_at(conv, conv.is_b(message.to), Seq{message.id.seq.value - 1}, message.id.seq),
               .from = message.from,
               .nick = message.nick,
               .unread_total = total.unread,
               .targets = std::move(targets)};
  name_call(work.tables, one);
  add(work, std::move(one));
}

void tell_call_over(Work& work, const GroupRow& group, const Message& invite, const UserKey& to, std::int64_t ranges) {
  if (!may_be_shown(work.options, invite)) return;
  FollowUp one{.kind = FollowUp::Kind::Recalled,
               .to = to,
               .message = invite.id,
               .ver = kMovesNone,
               .from = invite.from,
               .nick = invite.nick,
               .unread_total = unread_total(work.tables, to),
               .targets = push_targets(work.tables, to)};
  name_call(work.tables, one);
  name_group(one, group, ranges);
  add(work, std::move(one));
}

void tell_read(Work& work, const ConvRow& conv, const ChatRow& chat, Seq to, Tables::Touched total, bool less,
               const std::string& by_device) {
  std::vector<PushTarget> targets = phones_but(work.tables, chat.owner, by_device);
  if (targets.empty()) return;
  add(work, {.kind = FollowUp::Kind::Read,
             .to = chat.owner,
             .message = {conv.id, to},
             .ver = work.tables.ver_at(conv, conv.is_b(chat.owner.user), chat.cleared, to),
             .from = chat.peer,
             .unread_total = total.unread,
             .targets = targets,
             .by_device = by_device});
  if (!less) return;
  add(work, {.kind = FollowUp::Kind::Badge,
             .to = chat.owner,
             .unread_total = total.unread,
             .targets = std::move(targets),
             .by_device = by_device});
}

void tell_total(Work& work, const UserKey& to, Tables::Touched total, const std::string& by_device) {
  add(work, {.kind = FollowUp::Kind::Badge,
             .to = to,
             .unread_total = total.unread,
             .targets = phones_but(work.tables, to, by_device),
             .by_device = by_device});
}

Answer<std::vector<FollowUp>> follow_ups(Work& work, std::int64_t after, std::size_t limit) {
  std::vector<FollowUp> out;
  for (const FollowUpRow& row : work.tables.follow_ups_after(after, std::min(limit, kFollowUpsMax)))
    out.push_back(follow_up_of(work.tables, row));
  return out;
}

}  // namespace nightpost::im
