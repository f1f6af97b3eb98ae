#include <algorithm>
#include <utility>

#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/service/commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kFollowUpsMax = 10'000;  // of one answer

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

/// Without targets where nobody is to be told any more: then it is over.
FollowUp follow_up_of(Tables& tables, const FollowUpRow& row) {
  const auto account = tables.account(row.to);
  FollowUp one{.id = row.id, .kind = static_cast<FollowUp::Kind>(row.kind), .to = row.to, .at = row.at};
  if (account && !account->removed) {
    one.unread_total = account->unread + tables.group_unread_total(row.to);
    one.targets = push_targets(tables, row.to);
  }
  if (one.kind == FollowUp::Kind::Badge) return one;
  one.message = row.message;
  const auto conv = tables.conv(row.message.conv);
  if (!conv || !conv->holds(row.to)) {
    one.targets.clear();
    return one;
  }
  one.ver = row.ver;
  one.from = conv->other(row.to.user);
  if (auto message = tables.message(*conv, row.message.seq)) one.nick = std::move(message->nick);
  return one;
}

/// False: nothing of it was shown, by its sender's wish or because it has no words to show.
bool may_be_shown(const ServiceOptions& options, const Message& message) {
  const auto push = check_push(message.push);
  if (!push) return true;
  if (push->disabled) return false;
  if (push->canonical.contains(R"("desc":)")) return true;
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
  const Ver ver = work.tables.ver_at(conv, conv.is_b(message.to), Seq{message.id.seq.value - 1}, message.id.seq);
  add(work, {.kind = FollowUp::Kind::Recalled,
             .to = to,
             .message = message.id,
             .ver = ver,
             .from = message.from,
             .nick = message.nick,
             .unread_total = total.unread,
             .targets = std::move(targets)});
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
