#include "im/store/console_reader.h"

#include <algorithm>
#include <string_view>

#include "core/text.h"
#include "im/domain/group_rules.h"
#include "im/store/name_lines.h"
#include "im/store/schema.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kBeyondIds =
    "\x7f";  // ids are 0x20-0x7E, so those that begin with a text are below it + this

Result<std::int64_t> version_in(sql::Database& database) {
  return database.file() != nullptr ? stored_version(*database.file()) : stored_version(*database.server());
}

Result<void> check_version(std::int64_t version) {
  if (version == schema_version()) return {};
  if (version == 0)
    return fail(Errc::NotFound, "this store has no companion: `nightpost im` or `nightpost all` makes its tables");
  return fail(Errc::Malformed, "the companion's tables have version " + std::to_string(version) +
                                   ", this binary knows " + std::to_string(schema_version()) +
                                   ": run the same Nightpost for both");
}

/// A number of another binary's stands for the least.
GroupRole role_at(const sql::Rows& rows, int column) {
  const std::int64_t role = rows.integer(column);
  return role < 0 || role > std::int64_t(GroupRole::Owner) ? GroupRole::Member : static_cast<GroupRole>(role);
}
ReceiveOption option_at(const sql::Rows& rows, int column) {
  const std::int64_t option = rows.integer(column);
  return option < 0 || option > std::int64_t(ReceiveOption::Discard) ? ReceiveOption::Notify
                                                                     : static_cast<ReceiveOption>(option);
}
WallTime time_at(const sql::Rows& rows, int column) { return wall_from_ms(rows.integer(column)); }
std::string text_at(const sql::Rows& rows, int column) { return std::string(rows.text(column)); }

ConsoleReader::GroupItem group_item_of(const sql::Rows& rows) {
  return {.id = text_at(rows, 0),
          .name = text_at(rows, 1),
          .type = text_at(rows, 2),
          .owner = text_at(rows, 3),
          .members = rows.integer(4),
          .created_at = time_at(rows, 5),
          .last_at = time_at(rows, 6)};
}

/// `a`, `b`: of one-to-one; both empty: a group's.
Message shown_message_of(const sql::Rows& rows, ConvId conv, const std::string& a, const std::string& b) {
  const bool from_b = rows.integer(2) != 0;
  Message out{.id = {conv, {rows.integer(0)}},
              // An imported one's own time, where `at` is that of the one before it.
              .at = time_at(rows, rows.integer(7) > 0 ? 7 : 1),
              .from = a.empty() ? text_at(rows, 8)
                      : from_b  ? b
                                : a,
              .nick = text_at(rows, 9),
              .flags = {.recalled = rows.integer(3) != 0,
                        .hidden_from_receiver = rows.integer(6) != 0,
                        .tip = rows.integer(5) != 0,
                        .edited = rows.integer(4) != 0},
              .elements = text_at(rows, 11),
              .cloud_data = text_at(rows, 12),
              .card = text_at(rows, 10),
              .mentions = lines_of(rows.text(13)),
              .targets = lines_of(rows.text(14))};
  if (!a.empty()) out.to = from_b ? a : b;
  return out;
}

/// Takes rows in the order of ids until the page is full; `item_of` gives an id, a name and the item.
template <class Item>
class SearchPage {
 public:
  explicit SearchPage(const ConsoleReader::Search& search) : search_(search), part_(ascii_lower(search.part)) {}
  std::size_t rows_max() const {
    return part_.empty() ? search_.limit : std::max(search_.limit, ConsoleReader::kLookedAtMax);
  }
  std::string upper() const { return search_.prefix + std::string(kBeyondIds); }
  void take(const std::string& id, std::string_view name, Item item) {
    if (page_.items.size() >= search_.limit) return;
    ++looked_at_;
    last_ = id;
    if (ascii_lower(name).contains(part_)) page_.items.push_back(std::move(item));
  }
  ConsoleReader::Page<Item> done() && {
    if (looked_at_ >= rows_max() || page_.items.size() >= search_.limit) page_.next = std::move(last_);
    return std::move(page_);
  }

