#include "store/postgres_connection.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <vector>

#include "core/text.h"
#include "core/time.h"
#include "store/secret_file.h"

namespace nightpost::store {
namespace {

using std::chrono::steady_clock;

/// The server ends a statement that is too slow; only a server that is gone is waited for so much longer.
constexpr milliseconds kGrace{1'000};
constexpr std::string_view kServer = "store server";

/// libpq's words end in line feeds and may be several lines.
std::string one_line(std::string_view text) {
  std::string out(trimmed(text));
  std::ranges::replace(out, '\n', ' ');
  std::ranges::replace(out, '\t', ' ');
  return out;
}

struct Words {
  Errc code;
  std::string_view more;  // what ops should know beside the server's own words
};

Words words_of(std::string_view state) {
  if (state == "55P03") return {Errc::Overloaded, " (another connection is writing; the wait for it is over)"};
  if (state == "57014") return {Errc::Overloaded, " (it took longer than store.statement_timeout_ms)"};
  if (state == "25006") return {Errc::Overloaded, " (the server takes no writes: a standby, or a failover under way)"};
  if (state == "40P01" || state == "40001") return {Errc::Overloaded, " (two writers met; nothing was written)"};
  if (state.starts_with("57P0") && state != "57P04")
    return {Errc::Overloaded, " (the server starts, stops or fails over)"};
  if (state == "53300") return {Errc::Overloaded, " (the server has no connection left)"};
  if (state.starts_with("53")) return {Errc::Overloaded, ""};
  if (state.starts_with("28")) return {Errc::Unauthorized, " (check store.url's user and store.password_file)"};
  if (state == "42501") return {Errc::Unauthorized, ""};
  if (state.starts_with("22") || state.starts_with("23")) return {Errc::Malformed, ""};
  return {Errc::Io, ""};
}

/// The server's sentence, or only its code where that could hold a bound value: data that does not parse, and what
/// somebody's own trigger says.
std::string sentence(std::string_view state, const char* primary) {
  constexpr std::array<std::string_view, 11> kWithoutValues = {"08", "23", "25", "28", "40", "42",
                                                               "53", "54", "55", "57", "58"};
  const bool plain = std::ranges::any_of(kWithoutValues, [&](std::string_view c) { return state.starts_with(c); });
  if (plain && primary != nullptr) return one_line(primary);
  if (state == "22021" || state == "22P05") return "a text is not UTF-8, or holds a zero";
  return "the server refused (SQLSTATE " + std::string(state) + ")";
}

Error error_of(const PGresult* result, std::string_view what) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return {Errc::Io, std::string(what) + ": " + one_line(PQresultErrorMessage(result))};
  const Words words = words_of(state);
  return {words.code, std::string(what) + ": " + sentence(state, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)) +
                          std::string(words.more)};
}

/// While it connects, libpq gives no SQLSTATE by itself; its verbose words hold it: "FATAL:  53300: sorry, …".
Error connect_error(PGconn* connection) {
  std::string_view message = PQerrorMessage(connection);
  std::string_view state;
  if (const auto at = message.rfind("FATAL:  ");
      at != std::string_view::npos && message.size() > at + 14 && message[at + 13] == ':')
    state = message.substr(at + 8, 5);
  if (const auto at = message.find("\nLOCATION:"); at != std::string_view::npos) message = message.substr(0, at);
  const Words words = words_of(state);
  return {words.code, std::string(kServer) + ": " + one_line(message) + std::string(words.more)};
}

int poll_ms(MonoTime deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// Blocks until the socket can be read (or written); false: the time is up.
bool wait_for(PGconn* connection, bool write, bool read, MonoTime deadline) {
  pollfd socket{.fd = PQsocket(connection), .events = 0, .revents = 0};
  socket.events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  for (;;) {
    const int ready = ::poll(&socket, 1, poll_ms(deadline));
    if (ready > 0) return true;
    if (steady_clock::now() >= deadline) return false;
  }
}

struct Parameters {
  std::vector<std::pair<std::string, std::string>> list;
  bool has(std::string_view key) const {
    return std::ranges::any_of(list, [&](const auto& one) { return one.first == key; });
  }
  void add(const char* key, std::string value) {
    if (!has(key)) list.emplace_back(key, std::move(value));
  }
};

/// What the address says; libpq's own words may repeat a part of it and stay away.
Result<Parameters> parameters_of(const std::string& url) {
  const Handle<PQconninfoOption, PQconninfoFree> options(PQconninfoParse(url.c_str(), nullptr));
  if (!options)
    return fail(Errc::Malformed,
                "store.url: not an address as postgresql://user@host:port/database?sslmode=verify-full");
  Parameters out;
  for (const PQconninfoOption* one = options.get(); one->keyword != nullptr; ++one) {
    if (one->val == nullptr) continue;
    const std::string_view key = one->keyword;
    if (key == "password" || key == "sslpassword")
      return fail(Errc::Malformed,
                  "store.url: a password does not belong there; put it into a file and name that in "
                  "store.password_file, or in the environment's PGPASSFILE");
    out.list.emplace_back(one->keyword, one->val);
  }
  return out;
}

}  // namespace

bool is_postgres_text(std::string_view text) noexcept { return !text.contains('\0') && is_valid_utf8(text); }

// --- lists and rows ---

void PostgresArray::add(std::int64_t number) {
  if (!items_.empty()) items_ += ',';
  items_ += std::to_string(number);
}

void PostgresArray::add(std::string_view text) {
  if (!items_.empty()) items_ += ',';
  items_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') items_ += '\\';
    items_ += c;
  }
  items_ += '"';
}

