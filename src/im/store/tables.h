// The companion's tables on one connection to either store: typed reads and writes, no rules. Single-threaded.
//
// Errors are sticky, as with a stream: after the first one, reads find nothing, writes do nothing, and failure() has
// the words. So a command is read as what it does; who runs it asks once, and rolls back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "im/domain/callback.h"
#include "im/domain/word_filter.h"
#include "im/store/admin_queries.h"
#include "im/store/call_queries.h"
#include "im/store/call_rows.h"
#include "im/store/callback_queries.h"
#include "im/store/group_queries.h"
#include "im/store/group_rows.h"
#include "im/store/mass_queries.h"
#include "im/store/mass_rows.h"
#include "im/store/node_queries.h"
#include "im/store/queries.h"
#include "im/store/rows.h"
#include "im/store/rule_queries.h"
#include "im/store/sql.h"

namespace nightpost::im {

class Tables {
 public:
  using Use = sql::Use;
  /// Opens the store, brings its tables and the companion's up to date. Malformed: another program's or a newer
  /// Nightpost's. Overloaded: another IM server has the database.
  static Result<Tables> open(const store::StoreUrl& url, const store::StoreOptions& options, Use use,
                             sql::Reconnect reconnect = {});

  sql::Database& database() noexcept { return *database_; }
  /// Whose the intents, follow-ups and unbinds are that are written and read here (node.h).
  void set_node(std::int64_t id) noexcept { node_ = id; }
  const std::optional<Error>& failure() const noexcept { return failure_; }
  void forget_failure() noexcept { failure_.reset(); }
  /// Waits for the writes that a server has not answered yet; what it refuses is the failure.
  void settle();
  /// Something to go back to inside a transaction.
  void mark();
  void release_mark();
  /// Undoes what was written since mark(), and its failure with it. False: the transaction is over, or cannot be gone
  /// back in.
  bool back_to_mark();

  // Accounts. A removed one has a row, too.
  std::optional<AccountRow> account(const UserKey& who);
  void add_account(const UserKey& who, WallTime now);  // or bring a removed one back; one that is there stays
  void set_profile(const UserKey& who, std::string_view nick, std::string_view face);
  struct Touched {
    Ver ver;
    std::int64_t unread = 0;
  };
  /// The account's next ver, and its one-to-one total changed by `unread`, which never falls below 0. `unread` of the
  /// result counts groups, too.
  Touched touch(const UserKey& who, std::int64_t unread = 0);
  /// Of groups, by their running counts.
  std::int64_t group_unread_total(const UserKey& who);
  Epoch next_epoch(const UserKey& who);
  void set_valid_from(const UserKey& who, WallTime from);
  /// Its chats, blacklist, intents and terminals go; the row stays, as removed, and what clients have is void.
  void remove_account(const UserKey& who);

  // Terminals.
  std::optional<TerminalRow> terminal(const UserKey& who, std::string_view device);
  std::vector<TerminalRow> terminals(const UserKey& who);
  void save_terminal(const UserKey& who, const TerminalRow& row);
  void forget_terminal(const UserKey& who, std::string_view device);

  // Conversations and chats.
  std::optional<ConvRow> conv(AppId app, const std::string& one, const std::string& other);
  std::optional<ConvRow> conv(ConvId id);
  ConvRow add_conv(AppId app, const std::string& one, const std::string& other);
  void advance(ConvId conv, Seq seq, WallTime at);
  /// The conversation's next change: what became of the message.
  std::int64_t add_change(MessageId id, std::string_view by, WallTime at, ChangeRow::What what);
  void forget_edits(MessageId id);  // the changes that say so
  /// Those that this user is told of: what another one removed for himself is none of them.
  ChangesPage changes_after(ConvId conv, std::int64_t change, std::string_view viewer, bool viewer_is_b,
                            std::size_t limit);
  std::optional<ChatRow> chat(const UserKey& owner, ConvId conv);
  void save_chat(const ChatRow& row);
  std::vector<ChatRow> chats_above(const UserKey& owner, Ver ver, std::size_t limit);  // by ver
  std::vector<ChatRow> unread_chats(const UserKey& owner);