 private:
  const ConsoleReader::Search& search_;
  const std::string part_;
  ConsoleReader::Page<Item> page_;
  std::size_t looked_at_ = 0;
  std::string last_;
};

}  // namespace

Result<void> ConsoleReader::ready() {
  if (database_ == nullptr) {
    auto opened = sql::Database::open(url_, options_, sql::Use::Read);
    if (!opened) return std::unexpected(std::move(opened.error()));
    if (auto* const file = (*opened)->file()) {
      if (auto done = file->configure(options_); !done) return done;
      if (auto done = file->run("PRAGMA query_only=ON", "store file"); !done) return done;
    }
    database_ = *std::move(opened);
  }
  if (auto done = database_->ready(); !done) return done;
  // Each time: the IM server may have made its tables since, or a newer one may have changed them.
  const auto version = version_in(*database_);
  if (!version) return std::unexpected(version.error());
  if (auto fits = check_version(*version); !fits) return fits;
  if (queries_) return {};
  auto queries = ConsoleQueries::prepare(*database_);
  Result<void> settled = queries ? database_->settle() : std::unexpected(std::move(queries.error()));
  if (!settled) {
    // A database keeps the texts of what was prepared on it, so each call that fails would add to them.
    queries = ConsoleQueries{};
    database_.reset();
    return settled;
  }
  queries_ = *std::move(queries);
  return {};
}

template <class Look>
auto ConsoleReader::look(Look look) -> decltype(look()) {
  if (auto done = ready(); !done) return std::unexpected(std::move(done.error()));
  auto transaction = sql::Transaction::begin(*database_);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  return look();
}

template <class Read>
Result<void> ConsoleReader::each(sql::Rows&& rows, Read read) {
  while (rows.next()) read(std::as_const(rows));
  return rows.done();
}

Result<ConsoleReader::Page<ConsoleReader::UserItem>> ConsoleReader::users(AppId app, const Search& search) {
  return look([&]() -> Result<Page<UserItem>> {
    SearchPage<UserItem> page(search);
    const std::string upper = page.upper();
    auto done = each(queries_->users.query(app.value, search.after, search.prefix, upper, page.rows_max()),
                     [&](const sql::Rows& rows) {
                       UserItem item{.id = text_at(rows, 0),
                                     .nick = text_at(rows, 1),
                                     .removed = rows.integer(2) != 0,
                                     .created_at = time_at(rows, 3)};
                       const std::string id = item.id, nick = item.nick;
                       page.take(id, nick, std::move(item));
                     });
    if (!done) return std::unexpected(std::move(done.error()));
    return std::move(page).done();
  });
}

