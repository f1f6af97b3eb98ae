#include <algorithm>
#include <utility>

#include "im/service/callback_notes.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"
#include "im/service/mass_push_commands.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kOrphanMargin{3'600'000};

/// What the device has counts as read. Per chat, for one that changed since may hold messages that it has.
void read_acknowledged(Work& work, const Actor& who, Ver ver) {
  for (ChatRow& chat : work.tables.unread_chats(who.user)) {
    const auto conv = work.tables.conv(chat.conv);
    if (!conv) continue;
    const Seq to = work.tables.last_within(*conv, conv->is_b(who.user.user), ver, chat.read, chat.head);
    if (to <= chat.read) continue;
    advance_read(work, *conv, chat, to, "");
    note_read(work, who, *conv, chat);
  }
}

/// A message that nobody sees any more counts for nobody.
void expire(Work& work, MessageId id) {
  Tables& tables = work.tables;
  const auto conv = tables.conv(id.conv);
  if (!conv) return;
  if (conv->is_group()) return expire_in_group(work, id);
  const auto message = tables.message(*conv, id.seq);
  if (!message) return;
  const bool counts = !message->flags.no_unread && !message->flags.recalled && !message->flags.hidden_from_receiver &&
                      conv->a != conv->b;
  auto chat = counts ? tables.chat({conv->app, message->to}, id.conv) : std::nullopt;
  if (chat && id.seq > chat->read && chat->unread > 0) {
    const Tables::Touched touched = tables.touch(chat->owner, in_total(*conv, -1));
    chat->ver = touched.ver;
    --chat->unread;
    tables.save_chat(*chat);
    work.told.deliveries.push_back({chat->owner, touched.ver, "", ChatChanged{chat->peer}, touched.unread});
    if (!is_systems(*conv)) tell_total(work, chat->owner, touched);
  }
  if (tables.erase_intent(id)) work.told.recalled.push_back(id);
  tables.erase_message(*conv, id.seq);
}

}  // namespace

Answer<void> save_acknowledged(Work& work, const std::vector<Acknowledgement>& all) {
  for (const auto& [who, ver] : all) {
    // A later login of the device may have come meanwhile: what the device has, it has.
    auto row = work.tables.terminal(who.user, who.device);
    const auto account = row ? work.tables.account(who.user) : std::nullopt;
    if (!account || row->state != TerminalState::LoggedIn || who.epoch > row->epoch) continue;
    const Ver acked = std::min(ver, account->ver);
    if (acked <= row->acked) continue;
    row->acked = acked;
    work.tables.save_terminal(who.user, *row);
    if (row->auto_read) read_acknowledged(work, actor_of(who), acked);
  }
  return {};
}

Answer<void> save_intents(Work& work, const std::vector<IntentChange>& all) {
  for (const IntentChange& change : all) {
    if (change.mass_chunk != 0)
      finish_mass_chunk(work, change.id, change.mass_chunk);
    else if (change.callback)
      work.tables.settle_callback(change.id);
    else if (change.follow_up)
      work.tables.settle_follow_up(change.id);
    else if (change.events == 0)
      work.tables.settle_intent(change.id);
    else
      work.tables.mark_published(change.id, change.events, change.devices);
  }
  return {};
}

Answer<bool> prune(Work& work) {
  const std::size_t most = work.options.pruned_max;
  const std::size_t keys = work.tables.prune_sent(work.now - work.options.client_id_kept, most);
  const std::vector<MessageId> expired = work.tables.expired(work.now, most);
  for (const MessageId& id : expired) expire(work, id);
  const bool more_of_groups = prune_groups(work);
  const std::size_t pushes = work.tables.prune_mass_tasks(work.now - work.options.mass_push.kept, most);
  const bool attributes = work.tables.prune_dropped_attributes(most);
  const std::size_t calls = work.tables.prune_calls(work.now - work.options.calls.kept, most);
  // What an app's sender gives up goes before; these are of apps that have none any more.
  const std::size_t callbacks =
      work.tables.prune_callbacks(work.now - work.options.callbacks.kept - kOrphanMargin, most);
  return keys == most || expired.size() == most || more_of_groups || attributes || pushes == most ||
         callbacks == most || calls == most;
}

}  // namespace nightpost::im