  // Messages. A viewer does not see what is hidden from him, was deleted for him, has expired or is cleared; nor, of
  // his own, that they are hidden from the other one.
  struct Viewer {
    std::string_view user;
    bool is_b = false;
    Seq cleared;
    WallTime now{};
  };
  void add_message(const ConvRow& conv, const Message& message, MessageVers vers);
  std::optional<Message> message(const ConvRow& conv, Seq seq);
  std::optional<Message> message(const ConvRow& conv, Seq seq, const Viewer& viewer);
  /// Between two seqs, both included; at most `limit`, and no more than `bytes` of content unless it is a single one.
  struct Page {
    std::vector<Message> messages;  // in the direction asked for
    bool more = false;
  };
  Page messages_up(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer, std::size_t limit, std::size_t bytes);
  Page messages_down(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer, std::size_t limit, std::size_t bytes);
  /// The newest that may stand as a conversation's last; 0: none.
  Seq last_for(const ConvRow& conv, const Viewer& viewer);
  void make_tombstone(MessageId id);
  void edit_message(MessageId id, std::string_view elements, std::string_view cloud_data);
  /// What the other side wrote that counts as unread, above `above` up to `to`.
  std::int64_t count_unread(const ConvRow& conv, bool reader_is_b, Seq above, Seq to);
  /// The greatest seq in (above, to] whose message is older than `time`, or came with the reader's ver at or below
  /// `ver`; `above` where there is none.
  Seq last_before(const ConvRow& conv, WallTime time, Seq above, Seq to);
  Seq last_within(const ConvRow& conv, bool reader_is_b, Ver ver, Seq above, Seq to);
  /// The reader's ver when the newest message in (above, to] came; 0: there is none.
  Ver ver_at(const ConvRow& conv, bool reader_is_b, Seq above, Seq to);
  void hide(MessageId id, std::string_view user);  // one that he was never shown
  /// Deleted for this user, and his devices' news of it. False: it was hidden from him before.
  bool remove_for(MessageId id, std::string_view user, WallTime at);
  std::vector<MessageId> expired(WallTime now, std::size_t limit);
  void erase_message(const ConvRow& conv, Seq seq);

  // What a repeat finds.
  std::optional<SentRow> sent(const UserKey& who, std::string_view client_id);
  void add_sent(const UserKey& who, std::string_view client_id, const SentRow& row);
  std::size_t prune_sent(WallTime before, std::size_t limit);  // how many went

  // Blacklists.
  bool blocks(const UserKey& who, std::string_view other);
  void set_block(const UserKey& who, std::string_view other, bool on);
  std::vector<std::string> blocked(const UserKey& who);

  // Intents.
  std::int64_t add_intent(const UserKey& to, MessageId message, Ver ver);
  bool erase_intent(MessageId message);  // true: there was one
  void erase_intents_up_to(const UserKey& to, MessageId message);
  void settle_intent(std::int64_t id);
  void mark_published(std::int64_t id, std::int32_t events, std::span<const std::string> devices);
  std::vector<IntentRow> intents_after(std::int64_t id, std::size_t limit);  // this node's, as the next

  // Follow-ups of pushes.
  std::int64_t add_follow_up(const FollowUpRow& row);  // its id
  void settle_follow_up(std::int64_t id);
  std::vector<FollowUpRow> follow_ups_after(std::int64_t id, std::size_t limit);

  // Tokens to be taken away after the commit.
  struct Unbind {
    UserKey who;
    std::string device;
    bool operator==(const Unbind&) const = default;
  };
  void add_unbind(const Unbind& unbind);
  void erase_unbind(const Unbind& unbind);   // whosever it is
  void finish_unbind(const Unbind& unbind);  // this node's: another may owe a later one of the same device
  std::vector<Unbind> unbinds();             // this node's

  // Nodes (tables_nodes.cpp).
  std::vector<NodeRow> nodes();  // by id
  void note_node(std::int64_t id, const NodeFacts& facts);
  void end_node(std::int64_t id);
  /// So many of each, at most, of what hangs on a node that is over; and all its unbinds. How many rows moved.
  std::size_t take_over(std::int64_t from, std::int64_t to, std::size_t limit);
  void forget_node(std::int64_t id);  // one that is over