Result<std::optional<ConsoleReader::User>> ConsoleReader::user(const UserKey& who) {
  return look([&]() -> Result<std::optional<User>> {
    const std::int64_t app = who.app.value;
    std::optional<User> out;
    Result<void> done = each(queries_->user.query(app, who.user), [&](const sql::Rows& rows) {
      out = User{.item = {.id = who.user,
                          .nick = text_at(rows, 0),
                          .removed = rows.integer(1) != 0,
                          .created_at = time_at(rows, 2)},
                 .face = text_at(rows, 3),
                 .signatures_from = time_at(rows, 4),
                 .unread = rows.integer(5)};
    });
    if (!done) return std::unexpected(std::move(done.error()));
    if (!out) return std::nullopt;
    const auto more = [&](sql::Statement& statement, auto read, const auto&... args) {
      if (done) done = each(statement.query(app, who.user, args...), read);
    };
    more(queries_->terminals, [&](const sql::Rows& rows) {
      out->terminals.push_back({.device = text_at(rows, 0),
                                .platform = text_at(rows, 1),
                                .state = text_at(rows, 2),
                                .language = text_at(rows, 4),
                                .foreground = rows.integer(3) != 0,
                                .badge = rows.integer(5),
                                .login = rows.integer(6)});
    });
    more(queries_->silence, [&](const sql::Rows& rows) {
      out->silent_in_chats_until = time_at(rows, 0);
      out->silent_in_groups_until = time_at(rows, 1);
    });
    more(queries_->friends, [&](const sql::Rows& rows) { out->friends = rows.integer(0); });
    more(queries_->blacks, [&](const sql::Rows& rows) { out->blacklisted = rows.integer(0); });
    more(
        queries_->fields, [&](const sql::Rows& rows) { out->fields.emplace_back(text_at(rows, 0), text_at(rows, 1)); },
        kProfileFieldsMax);
    more(
        queries_->groups_of,
        [&](const sql::Rows& rows) {
          out->groups.push_back({.group = text_at(rows, 0),
                                 .name = text_at(rows, 1),
                                 .type = text_at(rows, 2),
                                 .role = role_at(rows, 3),
                                 .joined_at = time_at(rows, 4)});
        },
        kUserGroupsMax + 1);
    if (!done) return std::unexpected(std::move(done.error()));
    out->more_groups = out->groups.size() > kUserGroupsMax;
    if (out->more_groups) out->groups.pop_back();
    return out;
  });
}

Result<ConsoleReader::Totals> ConsoleReader::totals(AppId app) {
  return look([&]() -> Result<Totals> {
    Totals out;
    Result<void> done =
        each(queries_->accounts_count.query(app.value), [&](const sql::Rows& rows) { out.accounts = rows.integer(0); });
    if (done)
      done =
          each(queries_->groups_count.query(app.value), [&](const sql::Rows& rows) { out.groups = rows.integer(0); });
    if (done)
      done = each(queries_->terminal_counts.query(app.value), [&](const sql::Rows& rows) {
        out.terminals.push_back({text_at(rows, 0), text_at(rows, 1), rows.integer(2) != 0, rows.integer(3)});
      });
    if (!done) return std::unexpected(std::move(done.error()));
    return out;
  });
}

Result<ConsoleReader::Page<ConsoleReader::GroupItem>> ConsoleReader::groups(AppId app, const Search& search) {
  return look([&]() -> Result<Page<GroupItem>> {
    SearchPage<GroupItem> page(search);
    const std::string upper = page.upper();
    auto done = each(queries_->groups.query(app.value, search.after, search.prefix, upper, page.rows_max()),
                     [&](const sql::Rows& rows) {
                       GroupItem item = group_item_of(rows);
                       const std::string id = item.id, name = item.name;
                       page.take(id, name, std::move(item));
                     });
    if (!done) return std::unexpected(std::move(done.error()));
    return std::move(page).done();
  });
}

Result<std::optional<ConsoleReader::Group>> ConsoleReader::group(AppId app, const std::string& id) {
  return look([&]() -> Result<std::optional<Group>> {
    std::optional<Group> out;
    Result<void> done = each(queries_->group.query(app.value, id), [&](const sql::Rows& rows) {
      out = Group{.item = group_item_of(rows),
                  .conv = {rows.integer(7)},
                  .seq = {rows.integer(8)},
                  .introduction = text_at(rows, 9),
                  .notification = text_at(rows, 10),
                  .face = text_at(rows, 11),
                  .join = text_at(rows, 12),
                  .invite = text_at(rows, 13),
                  .invite_consent = rows.integer(14) != 0,
                  .all_silenced = rows.integer(16) != 0,
                  .members_max = rows.integer(15),
                  .fields = text_at(rows, 17),
                  .info_at = time_at(rows, 18)};
    });
    if (!done) return std::unexpected(std::move(done.error()));
    if (!out) return std::nullopt;
    // Nobody has set it: as its type's groups begin.
    if (const auto type = group_type_from(out->item.type); out->invite.empty() && type)
      out->invite = name_of(traits_of(*type).invite);
    done = each(queries_->applications_waiting.query(out->conv.value),
                [&](const sql::Rows& rows) { out->applications_waiting = rows.integer(0); });
    if (done)
      done = each(queries_->applications.query(out->conv.value, kApplicationsMax), [&](const sql::Rows& rows) {
        out->applications.push_back({.user = text_at(rows, 0),
                                     .state = rows.integer(1),
                                     .at = time_at(rows, 2),
                                     .decided_at = time_at(rows, 4),
                                     .by = text_at(rows, 3),
                                     .inviter = text_at(rows, 5),
                                     .for_user = rows.integer(6) != 0});
      });
    if (!done) return std::unexpected(std::move(done.error()));
    return out;
  });
}

