#include "im/store/tables.h"

#include "im/store/schema.h"
#include "im/store/tables_inl.h"
#include "store/migrations.h"

namespace nightpost::im {

Result<Tables> Tables::open(const std::string& path, const store::StoreOptions& options, Use use) {
  const auto in_file = [&](const Error& error) { return fail(error.code, "store file " + path + ": " + error.detail); };
  auto connection = store::Connection::open(path, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto version = store::version_of(*connection); !version) return in_file(version.error());
  if (auto done = connection->configure(options); !done) return std::unexpected(std::move(done.error()));
  if (auto done = store::migrate(*connection); !done) return in_file(done.error());
  if (auto done = im::migrate(*connection); !done) return in_file(done.error());
  // FULL: what was answered outlives a power cut. FAST: zeros where that costs no further page.
  const char* const pragmas =
      use == Use::Write ? "PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST" : "PRAGMA query_only=ON";
  if (auto done = connection->run(pragmas, "store file"); !done) return in_file(done.error());
  auto queries = Queries::prepare(connection->get());
  if (!queries) return in_file(queries.error());
  auto admin = AdminQueries::prepare(connection->get());
  if (!admin) return in_file(admin.error());
  auto groups = GroupQueries::prepare(connection->get());
  if (!groups) return in_file(groups.error());
  return Tables(std::move(*connection), std::move(*queries), std::move(*admin), std::move(*groups));
}

void Tables::failed(Error error) {
  if (!failure_) failure_ = std::move(error);
}

void Tables::damaged(std::string_view table) {
  failed({Errc::Io, std::string(table) + ": a row holds a word this binary does not know"});
}

void Tables::run(const char* sql) {
  if (failure_) return;
  if (auto done = connection_.run(sql, "im store"); !done) failed(std::move(done.error()));
}

void Tables::mark() { change(queries_.mark); }

void Tables::release_mark() { change(queries_.release_mark); }

bool Tables::back_to_mark() {
  if (sqlite3_get_autocommit(connection_.get()) != 0) return false;  // SQLite has ended the transaction itself
  failure_.reset();
  run("ROLLBACK TO im_command; RELEASE im_command");
  return !failure_;
}

}  // namespace nightpost::im