  // Groups (tables_groups.cpp). A dismissed one is found by its conv alone.
  std::optional<GroupRow> group(AppId app, std::string_view id);
  std::optional<GroupRow> group(ConvId conv);
  /// Makes the conversation, too. An empty id: one is made.
  void add_group(GroupRow& row);
  void save_group(const GroupRow& row);
  void release_group_id(const GroupRow& row);  // of one that is dismissed
  /// What hangs on it, but members and messages; so many rows of each kind at most. True: there may be more.
  bool prune_group(ConvId conv, std::size_t limit);
  void erase_group(ConvId conv);  // of which all that is gone
  /// After a message: seq, time and count of the row.
  void advance_group(const GroupRow& row, WallTime now);
  void move_group(ConvId conv, WallTime now);  // its members have something to see
  std::optional<ConvId> dismissed_before(WallTime time);

  std::optional<MemberRow> member(ConvId conv, const UserKey& who);  // also one that left
  void save_member(const MemberRow& row);
  void note_sent(const MemberRow& row, bool counts, WallTime at);  // of a sender's row, nothing else of which changes
  struct NamedMember {
    MemberRow row;
    std::string nick;
  };
  /// By slot and user, behind `after`.
  std::vector<NamedMember> members(ConvId conv, std::string_view after, std::optional<GroupRole> role,
                                   std::optional<WallTime> silenced_at, std::size_t limit);
  std::optional<NamedMember> member_named(ConvId conv, const std::string& user);
  std::size_t groups_of(const UserKey& who);  // how many he is in
  std::vector<ConvId> subscriptions(const UserKey& who);
  std::vector<MemberRow> memberships(const UserKey& who);
  std::vector<ReceiverRow> receivers(MessageId message, SlotRange slots, std::string_view sender);
  struct Joined {
    GroupRow group;
    MemberRow member;
  };
  std::vector<Joined> joined(const UserKey& who, ConvId after, std::optional<GroupType> type, std::size_t limit);
  std::vector<Joined> groups_above(const UserKey& who, Ver ver, std::size_t limit);  // by ver; those left, too
  std::vector<Joined> groups_moved(const UserKey& who, WallTime since, ConvId after, std::size_t limit);  // by conv
  std::int64_t recalled_above(ConvId conv, Seq seq, std::string_view reader);  // others' that raised unread
  std::vector<MemberRow> left_before(WallTime time, std::size_t limit);
  std::vector<MemberRow> members_of(ConvId conv, std::size_t limit);  // those that left, too
  void forget_member(const MemberRow& row);                           // who does not know yet syncs from 0

  // Their messages.
  struct GroupViewer {
    std::string_view user;  // empty: the app, which sees what nobody alone was sent
    WallTime now{};
  };
  void add_group_message(const GroupRow& group, const Message& message, MessageCount count);
  std::optional<std::pair<Message, MessageCount>> group_message(const GroupRow& group, Seq seq);
  std::optional<Message> group_message(const GroupRow& group, Seq seq, const GroupViewer& viewer);
  Page group_messages_up(const GroupRow& group, Seq from, Seq to, const GroupViewer& viewer, std::size_t limit,
                         std::size_t bytes);
  Page group_messages_down(const GroupRow& group, Seq from, Seq to, const GroupViewer& viewer, std::size_t limit,
                           std::size_t bytes);
  std::optional<Message> group_last(const GroupRow& group, Seq cleared, const GroupViewer& viewer);
  std::int64_t counted_at(const GroupRow& group, Seq seq);
  std::int64_t own_count(ConvId conv, std::string_view sender, Seq above, Seq to);
  Seq group_last_before(ConvId conv, WallTime time, Seq above, Seq to);
  void note_recalled(MessageId id);
  Seq mention_above(ConvId conv, std::string_view user, Seq seq);  // the newest; 0: none
  void erase_mentions(const Message& message);
  void erase_group_message(const GroupRow& group, const Message& message, MessageCount count);
  std::size_t erase_messages(ConvId conv, std::size_t about);  // the oldest; how many went
  /// As changes_after(); however many others removed something, a look at some of them is enough for an answer.
  ChangesPage group_changes_after(ConvId conv, std::int64_t change, std::string_view viewer, std::size_t limit);

