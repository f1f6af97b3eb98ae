// Every statement of the companion, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct Queries {
  using Statement = sql::Statement;
  Statement mark, release_mark;
  Statement account, account_add, profile_set, account_touch, epoch_next, valid_from_set, account_remove;
  Statement chats_remove, blacks_remove, intents_remove, terminals_remove;
  Statement terminal, terminals, terminal_save, terminal_forget;
  Statement conv_of, conv, conv_add, conv_advance, change_next, change_add, changes_after;
  Statement chat, chat_save, chats_above, chats_unread;
  Statement message_add, message, message_seen, messages_up, messages_down, last_seen, tombstone, edit;
  Statement unread_count, place, hide, expired, message_erase, hides_erase, changes_erase, edits_erase;
  Statement sent, sent_add, sent_prune;
  Statement black, black_add, black_remove, blacks;
  Statement intent_add, intent_erase, intents_read, intent_settle, intent_pushed, intent_publish, intents_after;
  Statement follow_up_add, follow_up_settle, follow_ups_after;
  Statement unbind_add, unbind_erase, unbind_done, unbinds;

  static Result<Queries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
