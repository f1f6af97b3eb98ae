// The statements of groups, prepared once per connection. SQLite and PostgreSQL both understand them.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct GroupQueries {
  using Statement = sql::Statement;
  Statement group, group_of_conv, group_add, group_save, conv_name, conv_count, conv_moved, conv_erased, conv_recalled;
  Statement member, member_save, member_sent, member_own_erased, members, members_named, groups_count, subscriptions;
  Statement receivers, joined, groups_above, groups_moved, unread_total, recalled_above;
  Statement message_add, message, message_seen, messages_up, messages_down, last_seen, counted_at, own_count, place;
  Statement mention_add, mention_erase, mentions_above, target_add, targets_erase, hides_erase, changes_after;
  Statement application, application_save, applications, applications_waiting, applications_prune;
  Statement invitation_void, invitations_prune, invitations_of;
  Statement live_count, live_count_of, live_disown;
  Statement live_rule, live_rule_save, live_rule_erase, live_rules_count, live_silenced, live_banned;
  Statement live_rules_prune;
  Statement intent_add, intent_erase, intent_done, intent_settle, intents_after;
  Statement left_before, dismissed_before, members_of, member_forget, floor_raise, memberships;
  Statement messages_erase, mentions_prune, targets_prune, hides_prune, changes_prune;
  Statement applications_erase_some, intents_erase_all, intents_prune, rules_erase_some, group_erase, conv_erase;

  Statement ids, ids_count, unread_from, by_sender, receipt, receipt_users;
  Statement attributes, attribute_set, attributes_erase, counters, counter_set, counter_erase, counters_erase;

  static Result<GroupQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
