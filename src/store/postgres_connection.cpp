#include "store/postgres_connection.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include "core/time.h"

namespace nightpost::store {
namespace {

using std::chrono::steady_clock;

/// The server ends a statement that is too slow; only a server that is gone is waited for so much longer.
constexpr milliseconds kGrace{1'000};
constexpr std::string_view kServer = "store server";
constexpr std::size_t kSentMax = 64;  // statements on their way without a wait: bounds what libpq holds of them

int poll_ms(MonoTime deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

constexpr milliseconds kLook{50};  // at the stop token, while waiting

/// Blocks until the socket can be read (or written); false: the time is up, or a stop was asked for.
bool wait_for(PGconn* connection, bool write, bool read, MonoTime deadline, const std::stop_token& stop) {
  pollfd socket{.fd = PQsocket(connection), .events = 0, .revents = 0};
  socket.events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  for (;;) {
    const MonoTime look = stop.stop_possible() ? std::min(deadline, steady_clock::now() + kLook) : deadline;
    const int ready = ::poll(&socket, 1, poll_ms(look));
    if (ready > 0) return true;
    if (stop.stop_requested() || steady_clock::now() >= deadline) return false;
  }
}

std::unexpected<Error> stopped(std::string_view what) {
  return fail(Errc::ShuttingDown, std::string(what) + ": not waited for, this process is leaving");
}

}  // namespace

Result<PostgresConnection> PostgresConnection::open(const std::string& url, const StoreOptions& options) {
  PostgresConnection out(url, options);
  if (auto done = out.connect(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<void> PostgresConnection::connect() {
  handle_.reset();
  prepared_.clear();
  sent_.clear();
  lost_ = true;  // until it stands
  ++session_;
  const auto deadline = steady_clock::now() + options_.connect_timeout;  // libpq's own counts whole seconds
  auto begun = begin_connection(url_, options_);
  if (!begun) return std::unexpected(std::move(begun.error()));
  handle_ = *std::move(begun);
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(handle_.get())) {
    if (state == PGRES_POLLING_FAILED) return std::unexpected(connect_error(handle_.get()));
    const bool write = state == PGRES_POLLING_WRITING;
    if (wait_for(handle_.get(), write, !write, deadline, options_.stop)) continue;
    if (options_.stop.stop_requested()) return stopped(kServer);
    return fail(Errc::Io, std::string(kServer) + ": no connection within store.connect_timeout_ms");
  }
  if (PQsetnonblocking(handle_.get(), 1) != 0) return std::unexpected(connect_error(handle_.get()));
  lost_ = false;
  auto done = set_up();
  if (!done) lost_ = true;
  return done;
}

Result<void> PostgresConnection::set_up() {
  patience_ = options_.statement_timeout;
  if (auto good = check_connected(handle_.get()); !good) return good;
  const std::string settings =
      "SET lock_timeout = " + std::to_string(options_.busy_timeout.count()) +
      "; SET statement_timeout = " + std::to_string(options_.statement_timeout.count()) +
      "; SET idle_in_transaction_session_timeout = " + std::to_string(options_.statement_timeout.count()) +
      "; SET default_transaction_isolation = 'read committed'; SET jit = off";  // all statements are short
  auto rows = run(settings.c_str(), kServer);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<void> PostgresConnection::set_patience(milliseconds patience) {
  patience_ = patience;
  const std::string ms = std::to_string(patience.count());
  auto rows =
      run(("SET statement_timeout = " + ms + "; SET idle_in_transaction_session_timeout = " + ms).c_str(), kServer);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<void> PostgresConnection::ready() {
  if (!lost()) {
    // Nothing is to be heard between two calls but the connection's end (or a notice before it).
    pollfd socket{.fd = PQsocket(handle_.get()), .events = POLLIN | POLLRDHUP, .revents = 0};
    if (::poll(&socket, 1, 0) > 0 &&
        ((socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 || PQconsumeInput(handle_.get()) == 0))
      lost_ = true;
  }
  if (options_.stop.stop_requested()) return stopped(kServer);
  if (!lost()) return {};
  if (is_held_) return fail(Errc::Io, std::string(kServer) + ": the connection was lost within a transaction");
  return connect();
}

Error PostgresConnection::lost_error(std::string_view what) {
  lost_ = true;
  return {Errc::Io, std::string(what) + ": the connection to the server was lost before it answered"};
}

Result<void> PostgresConnection::wait(MonoTime deadline, std::string_view what) {
  for (;;) {
    const int unsent = PQflush(handle_.get());
    if (unsent < 0) return std::unexpected(lost_error(what));
    if (unsent == 0 && PQisBusy(handle_.get()) == 0) return {};
    if (!wait_for(handle_.get(), unsent > 0, true, deadline, options_.stop)) {
      lost_ = true;  // an answer that comes now would be taken for the next one's
      if (options_.stop.stop_requested()) return stopped(what);
      return fail(Errc::Timeout, std::string(what) + ": no answer within store.statement_timeout_ms");
    }
    if (PQconsumeInput(handle_.get()) == 0) return std::unexpected(lost_error(what));
  }
}

Result<PostgresRows> PostgresConnection::answer(std::string_view what) {
  const auto deadline = steady_clock::now() + patience_ + kGrace;
  Handle<PGresult, PQclear> last, refused;
  for (;;) {
    if (auto done = wait(deadline, what); !done) {
      if (!refused) return std::unexpected(std::move(done.error()));
      break;  // the server's reason is better than the end that it made
    }
    Handle<PGresult, PQclear> next(PQgetResult(handle_.get()));
    if (!next) break;
    const auto status = PQresultStatus(next.get());
    const bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (!good && refused) break;  // its end, after its reason
    (good ? last : refused) = std::move(next);
  }
  if (refused) {
    lost_ |= ends_connection(refused.get());
    if (PQresultErrorField(refused.get(), PG_DIAG_SQLSTATE) == nullptr)  // libpq's own: no server said it
      return std::unexpected(lost_error(what));
    return std::unexpected(error_of(refused.get(), what));
  }
  if (!last) return std::unexpected(lost_error(what));
  return PostgresRows(last.release());
}

Result<PostgresRows> PostgresConnection::run(const char* sql, std::string_view what) {
  if (auto done = settle(); !done) return std::unexpected(std::move(done.error()));
  if (lost_ || PQsendQuery(handle_.get(), sql) == 0) return std::unexpected(lost_error(what));
  return answer(what);
}

Result<PostgresRows> PostgresConnection::execute(const PostgresQuery& query, const Packed& arguments) {
  if (lost_) return std::unexpected(lost_error(query.table));
  if (!sent_.empty()) {
    if (!send_pipelined(query, arguments)) return std::unexpected(lost_error(query.table));
    return answer_all();
  }
  if (!prepared_.contains(query.name)) {
    if (PQsendPrepare(handle_.get(), query.name, query.sql, 0, nullptr) == 0)
      return std::unexpected(lost_error(query.table));
    if (auto done = answer(query.table); !done) return done;
    prepared_.insert(query.name);
  }
  if (PQsendQueryPrepared(handle_.get(), query.name, arguments.count, arguments.values, arguments.lengths,
                          arguments.formats, 0) == 0)
    return std::unexpected(lost_error(query.table));
  return answer(query.table);
}

// --- several statements in one round trip ---

bool PostgresConnection::send_pipelined(const PostgresQuery& query, const Packed& arguments) {
  if (!prepared_.contains(query.name) && !prepare_later(query)) return false;
  if (sent_.empty() && PQenterPipelineMode(handle_.get()) == 0) return false;
  if (PQsendQueryPrepared(handle_.get(), query.name, arguments.count, arguments.values, arguments.lengths,
                          arguments.formats, 0) == 0)
    return false;
  sent_.push_back({query.table, nullptr});
  return true;
}

Result<void> PostgresConnection::prepare_later(const PostgresQuery& query) {
  if (prepared_.contains(query.name)) return {};
  if (lost_ || (sent_.empty() && PQenterPipelineMode(handle_.get()) == 0) ||
      PQsendPrepare(handle_.get(), query.name, query.sql, 0, nullptr) == 0)
    return std::unexpected(lost_error(query.table));
  sent_.push_back({query.table, query.name});
  prepared_.insert(query.name);
  return {};
}

Result<void> PostgresConnection::send_later(const PostgresQuery& query, const Packed& arguments) {
  if (sent_.size() >= kSentMax)
    if (auto done = settle(); !done) return done;
  if (lost_ || !send_pipelined(query, arguments)) return std::unexpected(lost_error(query.table));
  return {};
}

Result<void> PostgresConnection::settle() {
  if (sent_.empty()) return {};
  auto rows = answer_all();
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

/// The answers to all that was sent, in order, each ended by a null; then the sync's. The rows of the last, or the
/// first refusal.
Result<PostgresRows> PostgresConnection::answer_all() {
  const std::vector<Sent> sent = std::exchange(sent_, {});
  if (lost_ || PQpipelineSync(handle_.get()) == 0) return std::unexpected(lost_error(sent.back().what));
  Handle<PGresult, PQclear> last, refused;
  std::string_view refused_what;
  for (const Sent& each : sent) {
    const auto deadline = steady_clock::now() + patience_ + kGrace;
    bool good = false;
    for (;;) {
      if (auto done = wait(deadline, each.what); !done) {
        if (refused) return std::unexpected(error_of(refused.get(), refused_what));
        return std::unexpected(std::move(done.error()));
      }
      Handle<PGresult, PQclear> next(PQgetResult(handle_.get()));
      if (!next) break;
      const auto status = PQresultStatus(next.get());
      good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
      if (good) {
        last = std::move(next);
      } else if (status != PGRES_PIPELINE_ABORTED && !refused) {
        refused = std::move(next);
        refused_what = each.what;
        if (!ends_connection(refused.get())) continue;
        lost_ = true;                                                        // nothing more is to be heard
        if (PQresultErrorField(refused.get(), PG_DIAG_SQLSTATE) == nullptr)  // libpq's own: no server said it
          return std::unexpected(lost_error(each.what));
        return std::unexpected(error_of(refused.get(), each.what));
      }
    }
    if (each.prepares != nullptr && !good) prepared_.erase(each.prepares);
  }
  const std::string_view what = sent.back().what;
  if (auto done = wait(steady_clock::now() + patience_ + kGrace, what); !done)
    return std::unexpected(std::move(done.error()));
  const Handle<PGresult, PQclear> sync(PQgetResult(handle_.get()));
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(handle_.get()) == 0)
    return std::unexpected(lost_error(what));
  if (refused) return std::unexpected(error_of(refused.get(), refused_what));
  if (!last) return std::unexpected(lost_error(what));
  return PostgresRows(last.release());
}

// --- transactions ---

Result<PostgresTransaction> PostgresTransaction::begin(PostgresConnection& connection, Kind kind) {
  const char* const sql =
      kind == Kind::Write ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  if (connection.in_transaction()) {
    if (auto begun = connection.run("SAVEPOINT nested", "store"); !begun)
      return std::unexpected(std::move(begun.error()));
    return PostgresTransaction(connection, true);
  }
  for (bool again = false;; again = true) {
    if (auto ready = connection.ready(); !ready) return std::unexpected(std::move(ready.error()));
    auto begun = connection.run(sql, "store");
    if (begun) {
      connection.is_held_ = true;
      return PostgresTransaction(connection, false);
    }
    if (again || !connection.lost()) return std::unexpected(std::move(begun.error()));
  }
}

PostgresTransaction::~PostgresTransaction() {
  if (connection_ == nullptr) return;
  if (!nested_) connection_->is_held_ = false;
  if (connection_->lost() || connection_->session() != session_) return;
  (void)connection_->run(nested_ ? "ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested" : "ROLLBACK", "store");
}

Result<void> PostgresTransaction::commit() {
  PostgresConnection& connection = *std::exchange(connection_, nullptr);
  if (!nested_) connection.is_held_ = false;
  if (connection.session() != session_) return fail(Errc::Io, "store: the connection was lost before the commit");
  auto done = connection.run(nested_ ? "RELEASE SAVEPOINT nested" : "COMMIT", "store");
  if (!done) return std::unexpected(std::move(done.error()));
  if (!nested_ && done->command() != "COMMIT")
    return fail(Errc::Io, "store: the server rolled it back");  // it had failed before
  return {};
}

}  // namespace nightpost::store
