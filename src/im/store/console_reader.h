// What the console looks at in the companion's tables, beside a running IM server: on a connection of its own that
// writes nothing and migrates nothing. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "im/domain/group.h"
#include "im/domain/ids.h"
#include "im/domain/message.h"
#include "im/domain/word_filter.h"
#include "im/store/console_queries.h"
#include "im/store/sql.h"

namespace nightpost::im {

/// Each call sees one moment. NotFound: the store has no companion; Malformed: its tables are of another version than
/// this binary's; else the store's errors. What is not there is nullopt.
class ConsoleReader {
 public:
  /// Opens nothing yet: the companion may come later. REQUIRED: the store is there, and its own tables are.
  ConsoleReader(store::StoreUrl url, store::StoreOptions options) : url_(std::move(url)), options_(options) {}

  static constexpr std::size_t kLookedAtMax = 5'000;     // rows that one search looks at
  static constexpr std::size_t kUserGroupsMax = 200;     // of one user
  static constexpr std::size_t kProfileFieldsMax = 100;  // likewise
  static constexpr std::size_t kApplicationsMax = 200;   // of one group, the newest
  static constexpr std::size_t kChatsMax = 200;          // of one user, the newest
  static constexpr std::size_t kHistoryBytesMax = 1 << 20;

  /// Ids that begin with `prefix`, and whose name holds `part`, ASCII letters of either case; in the order of ids,
  /// behind `after`.
  struct Search {
    std::string prefix, part, after;
    std::size_t limit = 100;
  };
  template <class Item>
  struct Page {
    std::vector<Item> items;
    std::optional<std::string> next;  // `after` of the next page; nullopt: this was the last
  };

  struct UserItem {
    std::string id, nick;
    bool removed = false;
    WallTime created_at{};
  };
  Result<Page<UserItem>> users(AppId app, const Search& search);

  struct Terminal {
    std::string device, platform, state, language;  // in the table's words
    bool foreground = false;                        // as the app reported last
    std::int64_t badge = 0;                         // that it showed then
    std::int64_t login = 0;                         // the user's logins are counted; the greatest is the last
  };
  struct Membership {
    std::string group, name, type;
    GroupRole role = GroupRole::Member;
    WallTime joined_at{};
  };
  struct User {
    UserItem item;
    std::string face;
    WallTime signatures_from{};  // those issued before are refused
    std::int64_t unread = 0;     // one-to-one
    WallTime silent_in_chats_until{}, silent_in_groups_until{};
    std::int64_t friends = 0, blacklisted = 0;
    std::vector<std::pair<std::string, std::string>> fields;  // tag, value as JSON
    std::vector<Terminal> terminals;                          // the last login first
    std::vector<Membership> groups;
    bool more_groups = false;
  };
  Result<std::optional<User>> user(const UserKey& who);

  struct TerminalCount {
    std::string platform, state;
    bool foreground = false;
    std::int64_t terminals = 0;
  };
  struct Totals {
    std::int64_t accounts = 0, groups = 0;  // that are not removed, not dismissed
    std::vector<TerminalCount> terminals;
  };
  /// Reads all terminals of the app.
  Result<Totals> totals(AppId app);

  struct GroupItem {
    std::string id, name, type, owner;
    std::int64_t members = 0;  // of a live group: none has a row
    WallTime created_at{}, last_at{};
  };
  Result<Page<GroupItem>> groups(AppId app, const Search& search);

  struct Application {
    std::string user;
    std::int64_t state = 0;  // 0 waits, 1 agreed, 2 refused
    WallTime at{}, decided_at{};
    std::string by, inviter;
    bool for_user = false;
  };
  struct Group {
    GroupItem item;
    ConvId conv;
    Seq seq;
    std::string introduction, notification, face, join, invite;
    bool invite_consent = false, all_silenced = false;
    std::int64_t members_max = 0;
    std::string fields;  // JSON object
    WallTime info_at{};
    std::int64_t applications_waiting = 0;
    std::vector<Application> applications;
  };
  Result<std::optional<Group>> group(AppId app, const std::string& id);

  struct Member {
    std::string user, nick, card;
    GroupRole role = GroupRole::Member;
    WallTime joined_at{}, silenced_until{}, last_sent_at{};
    ReceiveOption option = ReceiveOption::Notify;
  };
  /// In the table's order, behind the member `after`. nullopt: no such group.
  Result<std::optional<Page<Member>>> members(AppId app, const std::string& group, std::optional<GroupRole> role,
                                              const std::string& after, std::size_t limit);

  struct Chat {
    ConvId conv;
    std::string peer;
    Seq head;
    WallTime head_at{};
    std::int64_t unread = 0;
    bool gone = false;  // taken out of the user's list
  };
  struct Chats {
    std::vector<Chat> items;  // the newest first
    bool more = false;
  };
  /// nullopt: no such user.
  Result<std::optional<Chats>> chats(const UserKey& who);

  /// Of a user with a peer, or of a group: exactly one of both is named.
  struct HistoryQuestion {
    AppId app;
    std::string user, peer;
    std::string group;
    std::optional<Seq> before;     // only what stands before it
    std::optional<WallTime> till;  // likewise: not later than that, by the time that is shown
    std::size_t limit = 50;
    WallTime now{};
  };
  struct History {
    ConvId conv;
    std::vector<Message> messages;  // rising; all that is stored, whoever may not see it; expired ones are not there
    std::optional<Seq> next;        // `before` of the page before this one, which may be empty; nullopt: there is none
  };
  /// nullopt: they have no conversation, or there is no such group.
  Result<std::optional<History>> history(const HistoryQuestion& question);

  struct Words {
    Page<Word> page;  // in the order of their keys, of which `next` is one
    std::int64_t all = 0;
  };
  /// Of an app: those that hold `part`, whose case and width make no difference.
  Result<Words> words(AppId app, const std::string& part, const std::string& after, std::size_t limit);
  using SettingRows = std::vector<std::pair<std::string, std::string>>;
  Result<SettingRows> settings(AppId app);  // names and values, whatever version set them
  /// The tables are there, and of this version.
  Result<void> ready();

 private:
  template <class Look>
  auto look(Look look) -> decltype(look());
  template <class Read>
  Result<void> each(sql::Rows&& rows, Read read);
  Result<std::optional<std::pair<ConvId, Seq>>> conversation(const HistoryQuestion& question);
  Result<Seq> last_till(ConvId conv, WallTime till, Seq to);

  store::StoreUrl url_;
  store::StoreOptions options_;
  std::unique_ptr<sql::Database> database_;  // null: not opened yet
  std::optional<ConsoleQueries> queries_;    // after the database: statements go first
};

}  // namespace nightpost::im