  std::optional<ApplicationRow> application(ConvId conv, std::string_view user);
  void save_application(ConvId conv, const ApplicationRow& row);
  std::vector<ApplicationRow> applications(ConvId conv, std::size_t limit);  // newest first
  std::size_t applications_waiting(ConvId conv);
  void prune_applications(WallTime before);
  void void_invitation(ConvId conv, std::string_view user, std::string_view by, WallTime now);  // one that waits
  void prune_invitations(WallTime before);                                                      // that wait
  /// That wait for his answer, newest first.
  std::vector<InvitationRow> invitations_of(const UserKey& who, WallTime since, std::size_t limit);

  // Live rooms (tables_live.cpp).
  std::size_t count_live_groups(AppId app);
  std::size_t count_live_groups_of(const UserKey& owner);
  void disown_live_groups(const UserKey& owner);  // his have no owner from then on
  std::optional<LiveRule> live_rule(ConvId conv, std::string_view user);
  void save_live_rule(ConvId conv, const LiveRule& rule);
  void erase_live_rule(ConvId conv, std::string_view user);
  std::size_t count_live_rules(ConvId conv);
  void prune_live_rules(ConvId conv, WallTime now);  // those that are over
  /// Those that are silenced now, or banned; by user, behind `after`.
  std::vector<LiveRule> live_rules(ConvId conv, std::string_view after, WallTime now, bool banned, std::size_t limit);

  std::int64_t add_group_intent(MessageId message, std::int64_t ranges);
  bool erase_group_intent(MessageId message);
  void group_intent_done(std::int64_t id, std::int64_t ranges);
  void settle_group_intent(std::int64_t id);
  std::vector<GroupIntentRow> group_intents_after(std::int64_t id, std::size_t limit);

  // What the app's server does with groups (tables_group_admin.cpp).
  std::vector<std::pair<ConvId, std::string>> group_ids(AppId app, ConvId after, std::optional<GroupType> type,
                                                        std::size_t limit);  // by conv
  std::int64_t count_groups(AppId app, std::optional<GroupType> type);
  /// The `n`th newest message (from 1) that this member has to read, as if he had read none; 0: there are fewer.
  Seq unread_from(ConvId conv, std::string_view reader, std::int64_t n);
  std::vector<Seq> seqs_of_sender(ConvId conv, std::string_view sender, Seq below, std::size_t limit);  // falling
  /// Members that were there for the message and did not send it: how many, and how many of them have read it.
  std::pair<std::int64_t, std::int64_t> receipt(MessageId id, std::string_view sender);
  /// Their names behind `after`, by slot and user: of those who have read it, or have not.
  std::vector<std::string> receipt_users(MessageId id, std::string_view sender, bool read, std::string_view after,
                                         std::size_t limit);
  std::vector<std::pair<std::string, std::string>> group_attributes(ConvId conv);  // name, value; by name
  void set_group_attribute(ConvId conv, std::string_view name, std::string_view value);
  void erase_group_attributes(ConvId conv);
  std::vector<std::pair<std::string, std::int64_t>> group_counters(ConvId conv);  // likewise
  void set_group_counter(ConvId conv, std::string_view name, std::int64_t value);
  void erase_group_counter(ConvId conv, std::string_view name);
  void erase_group_counters(ConvId conv);

