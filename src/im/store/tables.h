// The companion's tables on one connection to either store: typed reads and writes, no rules. Single-threaded.
//
// Errors are sticky, as with a stream: after the first one, reads find nothing, writes do nothing, and failure() has
// the words. So a command is read as what it does; who runs it asks once, and rolls back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "im/store/queries.h"
#include "im/store/rows.h"
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
  /// The account's next ver, and its total changed by `unread`; it never falls below 0.
  Touched touch(const UserKey& who, std::int64_t unread = 0);
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
  std::int64_t add_recall(MessageId id, std::string_view by, WallTime at);  // the conversation's next change
  std::vector<ChangeRow> changes_after(ConvId conv, std::int64_t change, bool viewer_is_b, std::size_t limit);
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
  /// What the other side wrote that counts as unread, above `above` up to `to`.
  std::int64_t count_unread(const ConvRow& conv, bool reader_is_b, Seq above, Seq to);
  /// The greatest seq in (above, to] whose message is older than `time`, or came with the reader's ver at or below
  /// `ver`; `above` where there is none.
  Seq last_before(const ConvRow& conv, WallTime time, Seq above, Seq to);
  Seq last_within(const ConvRow& conv, bool reader_is_b, Ver ver, Seq above, Seq to);
  void hide(MessageId id, std::string_view user);
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
  std::vector<IntentRow> intents_after(std::int64_t id, std::size_t limit);

  // Tokens to be taken away after the commit.
  struct Unbind {
    UserKey who;
    std::string device;
    bool operator==(const Unbind&) const = default;
  };
  void add_unbind(const Unbind& unbind);
  void erase_unbind(const Unbind& unbind);
  std::vector<Unbind> unbinds();

 private:
  Tables(std::unique_ptr<sql::Database> database, Queries queries)
      : database_(std::move(database)), queries_(std::move(queries)) {}

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
  Page page(const ConvRow& conv, sql::Rows&& rows, std::size_t limit, std::size_t bytes);
  template <class Before>
  Seq last_where(const ConvRow& conv, Seq above, Seq to, Before before);

  std::unique_ptr<sql::Database> database_;
  Queries queries_;  // after the database: statements go first
  std::optional<Error> failure_;
};

}  // namespace nightpost::im
