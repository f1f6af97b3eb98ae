// Messages that the app's server edits after they were sent.
#include <memory>
#include <utility>

#include "im/service/admin_commands.h"
#include "im/service/words.h"

namespace nightpost::im {

std::optional<Message> edited(Message message, const MessageEdit& edit) {
  const bool same = (!edit.elements || *edit.elements == message.elements) &&
                    (!edit.cloud_data || *edit.cloud_data == message.cloud_data);
  if (same) return std::nullopt;
  if (edit.elements) message.elements = *edit.elements;
  if (edit.cloud_data) message.cloud_data = *edit.cloud_data;
  message.flags.edited = true;
  return message;
}

Answer<void> edit_named(Work& work, const UserKey& from, const std::string& to, const WireId& name,
                        const MessageEdit& edit) {
  Tables& tables = work.tables;
  const auto conv = tables.conv(from.app, from.user, to);
  const Seq seq = conv ? tables.find_named(*conv, name.seq, name.random, name.second) : Seq{};
  auto found = seq.value > 0 ? tables.message(*conv, seq) : std::nullopt;
  const bool there =
      found && found->from == from.user && !found->flags.recalled && (!found->expires || *found->expires > work.now);
  if (!there) return refuse(Code::MessageUnknown, "MsgKey: From_Account did not send such a message, or recalled it");
  const auto words = reworded(work, from.app, true, edit.elements.value_or(""), "");
  if (!words) return std::unexpected(words.error());
  const bool again = found->flags.edited;
  auto made = edited(*std::move(found), words->elements ? MessageEdit{words->elements, edit.cloud_data} : edit);
  if (!made) return {};

  const bool hidden = std::exchange(made->flags.hidden_from_receiver, false);
  const MessageId id = made->id;
  tables.edit_message(id, made->elements, made->cloud_data);
  if (again) tables.forget_edits(id);  // the newest says it all
  tables.add_change(id, "", work.now, ChangeRow::What::Edited);
  const auto message = std::make_shared<const Message>(*std::move(made));
  const auto tell = [&](const UserKey& owner) {
    auto chat = tables.chat(owner, conv->id);
    const bool seen = chat && tables.message(*conv, seq, {owner.user, conv->is_b(owner.user), chat->cleared, work.now});
    if (!seen) return;  // deleted or cleared by him, or never in a list of his
    const Tables::Touched touched = tables.touch(owner);
    chat->ver = touched.ver;
    tables.save_chat(*chat);
    work.told.deliveries.push_back({owner, touched.ver, "", MessageEdited{message}, touched.unread});
  };
  tell(from);
  if (!hidden && to != from.user) tell({from.app, to});
  return {};
}

}  // namespace nightpost::im