Result<std::optional<ConsoleReader::Page<ConsoleReader::Member>>> ConsoleReader::members(
    AppId app, const std::string& group, std::optional<GroupRole> role, const std::string& after, std::size_t limit) {
  return look([&]() -> Result<std::optional<Page<Member>>> {
    std::optional<ConvId> conv;
    auto done =
        each(queries_->group.query(app.value, group), [&](const sql::Rows& rows) { conv = ConvId{rows.integer(7)}; });
    if (!done) return std::unexpected(std::move(done.error()));
    if (!conv) return std::nullopt;
    Page<Member> page;
    const std::int64_t slot = after.empty() ? -1 : member_slot(after);
    const std::int64_t asked = role ? std::int64_t(*role) : -1;
    done = each(queries_->members.query(conv->value, slot, after, asked, limit + 1), [&](const sql::Rows& rows) {
      page.items.push_back({.user = text_at(rows, 0),
                            .nick = text_at(rows, 1),
                            .card = text_at(rows, 6),
                            .role = role_at(rows, 2),
                            .joined_at = time_at(rows, 3),
                            .silenced_until = time_at(rows, 4),
                            .last_sent_at = time_at(rows, 7),
                            .option = option_at(rows, 5)});
    });
    if (!done) return std::unexpected(std::move(done.error()));
    if (page.items.size() > limit) {
      page.items.pop_back();
      page.next = page.items.back().user;
    }
    return page;
  });
}

Result<std::optional<ConsoleReader::Chats>> ConsoleReader::chats(const UserKey& who) {
  return look([&]() -> Result<std::optional<Chats>> {
    bool known = false;
    auto done = each(queries_->user.query(who.app.value, who.user), [&](const sql::Rows&) { known = true; });
    if (!done) return std::unexpected(std::move(done.error()));
    if (!known) return std::nullopt;
    Chats out;
    done = each(queries_->chats.query(who.app.value, who.user, kChatsMax + 1), [&](const sql::Rows& rows) {
      out.items.push_back({.conv = {rows.integer(0)},
                           .peer = text_at(rows, 1),
                           .head = {rows.integer(2)},
                           .head_at = time_at(rows, 3),
                           .unread = rows.integer(4),
                           .gone = rows.integer(5) != 0});
    });
    if (!done) return std::unexpected(std::move(done.error()));
    out.more = out.items.size() > kChatsMax;
    if (out.more) out.items.pop_back();
    return out;
  });
}

Result<ConsoleReader::Words> ConsoleReader::words(AppId app, const std::string& part, const std::string& after,
                                                  std::size_t limit) {
  return look([&]() -> Result<Words> {
    const Search search{.prefix = {}, .part = word_key(part), .after = after, .limit = limit};
    SearchPage<Word> page(search);
    auto done = each(queries_->words.query(app.value, after, page.rows_max()), [&](const sql::Rows& rows) {
      // As a server reads an action of another version (Tables::word_of).
      page.take(text_at(rows, 0), rows.text(0),
                {text_at(rows, 1), word_action_from(rows.text(2)).value_or(WordAction::Refuse)});
    });
    Words out;
    if (done)
      done = each(queries_->words_count.query(app.value), [&](const sql::Rows& rows) { out.all = rows.integer(0); });
    if (!done) return std::unexpected(std::move(done.error()));
    out.page = std::move(page).done();
    return out;
  });
}

