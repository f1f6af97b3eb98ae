#include "im/store/node.h"

#include <chrono>
#include <thread>
#include <utility>

namespace nightpost::im {
namespace {

using store::PostgresQuery;

constexpr std::string_view kNodes = "im_nodes";
constexpr std::string_view kCommits = "im_commits";
constexpr std::string_view kCommitLog = "im_commit_log";
constexpr milliseconds kFormerAgain{20};
constexpr milliseconds kFormerPatience{500};
#define IM_NOW "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

constexpr PostgresQuery kNext = {"im_number", kCommits, "UPDATE im_commits SET number = number + 1"};
constexpr PostgresQuery kLast = {"im_number_last", kCommits, "SELECT number FROM im_commits"};
constexpr PostgresQuery kHold = {"im_number_hold", kCommits, "SELECT number FROM im_commits FOR UPDATE"};
// A process that lives holds the lock of its name (sql.cpp).
constexpr PostgresQuery kFormer = {"im_node_former", kNodes,
                                   "SELECT id, pg_try_advisory_xact_lock(hashtextextended(current_schema()::text || "
                                   "process, 1315391821)) FROM im_nodes "
                                   "WHERE name = $1 AND process <> '' ORDER BY id"};
constexpr PostgresQuery kGoOn = {"im_node_go_on", kNodes,
                                 "UPDATE im_nodes SET process = $2, seen_at = " IM_NOW
                                 " WHERE id = $1 RETURNING id, commits, seen_at"};
constexpr PostgresQuery kJoin = {"im_node_join", kNodes,
                                 "INSERT INTO im_nodes (name, process, seen_at, commits) VALUES ($1, $2, " IM_NOW
                                 ", 0) RETURNING id, commits, seen_at"};
constexpr PostgresQuery kBefore = {"im_node_before", kNodes,
                                   "SELECT count(*) FROM im_nodes WHERE id < $1 AND process <> ''"};
constexpr PostgresQuery kCount = {
    "im_node_count", kNodes,
    "UPDATE im_nodes n SET commits = n.commits + 1, seen_at = " IM_NOW
    " FROM im_commits c WHERE n.id = $1 AND n.process = $2 AND n.commits = $3 RETURNING c.number, n.seen_at"};
constexpr PostgresQuery kRead = {"im_node_read", kNodes, "SELECT process, commits FROM im_nodes WHERE id = $1"};
constexpr PostgresQuery kLook = {"im_node_look", kNodes,
                                 "SELECT n.process, n.commits, c.number FROM im_nodes n, im_commits c WHERE n.id = $1"};
#undef IM_NOW
constexpr PostgresQuery kLog = {"im_log", kCommitLog,
                                "INSERT INTO im_commit_log (number, concerned) VALUES ($1, $2) ON CONFLICT (number) DO "
                                "UPDATE SET concerned = EXCLUDED.concerned"};
constexpr PostgresQuery kPruneLog = {"im_log_prune", kCommitLog,
                                     "DELETE FROM im_commit_log l USING im_commits c WHERE l.number <= c.number - $1 "
                                     "OR l.number > c.number"};
constexpr PostgresQuery kLogged = {
    "im_logged", kCommitLog,
    "SELECT number, concerned FROM im_commit_log WHERE number > $1 AND number <= $2 ORDER BY number"};
// Which cluster, and how often a standby of it has taken over: a number that two histories share may be two commits.
constexpr PostgresQuery kHistory = {
    "im_history", kCommits,
    "SELECT system_identifier::text || ' ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM "
    "pg_control_system()"};

constexpr std::string_view kGivenUp =
    "im store: another IM server has given this one up, for it was silent for a lease (im.node_lease_ms), or has its "
    "name (im.node_name) and has taken its place";

}  // namespace

Result<Node::Row> Node::read(store::PostgresConnection& server) const {
  auto rows = server.query(kRead, id_);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (!rows->next()) return Row{};
  return Row{std::string(rows->text(0)), rows->integer(1)};
}

std::unexpected<Error> Node::depose(std::string why) {
  Error error{Errc::Io, std::move(why)};
  if (!std::exchange(is_deposed_, true) && deposed_) deposed_(error);
  return std::unexpected(std::move(error));
}

Result<void> Node::take(sql::Database& writer) {
  process_ = writer.process();
  if (writer.server() != nullptr)
    if (auto done = await_former(*writer.server()); !done) return done;
  auto transaction = sql::Transaction::begin(writer);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto taken = writer.server() == nullptr ? take_in_file(writer) : take_on_server(*writer.server());
  return taken ? transaction->commit() : taken;
}

/// The session of a process that was killed ends within moments. One that does not is that of a process that lives.
Result<void> Node::await_former(store::PostgresConnection& server) const {
  for (const MonoTime until = std::chrono::steady_clock::now() + kFormerPatience;;) {
    auto former = server.query(kFormer, name_);
    if (!former) return std::unexpected(std::move(former.error()));
    bool lives = false, is_over = false;
    while (former->next()) (former->flag(1) ? is_over : lives) = true;
    if (is_over || !lives || std::chrono::steady_clock::now() >= until) return {};
    std::this_thread::sleep_for(kFormerAgain);
  }
}

/// The file is this process's alone: so is what an earlier one left.
Result<void> Node::take_in_file(sql::Database& writer) {
  auto former = sql::Statement::prepare(
      writer, "SELECT id, commits FROM im_nodes WHERE process <> '' ORDER BY id LIMIT 1", kNodes);
  auto go_on = sql::Statement::prepare(writer, "UPDATE im_nodes SET name = ?2, process = ?3 WHERE id = ?1", kNodes);
  auto join = sql::Statement::prepare(
      writer, "INSERT INTO im_nodes (name, process, seen_at, commits) VALUES (?1, ?2, 0, 0) RETURNING id", kNodes);
  for (auto* const each : {&former, &go_on, &join})
    if (!*each) return std::unexpected(std::move(each->error()));
  {
    auto rows = former->query();
    if (rows.next()) id_ = rows.integer(0);
    if (auto done = rows.done(); !done) return done;
  }
  if (id_ != 0) return go_on->later(id_, name_, process_);
  auto rows = join->query(name_, process_);
  if (rows.next()) id_ = rows.integer(0);
  return rows.done();
}

Result<void> Node::take_on_server(store::PostgresConnection& server) {
  auto last = server.query(kHold);
  if (!last) return std::unexpected(std::move(last.error()));
  if (!last->next()) return fail(Errc::Io, std::string(kCommits) + ": its row is missing");
  number_ = seen_ = last->integer(0);
  auto former = server.query(kFormer, name_);
  if (!former) return std::unexpected(std::move(former.error()));
  std::int64_t free = 0;
  while (free == 0 && former->next())
    if (former->flag(1)) free = former->integer(0);
  auto mine = free != 0 ? server.query(kGoOn, free, process_) : server.query(kJoin, name_, process_);
  if (!mine) return std::unexpected(std::move(mine.error()));
  if (!mine->next()) return fail(Errc::Io, std::string(kNodes) + ": no row was made");
  id_ = mine->integer(0);
  commits_ = mine->integer(1);
  seen_at_ = steady_since_ = mine->integer(2);
  auto before = server.query(kBefore, id_);
  if (!before) return std::unexpected(std::move(before.error()));
  was_first_ = before->next() && before->integer(0) == 0;
  return {};
}

/// The lock may be held for a moment by our own former session, or for good by another process.
Result<void> Node::ready(sql::Database& writer) {
  if (is_deposed_) return fail(Errc::Io, std::string(kGivenUp));
  auto ready = writer.ready();
  if (ready || writer.lost()) return ready;
  if (const auto row = read(*writer.server()); row && row->process != process_) return depose(std::string(kGivenUp));
  return ready;
}

/// Once a session. A server that does not say it is taken for the one that it was.
void Node::look_at_history(store::PostgresConnection& server) {
  if (session_ == server.session()) return;
  auto rows = server.query(kHistory);
  if (!rows && server.lost()) return;
  session_ = server.session();
  if (!rows || !rows->next()) return;
  std::string history(rows->text(0));
  if (!history_.empty() && history_ != history) set_back_ = true;
  history_ = std::move(history);
}

/// Neither what was answered nor one more.
std::unexpected<Error> Node::depose(const Row& row) {
  if (row.process != process_) return depose(std::string(kGivenUp));
  return depose("im store: the server is at commit " + std::to_string(row.commits) + " of this node, and " +
                std::to_string(commits_.load()) + " were answered: a standby that was behind, or an older backup");
}

Result<sql::Transaction> Node::begin(sql::Database& writer) {
  auto* const server = writer.server();
  if (server == nullptr) return sql::Transaction::begin(writer);
  if (auto done = ready(writer); !done) return std::unexpected(std::move(done.error()));
  look_at_history(*server);
  auto transaction = sql::Transaction::begin(writer);
  if (!transaction) return transaction;
  if (auto sent = server->later(kNext); !sent) return std::unexpected(std::move(sent.error()));
  auto counted = server->query(kCount, id_, process_, commits_.load());
  if (!counted) return std::unexpected(std::move(counted.error()));
  if (counted->next()) {
    number_ = counted->integer(0);
    begun_at_ = counted->integer(1);
    if (number_ <= seen_) set_back_ = true;
    return transaction;
  }
  const auto row = read(*server);
  return row ? depose(*row) : std::unexpected(row.error());
}

Result<void> Node::commit(sql::Database& writer, sql::Transaction& transaction) {
  auto done = transaction.commit();
  if (!done || writer.server() == nullptr) return done;
  ++commits_;
  saw(number_);
  if (begun_at_ - std::exchange(seen_at_, begun_at_) > lease_.count() / 2) steady_since_ = begun_at_;
  return done;
}

Result<bool> Node::happened(sql::Database& writer) {
  if (auto done = ready(writer); !done) return std::unexpected(std::move(done.error()));
  const auto row = read(*writer.server());
  if (!row) return std::unexpected(row.error());
  const std::int64_t more = row->commits - commits_;
  if (row->process != process_ || more < 0 || more > 1) return depose(*row);
  commits_ += more;
  if (more == 1) saw(number_);
  return more == 1;
}

Result<void> Node::log(sql::Database& writer, std::string_view concerned) {
  return writer.server()->later(kLog, number_.load(), concerned);
}

Result<void> Node::prune_log(sql::Database& writer, std::int64_t kept) {
  return writer.server() == nullptr ? Result<void>() : writer.server()->later(kPruneLog, kept);
}

Result<std::vector<Node::LoggedCommit>> Node::logged(sql::Database& reader, std::int64_t after, std::int64_t to) {
  auto rows = reader.server()->query(kLogged, after, to);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<LoggedCommit> out;
  while (rows->next()) out.push_back({rows->integer(0), std::string(rows->text(1))});
  return out;
}

Result<std::int64_t> Node::last_commit(sql::Database& reader) {
  auto rows = reader.server()->query(kLast);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return rows->next() ? rows->integer(0) : 0;
}

void Node::saw(std::int64_t number) noexcept {
  for (std::int64_t before = seen_; before < number && !seen_.compare_exchange_weak(before, number);) {
  }
}

Result<bool> Node::is_current(sql::Database& reader, std::int64_t commits, std::int64_t seen) const {
  auto rows = reader.server()->query(kLook, id_);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return rows->next() && rows->text(0) == process_ && rows->integer(1) >= commits && rows->integer(2) >= seen;
}

Result<sql::Transaction> Node::look(sql::Database& reader) const {
  if (reader.server() == nullptr) return sql::Transaction::begin(reader);
  const std::int64_t commits = commits_, seen = seen_;  // what the loop was told of is among them
  for (bool again = false;; again = true) {
    if (auto ready = reader.ready(); !ready) return std::unexpected(std::move(ready.error()));
    auto transaction = sql::Transaction::begin(reader);
    if (!transaction) return transaction;
    const auto current = is_current(reader, commits, seen);
    if (current && *current) return transaction;
    if (again && !current) return std::unexpected(current.error());
    if (again)
      return fail(Errc::Io, "im store: the server is behind what was answered, or another IM server has given this up");
    reader.drop();
  }
}

}  // namespace nightpost::im
