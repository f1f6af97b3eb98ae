#include "im/store/tables.h"

#include "im/store/schema.h"
#include "im/store/tables_inl.h"
#include "store/migrations.h"
#include "store/postgres_migrations.h"

namespace nightpost::im {
namespace {

Result<void> set_up(store::Connection& file, const store::StoreOptions& options, sql::Use use) {
  if (auto version = store::version_of(file); !version) return std::unexpected(std::move(version.error()));
  if (auto done = file.configure(options); !done) return done;
  if (auto done = store::migrate(file); !done) return done;
  if (auto done = im::migrate(file); !done) return done;
  // FULL: what was answered outlives a power cut. FAST: zeros where that costs no further page.
  const char* const pragmas =
      use == sql::Use::Write ? "PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST" : "PRAGMA query_only=ON";
  return file.run(pragmas, "store file");
}

Result<void> set_up(store::PostgresConnection& server, const store::StoreOptions& options) {
  if (auto done = store::migrate(server, options); !done) return done;
  return im::migrate(server, options);
}

}  // namespace

Result<Tables> Tables::open(const store::StoreUrl& url, const store::StoreOptions& options, Use use,
                            sql::Reconnect reconnect) {
  const auto in_store = [&](const Error& error) {
    const bool is_file = url.kind == store::StoreUrl::Kind::Sqlite;
    return fail(error.code, (is_file ? "store file " + url.place + ": " : "") + error.detail);
  };
  auto database = sql::Database::open(url, options, use, reconnect);
  if (!database) return std::unexpected(std::move(database.error()));
  auto* const file = (*database)->file();
  const auto done = file != nullptr ? set_up(*file, options, use) : set_up(*(*database)->server(), options);
  if (!done) return in_store(done.error());
  auto queries = Queries::prepare(**database);
  if (!queries) return in_store(queries.error());
  auto admin = AdminQueries::prepare(**database);
  if (!admin) return in_store(admin.error());
  auto groups = GroupQueries::prepare(**database);
  if (!groups) return in_store(groups.error());
  auto callbacks = CallbackQueries::prepare(**database);
  if (!callbacks) return in_store(callbacks.error());
  auto mass = MassQueries::prepare(**database);
  if (!mass) return in_store(mass.error());
  auto calls = CallQueries::prepare(**database);
  if (!calls) return in_store(calls.error());
  auto nodes = NodeQueries::prepare(**database);
  if (!nodes) return in_store(nodes.error());
  if (const auto settled = (*database)->settle(); !settled) return in_store(settled.error());
  return Tables(*std::move(database), *std::move(queries), *std::move(admin), *std::move(groups), *std::move(callbacks),
                *std::move(mass), *std::move(calls), *std::move(nodes));
}

void Tables::failed(Error error) {
  if (!failure_) failure_ = std::move(error);
}

void Tables::damaged(std::string_view table) {
  failed({Errc::Io, std::string(table) + ": a row holds a word this binary does not know"});
}

void Tables::settle() {
  if (failure_) return;
  if (auto done = database_->settle(); !done) failed(std::move(done.error()));
}

void Tables::mark() { change(queries_.mark); }

void Tables::release_mark() { change(queries_.release_mark); }

bool Tables::back_to_mark() {
  if (!database_->in_transaction()) return false;
  failure_.reset();
  if (auto done = database_->run("ROLLBACK TO im_command; RELEASE im_command"); !done) failed(std::move(done.error()));
  return !failure_;
}

}  // namespace nightpost::im