  // The server API's (tables_admin.cpp).
  void name_message(MessageId id, const WireName& name);
  /// The message that is called so, sent within that second; 0: none.
  Seq find_named(const ConvRow& conv, std::uint32_t wire_seq, std::uint32_t wire_random, std::int64_t second);
  struct NamedMessage {
    Message message;
    WireName name;
  };
  /// Those that came in order, from `to` down; those that were imported later than the next, by their time.
  std::vector<NamedMessage> named_down(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer, std::size_t limit);
  std::vector<NamedMessage> imported_down(const ConvRow& conv, WallTime from, WallTime to, const Viewer& viewer,
                                          std::size_t limit);
  std::vector<ChatRow> recent_chats(const UserKey& owner, std::size_t skip, std::size_t limit);
  void stamp_block(const UserKey& who, std::string_view other, WallTime at);  // if it has no time yet
  std::vector<std::pair<std::string, WallTime>> blocked_since(const UserKey& who);
  void set_profile_field(const UserKey& who, std::string_view tag, std::string_view value);
  std::vector<std::pair<std::string, std::string>> profile_fields(const UserKey& who);  // tag, value; by tag
  SilenceRow silence(const UserKey& who);
  void set_silence(const UserKey& who, const SilenceRow& row);
  std::optional<FriendRow> friend_of(const UserKey& who, std::string_view other);
  void save_friend(const UserKey& who, const FriendRow& row);
  bool remove_friend(const UserKey& who, std::string_view other);  // true: it was there
  void remove_friends(const UserKey& who, bool of_others_too);     // all of his; and him from all others' lists
  std::vector<FriendRow> friends(const UserKey& who, std::size_t skip, std::size_t limit);  // by user id
  std::int64_t count_friends(const UserKey& who);
  std::vector<std::string> friend_groups(const UserKey& who);  // names, rising
  void add_friend_group(const UserKey& who, std::string_view name);
  void remove_friend_group(const UserKey& who, std::string_view name);
  void remove_admin_rows(const UserKey& who);  // with the account: profile fields, silence, friends both ways

  // Calls (tables_calls.cpp).
  void add_call(const CallRow& row, const std::vector<std::string>& users);
  std::optional<CallRow> call(MessageId id);
  void save_call(const CallRow& row);  // waiting, canceled, device
  std::vector<CallUserRow> call_users(MessageId id);
  void save_call_user(MessageId id, const CallUserRow& row);
  std::vector<CallRow> calls_due(WallTime now, std::size_t limit);  // the oldest first
  std::optional<WallTime> next_call_due();
  std::size_t open_calls_by(const UserKey& who);
  /// That wait for him, then those that he invited to and that wait for somebody; each at most `limit`, newest first.
  std::vector<CallRow> open_calls(const UserKey& who, std::size_t limit);
  std::size_t prune_calls(WallTime before, std::size_t limit);  // how many went

  // What an app's server is to be told (tables_callbacks.cpp).
  void add_callback(const CallbackJob& job);  // it is given its id
  std::vector<CallbackJob> callbacks_after(AppId app, std::int64_t id, std::size_t limit);
  std::size_t count_callbacks(AppId app, std::size_t most);  // no further than that
  void settle_callback(std::int64_t id);
  /// Of the oldest, so many at most, those from before. How many went.
  std::size_t prune_callbacks(WallTime before, std::size_t limit);
  /// What the app's server calls a message, and when that was sent. nullopt: it is gone.
  std::optional<WireName> wire_name_of(MessageId id);

  // Pushes to all (tables_mass.cpp).
  std::int64_t add_mass_task(const MassTaskRow& row);  // its id
  std::optional<MassTaskRow> mass_task(std::int64_t id);
  std::int64_t mass_task_named(AppId app, std::int64_t random, WallTime since);  // 0: none
  std::size_t mass_tasks_running(AppId app);
  /// By id, and whether all of its chunks were begun: those that run or have open chunks.
  std::vector<std::pair<std::int64_t, bool>> mass_tasks_open();
  void advance_mass_task(const MassTaskRow& row);                    // cursor, chunks, users, begun_all
  void end_mass_task(std::int64_t id, std::int64_t state);           // one that runs
  void count_mass_outcomes(const MassTaskRow& more);                 // its four counts are added
  std::size_t prune_mass_tasks(WallTime before, std::size_t limit);  // how many went
  void add_mass_chunk(std::int64_t task, const MassChunkRow& row);
  std::optional<MassChunkRow> mass_chunk(std::int64_t task, std::int64_t chunk);
  std::vector<std::int64_t> mass_chunks(std::int64_t task);
  void erase_mass_chunk(std::int64_t task, std::int64_t chunk);
  /// Users above `after`, up to `upto` (empty: all), by id.
  struct UserSpan {
    std::string_view after, upto;
    std::size_t limit = 0;
  };
  std::vector<std::string> users_between(AppId app, const UserSpan& span);
  std::vector<std::string> users_tagged(AppId app, std::string_view tag, const UserSpan& span);
  std::vector<std::string> users_with(AppId app, std::string_view attribute, std::string_view value,
                                      const UserSpan& span);
  std::map<std::int64_t, std::string> attribute_names(AppId app);
  void set_attribute_names(AppId app, const std::map<std::int64_t, std::string>& names);  // all of them
  void drop_attribute(AppId app, std::string_view name);                                  // its values go by and by
  bool is_dropped(AppId app, std::string_view name);  // ... and some may still be there
  bool prune_dropped_attributes(std::size_t limit);   // so many values at most; true: there may be more
  void set_attribute(const UserKey& who, std::string_view name, std::string_view value);
  void erase_attribute(const UserKey& who, std::string_view name);
  std::map<std::string, std::string> attributes(const UserKey& who);
  void add_tag(const UserKey& who, std::string_view tag);
  void erase_tag(const UserKey& who, std::string_view tag);
  void erase_tags(const UserKey& who);
  std::vector<std::string> tags(const UserKey& who);
  void remove_marks(const UserKey& who);  // with the account: tags and attributes