Result<ConsoleReader::SettingRows> ConsoleReader::settings(AppId app) {
  return look([&]() -> Result<SettingRows> {
    SettingRows out;
    auto done = each(queries_->settings.query(app.value),
                     [&](const sql::Rows& rows) { out.emplace_back(text_at(rows, 0), text_at(rows, 1)); });
    if (!done) return std::unexpected(std::move(done.error()));
    return out;
  });
}

Result<std::optional<std::pair<ConvId, Seq>>> ConsoleReader::conversation(const HistoryQuestion& question) {
  std::optional<std::pair<ConvId, Seq>> out;
  if (!question.group.empty()) {
    auto done = each(queries_->group.query(question.app.value, question.group),
                     [&](const sql::Rows& rows) { out.emplace(ConvId{rows.integer(7)}, Seq{rows.integer(8)}); });
    if (!done) return std::unexpected(std::move(done.error()));
    return out;
  }
  const auto& [a, b] = std::minmax(question.user, question.peer);
  if (a.empty()) return out;  // groups have an empty one
  auto done = each(queries_->conv_of.query(question.app.value, a, b),
                   [&](const sql::Rows& rows) { out.emplace(ConvId{rows.integer(0)}, Seq{rows.integer(1)}); });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

/// The greatest seq up to `to` that stands not later than `till`: times of places never fall within a conversation.
Result<Seq> ConsoleReader::last_till(ConvId conv, WallTime till, Seq to) {
  std::int64_t low = 0, high = to.value;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    std::int64_t seq = low;
    bool fits = true;
    auto done = each(queries_->place.query(conv.value, low, middle), [&](const sql::Rows& rows) {
      seq = rows.integer(0);
      fits = rows.integer(1) <= to_ms(till);
    });
    if (!done) return std::unexpected(std::move(done.error()));
    if (fits)
      low = middle;
    else
      high = seq - 1;
  }
  return Seq{low};
}

Result<std::optional<ConsoleReader::History>> ConsoleReader::history(const HistoryQuestion& question) {
  return look([&]() -> Result<std::optional<History>> {
    const auto found = conversation(question);
    if (!found) return std::unexpected(found.error());
    if (!*found) return std::nullopt;
    auto [conv, to] = **found;
    if (question.before) to = std::min(to, Seq{question.before->value - 1});
    const bool group = !question.group.empty();
    const auto& [a, b] = std::minmax(question.user, question.peer);
    const std::string none;
    const std::int64_t now = to_ms(question.now);
    History out{.conv = conv};
    std::size_t bytes = 0;
    const auto take = [&](const sql::Rows& rows) {
      if (out.next) return;
      Message message = shown_message_of(rows, conv, group ? none : a, group ? none : b);
      bytes += message.elements.size() + message.cloud_data.size();
      const bool full = out.messages.size() == question.limit || (bytes > kHistoryBytesMax && !out.messages.empty());
      if (full)
        out.next = out.messages.back().id.seq;
      else
        out.messages.push_back(std::move(message));
    };
    if (question.till) {
      const auto last = last_till(conv, *question.till, to);
      if (!last) return std::unexpected(last.error());
      // Behind it stand later ones, and those that were imported since, which are older than their place says.
      const Seq from{std::max(last->value, to.value - std::int64_t(kLookedAtMax))};
      auto done = each(
          queries_->imported.query(conv.value, to.value, now, question.limit + 1, from.value, to_ms(*question.till)),
          take);
      if (!done) return std::unexpected(std::move(done.error()));
      if (!out.next && from > *last) out.next = Seq{from.value + 1};
      to = *last;
    }
    if (!out.next) {
      auto done = each(queries_->messages.query(conv.value, to.value, now, question.limit + 1), take);
      if (!done) return std::unexpected(std::move(done.error()));
    }
    std::ranges::reverse(out.messages);
    return out;
  });
}

}  // namespace nightpost::im
