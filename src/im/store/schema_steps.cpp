#include "im/store/schema_steps.h"

#include <array>

namespace nightpost::im {
namespace {

// In SQLite's words, which dialect.h turns into PostgreSQL's. A released step is never edited: files out there have it.
// What each message changes in im_accounts, im_convs and im_chats stands in no index of PostgreSQL, and their pages
// have room: an update then stays on its page and touches no index (HOT).
constexpr auto kSteps = std::to_array<std::string_view>({
    R"sql(
-- The user comes first in keys, as in the store's tables. A removed account keeps its row, so that its counters go on.
CREATE TABLE im_accounts (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  ver INTEGER NOT NULL DEFAULT 0,         -- counts what changed for this user
  ver_floor INTEGER NOT NULL DEFAULT 0,   -- what a client has from below it is of an earlier life of the account
  unread INTEGER NOT NULL DEFAULT 0,      -- the sum of the user's chats
  epoch INTEGER NOT NULL DEFAULT 0,       -- of the last login, whatever the device
  valid_from INTEGER NOT NULL DEFAULT 0,  -- ms since the epoch; signatures issued before are refused
  removed INTEGER NOT NULL DEFAULT 0,
  nick TEXT NOT NULL DEFAULT '',
  face TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_terminals (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  state TEXT NOT NULL,  -- logged_in, displaced, logged_out
  epoch INTEGER NOT NULL,
  language TEXT NOT NULL,
  auto_read INTEGER NOT NULL,
  acked INTEGER NOT NULL DEFAULT 0,       -- the ver up to which it has everything, as saved
  foreground INTEGER NOT NULL DEFAULT 1,  -- as the app reported last
  badge INTEGER NOT NULL DEFAULT 0,       -- the total that it showed on going to background
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;

-- One-to-one: user_a <= user_b, bytes compared. AUTOINCREMENT: a number is never given twice.
CREATE TABLE im_convs (
  conv INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_a TEXT NOT NULL,
  user_b TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,      -- of the newest message
  changes INTEGER NOT NULL DEFAULT 0,  -- of the newest row in im_changes
  last_at INTEGER NOT NULL DEFAULT 0,
  UNIQUE (user_a, user_b, app_id)
) STRICT;

-- A rowid table: large rows are appended, and only the small key is sorted in.
CREATE TABLE im_messages (
  /*sqlite*/ id INTEGER PRIMARY KEY,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,      -- ms since the epoch; never falls within a conversation
  from_b INTEGER NOT NULL,  -- 0: user_a wrote it, 1: user_b
  priority INTEGER NOT NULL,
  no_unread INTEGER NOT NULL,
  no_last INTEGER NOT NULL,
  recalled INTEGER NOT NULL,
  hidden INTEGER NOT NULL,  -- from the receiver
  ver_a INTEGER NOT NULL,   -- user_a's account when the message came: never falls, as time does not
  ver_b INTEGER NOT NULL,
  expires INTEGER,          -- ms since the epoch; NULL: kept for good
  client_id TEXT NOT NULL,
  nick TEXT NOT NULL,
  face TEXT NOT NULL,
  elements TEXT NOT NULL,
  push TEXT NOT NULL,
  cloud_data TEXT NOT NULL,
  UNIQUE (conv, seq)
) STRICT;
CREATE INDEX im_messages_by_expiry ON im_messages (expires) WHERE expires IS NOT NULL;

-- What a repeat finds. Ids rise with time, so the oldest are pruned from the table's beginning.
CREATE TABLE im_send_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  ver INTEGER NOT NULL,
  UNIQUE (user_id, client_id, app_id)
) STRICT;

-- A conversation as its owner sees it.
CREATE TABLE im_chats (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  peer TEXT NOT NULL,
  ver INTEGER NOT NULL,
  head INTEGER NOT NULL,  -- newest message that is not hidden from the owner
  head_at INTEGER NOT NULL,
  read INTEGER NOT NULL,
  peer_read INTEGER NOT NULL,
  cleared INTEGER NOT NULL,  -- up to here nothing is shown
  last INTEGER NOT NULL,     -- newest message to be shown; 0: none
  unread INTEGER NOT NULL,
  pinned INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  mark TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, conv)
) STRICT, WITHOUT ROWID;
/*sqlite*/ CREATE INDEX im_chats_by_ver ON im_chats (user_id, app_id, ver);

-- Recalls, for who has copies of a conversation's messages.
CREATE TABLE im_changes (
  conv INTEGER NOT NULL,
  change INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  by_user TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (conv, change)
) STRICT, WITHOUT ROWID;

-- Deleted for one user.
CREATE TABLE im_hides (
  conv INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (conv, user_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_blacks (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  blocked TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, blocked)
) STRICT, WITHOUT ROWID;

-- "Somebody may need a push", from the message's transaction until it is settled.
CREATE TABLE im_intents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ver INTEGER NOT NULL,                -- the receiver's, of this message
  events INTEGER NOT NULL DEFAULT 0,
  pushed TEXT NOT NULL DEFAULT '',     -- device ids that these named, a line each
  UNIQUE (conv, seq)
) STRICT;

-- Devices whose token is still to be taken from the store's table: it is written after this one's commit.
CREATE TABLE im_unbinds (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;

/*postgres*/ ALTER TABLE im_accounts SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_convs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_chats SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_intents SET (autovacuum_vacuum_scale_factor = 0.02);
)sql",
    R"sql(
-- What pushes made before are to be told, from the transaction in which it happened until the broker has its event.
CREATE TABLE im_follow_ups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  kind INTEGER NOT NULL,  -- 1: the message was recalled; 2: the conversation was read up to it; 3: the total fell
  conv INTEGER NOT NULL,  -- 0 of 3, as are seq and ver
  seq INTEGER NOT NULL,
  ver INTEGER NOT NULL,   -- the user's when that message came
  at INTEGER NOT NULL
) STRICT;
)sql",
    R"sql(
-- Groups. One is a conversation of user_a '' and user_b the group's id; once dismissed, of the id, a line's end and conv,
-- so that the id is free. What a member has not read comes out of running counts: a message writes no row a member.
ALTER TABLE im_convs ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;      -- messages that raise unread
ALTER TABLE im_convs ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;       -- of them, up to the last that is erased
ALTER TABLE im_convs ADD COLUMN recalled_to INTEGER NOT NULL DEFAULT 0;  -- greatest seq that was recalled
ALTER TABLE im_convs ADD COLUMN moved_at INTEGER NOT NULL DEFAULT 0;     -- when there was last something for all members
ALTER TABLE im_messages ADD COLUMN sender TEXT NOT NULL DEFAULT '';    -- in a group; empty: a tip, or one-to-one
ALTER TABLE im_messages ADD COLUMN card TEXT NOT NULL DEFAULT '';
ALTER TABLE im_messages ADD COLUMN tip INTEGER NOT NULL DEFAULT 0;
ALTER TABLE im_messages ADD COLUMN counts INTEGER NOT NULL DEFAULT 0;   -- raises unread
ALTER TABLE im_messages ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;  -- how many do, up to this one
ALTER TABLE im_messages ADD COLUMN mentions TEXT NOT NULL DEFAULT '';   -- a user a line
ALTER TABLE im_messages ADD COLUMN targets TEXT NOT NULL DEFAULT '';    -- likewise; empty: everyone
CREATE INDEX im_messages_recalled ON im_messages (conv, seq) WHERE recalled = 1;
CREATE INDEX im_hides_by_seq ON im_hides (conv, seq);

CREATE TABLE im_groups (
  conv INTEGER PRIMARY KEY,
  app_id INTEGER NOT NULL,
  group_id TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  introduction TEXT NOT NULL,
  notification TEXT NOT NULL,
  face TEXT NOT NULL,
  owner TEXT NOT NULL,  -- empty: none
  join_option TEXT NOT NULL,
  members INTEGER NOT NULL,
  members_max INTEGER NOT NULL,
  all_silenced INTEGER NOT NULL,
  fields TEXT NOT NULL,  -- JSON object of the app's own
  created_at INTEGER NOT NULL,
  info_at INTEGER NOT NULL,
  dismissed_at INTEGER NOT NULL DEFAULT 0  -- 0: it lives
) STRICT;
CREATE INDEX im_groups_dismissed ON im_groups (dismissed_at) WHERE dismissed_at > 0;

-- slot: a hash of the user; ranges of it cut a group into parts for pushes. A membership that ended keeps its row for a
-- while, for devices that were away.
CREATE TABLE im_members (
  conv INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  app_id INTEGER NOT NULL,
  role INTEGER NOT NULL,  -- 0 member, 1 admin, 2 owner
  joined_at INTEGER NOT NULL,
  left_at INTEGER NOT NULL,  -- 0: a member
  cleared INTEGER NOT NULL,  -- up to here nothing is shown: what was before the join, or the user cleared
  read INTEGER NOT NULL,
  read_count INTEGER NOT NULL,  -- im_messages.counted at the read mark
  own_since INTEGER NOT NULL,   -- own messages above it that raise unread
  option INTEGER NOT NULL,      -- 0 notify, 1 not notify, 2 discard
  silenced_until INTEGER NOT NULL,
  last_sent_at INTEGER NOT NULL,
  card TEXT NOT NULL,
  pinned INTEGER NOT NULL,
  hidden_to INTEGER NOT NULL,  -- not in the list while the head is below
  mark TEXT NOT NULL,
  ver INTEGER NOT NULL,  -- of the account when the member's own side changed
  PRIMARY KEY (conv, slot, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_members_by_ver ON im_members (user_id, app_id, ver);
CREATE INDEX im_members_left ON im_members (left_at) WHERE left_at > 0;

-- A user's latest in a group.
CREATE TABLE im_applications (
  conv INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  state INTEGER NOT NULL,  -- 0 waits, 1 agreed, 2 refused
  at INTEGER NOT NULL,
  note TEXT NOT NULL,
  by_user TEXT NOT NULL,  -- who decided; empty: the app
  answer TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  PRIMARY KEY (conv, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_applications_decided ON im_applications (decided_at) WHERE decided_at > 0;

-- user_id '': everyone.
CREATE TABLE im_mentions (
  conv INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (conv, user_id, seq)
) STRICT, WITHOUT ROWID;

-- Who alone sees a message.
CREATE TABLE im_targets (
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  PRIMARY KEY (conv, seq, user_id)
) STRICT, WITHOUT ROWID;

-- One a message, however many its members are.
CREATE TABLE im_group_intents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ranges INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,  -- ranges that are over, from the first
  UNIQUE (conv, seq)
) STRICT;
)sql",
    R"sql(
-- What the app's server calls a message; 0 and 0: a client sent it, then its seq and 0 stand for them.
ALTER TABLE im_messages ADD COLUMN wire_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE im_messages ADD COLUMN wire_random INTEGER NOT NULL DEFAULT 0;
-- ms since the epoch: when an imported message was sent, where `at` had to be later so as not to fall; else 0.
ALTER TABLE im_messages ADD COLUMN imported_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX im_messages_imported ON im_messages (conv, imported_at) WHERE imported_at > 0;

ALTER TABLE im_blacks ADD COLUMN added_at INTEGER NOT NULL DEFAULT 0;  -- ms since the epoch; 0: not known

-- A profile beside nick and face. The value is a JSON string or number.
CREATE TABLE im_profile_fields (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, tag)
) STRICT, WITHOUT ROWID;

-- May not speak until then: ms since the epoch.
CREATE TABLE im_silences (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  chats_until INTEGER NOT NULL,
  groups_until INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_friends (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  friend TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  source TEXT NOT NULL,
  remark TEXT NOT NULL,
  wording TEXT NOT NULL,
  labels TEXT NOT NULL,  -- names of friend groups, a line each
  PRIMARY KEY (user_id, app_id, friend)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_friends_by_friend ON im_friends (friend, app_id);
)sql",
    R"sql(
-- What an app's server is to be told, from the transaction in which it happened until it has taken it.
CREATE TABLE im_callbacks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  command TEXT NOT NULL,
  at INTEGER NOT NULL,      -- ms since the epoch
  client_ip TEXT NOT NULL,  -- empty: not known
  platform TEXT NOT NULL,
  body TEXT NOT NULL        -- JSON object
) STRICT;
CREATE INDEX im_callbacks_by_app ON im_callbacks (app_id, id);
/*postgres*/ ALTER TABLE im_callbacks SET (autovacuum_vacuum_scale_factor = 0.02);
)sql",
    R"sql(
-- Pushes to all: what is said, and how far its users have been looked at.
CREATE TABLE im_mass_tasks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  random INTEGER NOT NULL,   -- the caller's, taken for some days
  from_user TEXT NOT NULL,
  elements TEXT NOT NULL,    -- empty: a notification without a message
  push TEXT NOT NULL,
  lifetime INTEGER NOT NULL,   -- ms that each user's message is kept; 0: it is not stored
  condition INTEGER NOT NULL,  -- 0: all; 1, 2: all of, any of the tags; 3, 4: of the attributes; 5: users
  keys TEXT NOT NULL,          -- of it, two lines each
  at INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,  -- 0: runs; 1: over; 2: canceled
  begun_all INTEGER NOT NULL DEFAULT 0,
  cursor TEXT NOT NULL DEFAULT '',
  chunks INTEGER NOT NULL DEFAULT 0,
  users INTEGER NOT NULL DEFAULT 0,
  pushed INTEGER NOT NULL DEFAULT 0,  -- devices, as far as results were read back
  failed INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  clicked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX im_mass_tasks_by_app ON im_mass_tasks (app_id, random);

-- Users of a task that were looked at together, from then until the broker has their event.
CREATE TABLE im_mass_chunks (
  task INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  after_user TEXT NOT NULL,
  upto_user TEXT NOT NULL,
  PRIMARY KEY (task, chunk)
) STRICT, WITHOUT ROWID;

CREATE INDEX im_accounts_by_app ON im_accounts (app_id, user_id);

CREATE TABLE im_attribute_names (
  app_id INTEGER NOT NULL,
  place INTEGER NOT NULL,  -- 0-9
  name TEXT NOT NULL,
  PRIMARY KEY (app_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_user_attributes (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_user_attributes_by_value ON im_user_attributes (app_id, name, value, user_id);

CREATE TABLE im_user_tags (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_user_tags_by_tag ON im_user_tags (app_id, tag, user_id);
)sql",
    R"sql(
-- What the app's server may do to messages and groups: edit one, list them all, keep words and counters with a group.
ALTER TABLE im_messages ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE im_changes ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;  -- 0: the message was recalled
CREATE INDEX im_groups_by_app ON im_groups (app_id, conv);

CREATE TABLE im_group_attributes (
  conv INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (conv, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_group_counters (
  conv INTEGER NOT NULL,
  name TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (conv, name)
) STRICT, WITHOUT ROWID;

-- The names of a user's friend groups; who is in one is in im_friends.labels.
CREATE TABLE im_friend_groups (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, name)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
-- Tasks are kept for days, and few of them run: those are found without the others.
CREATE INDEX im_mass_tasks_running ON im_mass_tasks (app_id, id) WHERE state = 0;
CREATE INDEX im_mass_tasks_by_time ON im_mass_tasks (at) WHERE state <> 0;
)sql",
    R"sql(
-- Calls: an invite is called as its message is; who is invited to it, and how many of them have not decided.
CREATE TABLE im_calls (
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  app_id INTEGER NOT NULL,
  inviter TEXT NOT NULL,
  device_id TEXT NOT NULL,             -- that canceled it
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,              -- 0: it never times out
  waiting INTEGER NOT NULL,
  canceled INTEGER NOT NULL DEFAULT 0,
  hidden INTEGER NOT NULL DEFAULT 0,   -- from the invited
  ranges INTEGER NOT NULL DEFAULT 1,   -- of the group's members, for the keys of its events
  data TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_calls_due ON im_calls (until) WHERE waiting > 0 AND until > 0;
CREATE INDEX im_calls_open ON im_calls (inviter, app_id) WHERE waiting > 0;
CREATE INDEX im_calls_by_time ON im_calls (at);

CREATE TABLE im_call_users (
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  state INTEGER NOT NULL,      -- 0: waits
  device_id TEXT NOT NULL,     -- that decided
  PRIMARY KEY (conv, seq, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX im_call_users_waiting ON im_call_users (user_id) WHERE state = 0;

-- Members' invitations: whether they are for all, for admins to agree to, or for nobody; and for the invited to agree to.
ALTER TABLE im_groups ADD COLUMN invite_option TEXT NOT NULL DEFAULT '';  -- '': as the type's groups begin
ALTER TABLE im_groups ADD COLUMN invite_consent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE im_applications ADD COLUMN inviter TEXT NOT NULL DEFAULT '';  -- '': he applied himself
ALTER TABLE im_applications ADD COLUMN for_user INTEGER NOT NULL DEFAULT 0;  -- it waits for the invited
CREATE INDEX im_applications_invited ON im_applications (user_id) WHERE state = 0 AND for_user = 1;
CREATE INDEX im_applications_expiring ON im_applications (at) WHERE state = 0 AND inviter <> '';

-- Of live groups, whose members have no rows. They are counted, and found by owner, without the others.
CREATE INDEX im_groups_live ON im_groups (app_id) WHERE type = 'AVChatRoom' AND dismissed_at = 0;
CREATE TABLE im_live_rules (
  conv INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  silenced_until INTEGER NOT NULL,
  banned_until INTEGER NOT NULL,
  PRIMARY KEY (conv, user_id)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
-- IM servers that share the store (node.h). What stands in im_intents and so on is the node's that wrote it, until
-- another one takes over what a node left that is over. The first row stands for the processes before there were nodes.
CREATE TABLE im_nodes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  process TEXT NOT NULL,      -- drawn at its start; '': the node is over
  seen_at INTEGER NOT NULL,   -- ms since the epoch by the server's clock, of its last commit; in a file 0
  commits INTEGER NOT NULL    -- its own
) STRICT;
INSERT INTO im_nodes (name, process, seen_at, commits) VALUES ('', '', 0, 0);
ALTER TABLE im_intents ADD COLUMN node INTEGER NOT NULL DEFAULT 1;
ALTER TABLE im_follow_ups ADD COLUMN node INTEGER NOT NULL DEFAULT 1;
ALTER TABLE im_group_intents ADD COLUMN node INTEGER NOT NULL DEFAULT 1;
ALTER TABLE im_unbinds ADD COLUMN node INTEGER NOT NULL DEFAULT 1;
/*postgres*/ ALTER TABLE im_nodes SET (fillfactor = 10);
/*postgres*/ CREATE TABLE im_commits (one bigint PRIMARY KEY CHECK (one = 1), number bigint NOT NULL) WITH (fillfactor = 10);
/*postgres*/ INSERT INTO im_commits (one, number) VALUES (1, 0);
/*postgres*/ DROP TABLE im_owner;
)sql",
    R"sql(
-- What an app's operators set while the server runs. `version` counts on with each change of an app's, so whoever read
-- another one reads anew; its row stays.
CREATE TABLE im_app_rules (
  app_id INTEGER NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE im_app_words (
  app_id INTEGER NOT NULL,
  folded TEXT NOT NULL,  -- what two spellings of a word have in common
  word TEXT NOT NULL,
  action TEXT NOT NULL,
  PRIMARY KEY (app_id, folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_app_settings (
  app_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;

-- Attributes that are the app's no more, while users' values of them are still there.
CREATE TABLE im_dropped_attributes (
  app_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
-- What nodes say of themselves, for ops to compare.
ALTER TABLE im_nodes ADD COLUMN clock_ahead INTEGER NOT NULL DEFAULT 0;  -- ms, of the server's clock
ALTER TABLE im_nodes ADD COLUMN message_bytes_max INTEGER NOT NULL DEFAULT 0;
ALTER TABLE im_nodes ADD COLUMN channel TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
-- Whom the last commits concern, while several IM servers share the store: for one that was not told of a commit.
/*postgres*/ CREATE TABLE im_commit_log (number bigint PRIMARY KEY, concerned text COLLATE "C" NOT NULL);
)sql",
});

}  // namespace

std::span<const std::string_view> schema_steps() noexcept { return kSteps; }

}  // namespace nightpost::im