  // What operators set while the server runs (tables_rules.cpp); `folded`: word_key().
  std::vector<std::pair<AppId, std::int64_t>> rule_versions();  // by app
  void advance_rules(AppId app);                                // its words or settings have changed
  std::vector<Word> words(AppId app, std::size_t limit);        // in the order of their keys
  std::optional<Word> word(AppId app, std::string_view folded);
  void save_word(AppId app, std::string_view folded, const Word& word);
  void erase_word(AppId app, std::string_view folded);
  std::size_t count_words(AppId app);
  std::vector<std::pair<std::string, std::string>> settings(AppId app);  // name, value; by name
  std::optional<std::string> setting(AppId app, std::string_view name);
  void save_setting(AppId app, std::string_view name, std::string_view value);
  void erase_setting(AppId app, std::string_view name);

 private:
  Tables(std::unique_ptr<sql::Database> database, Queries queries, AdminQueries admin, GroupQueries groups,
         CallbackQueries callbacks, MassQueries mass, CallQueries calls, NodeQueries nodes, RuleQueries rules)
      : database_(std::move(database)),
        queries_(std::move(queries)),
        admin_(std::move(admin)),
        groups_(std::move(groups)),
        callbacks_(std::move(callbacks)),
        mass_(std::move(mass)),
        calls_(std::move(calls)),
        nodes_(std::move(nodes)),
        rules_(std::move(rules)) {}

  template <class Read>
  void each(sql::Rows&& rows, Read read);
  /// A write of which nothing is asked: behind a server it costs no round trip of its own.
  template <class... Args>
  void change(sql::Statement& statement, const Args&... args);
  /// How many rows it wrote.
  template <class... Args>
  std::int64_t changed(sql::Statement& statement, const Args&... args);
  void failed(Error error);
  /// A row that this binary did not write.
  void damaged(std::string_view table);
  TerminalRow terminal_of(const sql::Rows& rows);
  Message message_of(const ConvRow& conv, const sql::Rows& rows);
  Message seen_of(const ConvRow& conv, const sql::Rows& rows);
  template <class Read>
  Page page(sql::Rows&& rows, std::size_t limit, std::size_t bytes, Read read);
  GroupRow group_row_of(const sql::Rows& rows);
  MemberRow member_of(const sql::Rows& rows, int from);
  NamedMember named_member_of(const sql::Rows& rows);
  std::vector<Joined> joined_of(sql::Rows&& rows);
  std::vector<MemberRow> members_in(sql::Rows&& rows);
  ApplicationRow application_of(const sql::Rows& rows);
  Message group_message_of(const GroupRow& group, const sql::Rows& rows);
  std::vector<NamedMessage> named(const ConvRow& conv, sql::Rows&& rows);
  std::vector<std::string> users_of(sql::Rows&& rows);
  static Word word_of(const sql::Rows& rows);
  template <class Before>
  Seq last_where(const ConvRow& conv, Seq above, Seq to, Before before);

  std::unique_ptr<sql::Database> database_;
  Queries queries_;  // after the database: statements go first
  AdminQueries admin_;
  GroupQueries groups_;
  CallbackQueries callbacks_;
  MassQueries mass_;
  CallQueries calls_;
  NodeQueries nodes_;
  std::int64_t node_ = 1;  // as what was written before there were nodes
  RuleQueries rules_;
  std::optional<Error> failure_;
};

}  // namespace nightpost::im
