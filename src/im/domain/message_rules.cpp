#include "im/domain/message_rules.h"

#include <algorithm>
#include <string>

namespace nightpost::im {

Answer<SendPlan> decide_send(const SendFacts& facts, const SendRules& rules) {
  if (!facts.to_self && !facts.receiver_known) return refuse(Code::ReceiverUnknown, "to: no such user");
  if (facts.silenced_until > facts.now)
    return refuse(Code::Silenced, "this user may not speak until " + std::to_string(to_ms(facts.silenced_until)));
  if (facts.blacklisted && !rules.blacklist_silent)
    return refuse(Code::Blacklisted, "to: the sender is on this user's blacklist");
  if (!facts.friends && !facts.to_self) return refuse(Code::NotFriends, "to: not a friend, and only friends may write");
  SendPlan plan;
  plan.stored = !facts.online_only;
  plan.hidden = facts.blacklisted;
  plan.counts = plan.stored && !plan.hidden && !facts.to_self && !facts.no_unread;
  plan.intent = plan.stored && !plan.hidden && !facts.to_self && !facts.from_system && !facts.push_disabled &&
                facts.receiver_has_targets;
  plan.seq = plan.stored ? Seq{facts.head.value + 1} : Seq{};
  plan.at = std::max(facts.now, facts.last_at);
  return plan;
}

Answer<RecallPlan> decide_recall(const RecallFacts& facts, milliseconds window) {
  if (!facts.visible) return refuse(Code::MessageUnknown, "id: no such message");
  if (!facts.mine) return refuse(Code::NotTheSender, "id: another user's message");
  if (facts.recalled) return RecallPlan{.repeated = true};
  if (facts.now - facts.at > window)
    return refuse(Code::RecallTooLate, "id: a message can be recalled for " + std::to_string(window.count() / 1000) +
                                           " s after it was sent");
  const bool unread = facts.counts && !facts.hidden && facts.seq > facts.receiver_read;
  return RecallPlan{.tell_receiver = !facts.hidden, .unread_less = unread ? 1 : 0};
}

Seq advanced_read(Seq read, Seq head, std::optional<Seq> asked) noexcept {
  return std::max(read, std::min(asked.value_or(head), head));
}

}  // namespace nightpost::im
