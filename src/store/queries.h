// Every statement the store runs, prepared once per connection.
#pragma once

#include "core/result.h"
#include "store/connection.h"
#include "store/statement.h"

namespace nightpost::store {

struct Queries {
  Statement data_version, change_newest, changes, app_changed, bulk_begin, bulk_end, app_known;
  Statement certificate_add, certificate_replace, certificate_status, certificate_remove, id_known;
  Statement certificate, certificate_ids, certificate_secret;
  Statement certificate_owner, certificate_devices;
  Statement versions, version_texts, version_secret, removed_ids, version_use, version_restore;
  Statement versions_prune, versions_purge, secrets_all, secret_set, version_secret_set;
  Statement fact_add, facts_clear, facts;
  Statement choice_add, choices_clear, choices;  // a certificate's settings
  Statement device_set, device_remove, token_remove, token_others, token_take, devices_of_app, devices_of_user,
      devices_of_token;
  Statement token_move;
  Statement certificate_version, held_count, held_add, hold_set, holds_prune, held_prune, held_forget;
  Statement holds, approval_set, approvals, held_take, held_device_remove, held_remove, holds_remove;
  Statement devices_beside, devices_after, device_ids;
  Statement settings_set, mute_set, mute_remove, mutes_beside, users_after, mute_count;
  Statement receiver, receiver_mutes;

  static Result<Queries> prepare(sqlite3* db);
};

}  // namespace nightpost::store
