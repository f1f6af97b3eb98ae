#include "im/store/owner.h"

#include <random>
#include <utility>

#include "core/uuid.h"

namespace nightpost::im {
namespace {

using store::PostgresQuery;

constexpr std::string_view kTable = "im_owner";
constexpr PostgresQuery kTake = {"im_owner_take", kTable, "UPDATE im_owner SET process = $1 RETURNING commits"};
constexpr PostgresQuery kCount = {
    "im_owner_count", kTable,
    "UPDATE im_owner SET commits = commits + 1 WHERE process = $1 AND commits = $2 RETURNING commits"};
constexpr PostgresQuery kRead = {"im_owner_read", kTable, "SELECT process, commits FROM im_owner"};

constexpr std::string_view kTaken = "im store: another IM server has taken this store's database";

}  // namespace

Result<Owner::Row> Owner::read(store::PostgresConnection& server) {
  auto rows = server.query(kRead);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (!rows->next()) return fail(Errc::Io, std::string(kTable) + ": its row is missing");
  return Row{std::string(rows->text(0)), rows->integer(1)};
}

std::unexpected<Error> Owner::depose(std::string why) {
  Error error{Errc::Io, std::move(why)};
  if (!std::exchange(is_deposed_, true) && deposed_) deposed_(error);
  return std::unexpected(std::move(error));
}

Result<void> Owner::take(sql::Database& writer) {
  auto* const server = writer.server();
  if (server == nullptr) return {};
  std::random_device random;
  process_ = hex_of({std::to_string(random()), std::to_string(random()), std::to_string(random())});
  auto rows = server->query(kTake, process_);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (!rows->next()) return fail(Errc::Io, std::string(kTable) + ": its row is missing");
  commits_ = rows->integer(0);
  return {};
}

/// The lock may be held for a moment by our own former session, or for good by another process.
Result<void> Owner::ready(sql::Database& writer) {
  if (is_deposed_) return fail(Errc::Io, std::string(kTaken));
  auto ready = writer.ready();
  if (ready || writer.lost()) return ready;
  if (const auto row = read(*writer.server()); row && row->process != process_) return depose(std::string(kTaken));
  return ready;
}

/// Neither what was answered nor one more.
std::unexpected<Error> Owner::depose(const Row& row) {
  if (row.process != process_) return depose(std::string(kTaken));
  return depose("im store: the server is at commit " + std::to_string(row.commits) + ", and " +
                std::to_string(commits_.load()) + " were answered: a standby that was behind, or an older backup");
}

Result<sql::Transaction> Owner::begin(sql::Database& writer) {
  auto* const server = writer.server();
  if (server == nullptr) return sql::Transaction::begin(writer);
  if (auto done = ready(writer); !done) return std::unexpected(std::move(done.error()));
  auto transaction = sql::Transaction::begin(writer);
  if (!transaction) return transaction;
  auto counted = server->query(kCount, process_, commits_.load());
  if (!counted) return std::unexpected(std::move(counted.error()));
  if (counted->next()) return transaction;
  const auto row = read(*server);
  return row ? depose(*row) : std::unexpected(row.error());
}

Result<void> Owner::commit(sql::Database& writer, sql::Transaction& transaction) {
  auto done = transaction.commit();
  if (done && writer.server() != nullptr) ++commits_;
  return done;
}

Result<bool> Owner::happened(sql::Database& writer) {
  if (auto done = ready(writer); !done) return std::unexpected(std::move(done.error()));
  const auto row = read(*writer.server());
  if (!row) return std::unexpected(row.error());
  const std::int64_t more = row->commits - commits_;
  if (row->process != process_ || more < 0 || more > 1) return depose(*row);
  commits_ += more;
  return more == 1;
}

Result<bool> Owner::is_current(sql::Database& reader, std::int64_t commits) const {
  auto row = read(*reader.server());
  if (!row) return std::unexpected(std::move(row.error()));
  return row->process == process_ && row->commits >= commits;
}

Result<sql::Transaction> Owner::look(sql::Database& reader) const {
  if (reader.server() == nullptr) return sql::Transaction::begin(reader);
  const std::int64_t commits = commits_;  // what the loop was told of is among them
  for (bool again = false;; again = true) {
    if (auto ready = reader.ready(); !ready) return std::unexpected(std::move(ready.error()));
    auto transaction = sql::Transaction::begin(reader);
    if (!transaction) return transaction;
    const auto current = is_current(reader, commits);
    if (current && *current) return transaction;
    if (again && !current) return std::unexpected(current.error());
    if (again) return fail(Errc::Io, "im store: the server is behind what was answered, or another IM server has it");
    reader.drop();
  }
}

}  // namespace nightpost::im