std::int64_t PostgresRows::integer(int column) const noexcept {
  const std::string_view digits = text(column);
  std::int64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

std::string PostgresRows::bytes(int column) const {
  std::size_t size = 0;
  const Handle<unsigned char, PQfreemem> raw(
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(PQgetvalue(result_.get(), row_, column)), &size));
  return raw ? std::string(reinterpret_cast<const char*>(raw.get()), size) : std::string();
}

std::int64_t PostgresRows::changed() const noexcept {
  const std::string_view digits = PQcmdTuples(result_.get());
  std::int64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

// --- the connection ---

Result<PostgresConnection> PostgresConnection::open(const std::string& url, const StoreOptions& options) {
  PostgresConnection out(url, options);
  if (auto done = out.connect(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<void> PostgresConnection::connect() {
  handle_.reset();
  prepared_.clear();
  lost_ = true;  // until it stands
  ++session_;
  auto parameters = parameters_of(url_);
  if (!parameters) return std::unexpected(std::move(parameters.error()));
  std::string password;
  if (!options_.password_file.empty()) {  // read anew each time: a new password needs no restart
    auto text = read_secret_file("password file", options_.password_file);
    if (!text) return std::unexpected(std::move(text.error()));
    parameters->add("password", std::string(trimmed(*text)));
    wipe(*text);
  }
  parameters->add("application_name", "nightpost");
  parameters->add("client_encoding", "UTF8");
  parameters->add("keepalives_idle", "30");
  parameters->add("keepalives_interval", "10");
  parameters->add("keepalives_count", "3");
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : parameters->list) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  // Not PQconnectdb: its timeout counts whole seconds, and two at least.
  const auto deadline = steady_clock::now() + options_.connect_timeout;
  handle_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
  for (auto& [key, value] : parameters->list)
    if (key == "password") wipe(value);
  if (!handle_ || PQstatus(handle_.get()) == CONNECTION_BAD) return std::unexpected(connect_error(handle_.get()));
  PQsetErrorVerbosity(handle_.get(), PQERRORS_VERBOSE);
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(handle_.get())) {
    if (state == PGRES_POLLING_FAILED) return std::unexpected(connect_error(handle_.get()));
    const bool write = state == PGRES_POLLING_WRITING;
    if (!wait_for(handle_.get(), write, !write, deadline))
      return fail(Errc::Io, std::string(kServer) + ": no connection within store.connect_timeout_ms");
  }
  PQsetErrorVerbosity(handle_.get(), PQERRORS_DEFAULT);
  PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(handle_.get(), 1) != 0) return std::unexpected(connect_error(handle_.get()));
  lost_ = false;
  auto done = set_up();
  if (!done) lost_ = true;
  return done;
}

Result<void> PostgresConnection::set_up() {
  patience_ = options_.statement_timeout;
  const std::string_view encoding = PQparameterStatus(handle_.get(), "server_encoding");
  if (encoding != "UTF8")
    return fail(Errc::Malformed, std::string(kServer) + ": the database has the encoding " + std::string(encoding) +
                                     "; make one with UTF8");
  if (PQserverVersion(handle_.get()) < 140'000)
    return fail(Errc::Malformed, std::string(kServer) + ": PostgreSQL 14 is the oldest that will do");
  const std::string settings =
      "SET lock_timeout = " + std::to_string(options_.busy_timeout.count()) +
      "; SET statement_timeout = " + std::to_string(options_.statement_timeout.count()) +
      "; SET idle_in_transaction_session_timeout = " + std::to_string(options_.statement_timeout.count()) +
      "; SET default_transaction_isolation = 'read committed'";
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
  return lost() ? connect() : Result<void>{};
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
    if (!wait_for(handle_.get(), unsent > 0, true, deadline)) {
      lost_ = true;  // an answer that comes now would be taken for the next one's
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
    const char* const state = PQresultErrorField(refused.get(), PG_DIAG_SQLSTATE);
    if (state == nullptr) return std::unexpected(lost_error(what));  // libpq's own: no server said it
    if (std::string_view(state).starts_with("57P0") || std::string_view(state).starts_with("08")) lost_ = true;
    return std::unexpected(error_of(refused.get(), what));
  }
  if (!last) return std::unexpected(lost_error(what));
  return PostgresRows(last.release());
}

Result<PostgresRows> PostgresConnection::run(const char* sql, std::string_view what) {
  if (PQsendQuery(handle_.get(), sql) == 0) return std::unexpected(lost_error(what));
  return answer(what);
}

Result<PostgresRows> PostgresConnection::execute(const PostgresQuery& query, int count, const char* const* values,
                                                 const int* lengths, const int* formats) {
  if (!prepared_.contains(query.name)) {
    if (PQsendPrepare(handle_.get(), query.name, query.sql, 0, nullptr) == 0)
      return std::unexpected(lost_error(query.table));
    if (auto done = answer(query.table); !done) return done;
    prepared_.insert(query.name);
  }
  if (PQsendQueryPrepared(handle_.get(), query.name, count, values, lengths, formats, 0) == 0)
    return std::unexpected(lost_error(query.table));
  return answer(query.table);
}

// --- transactions ---

Result<PostgresTransaction> PostgresTransaction::begin(PostgresConnection& connection, Kind kind) {
  const char* const sql =
      kind == Kind::Write ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  for (bool again = false;; again = true) {
    if (auto ready = connection.ready(); !ready) return std::unexpected(std::move(ready.error()));
    auto begun = connection.run(sql, "store");
    if (begun) return PostgresTransaction(connection);
    if (again || !connection.lost()) return std::unexpected(std::move(begun.error()));
  }
}

PostgresTransaction::~PostgresTransaction() {
  if (connection_ != nullptr && !connection_->lost()) (void)connection_->run("ROLLBACK", "store");
}

Result<void> PostgresTransaction::commit() {
  PostgresConnection& connection = *std::exchange(connection_, nullptr);
  auto done = connection.run("COMMIT", "store");
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

}  // namespace nightpost::store
