#include "store/postgres_wire.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "core/text.h"
#include "store/postgres.h"
#include "store/sealer.h"
#include "store/secret_file.h"

namespace nightpost::store {
namespace {

constexpr std::string_view kWireServer = "store server";

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
  return {words.code, std::string(kWireServer) + ": " + one_line(message) + std::string(words.more)};
}

bool ends_connection(const PGresult* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr || std::string_view(state).starts_with("57P0") || std::string_view(state).starts_with("08");
}

Result<void> check_connected(PGconn* connection) {
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  const std::string_view encoding = PQparameterStatus(connection, "server_encoding");
  if (encoding != "UTF8")
    return fail(Errc::Malformed, std::string(kWireServer) + ": the database has the encoding " + std::string(encoding) +
                                     "; make one with UTF8");
  if (PQserverVersion(connection) < 140'000)
    return fail(Errc::Malformed, std::string(kWireServer) + ": PostgreSQL 14 is the oldest that will do");
  return {};
}

std::string look_up_hosts(const std::string& url) {
  const auto parameters = parameters_of(url);
  if (!parameters || parameters->has("hostaddr")) return "";
  const auto hosts = std::ranges::find(parameters->list, "host", [](const auto& one) { return one.first; });
  if (hosts == parameters->list.end()) return "";
  std::string out;
  bool found = false;
  for (std::string_view rest = hosts->second;;) {
    const std::size_t end = rest.find(',');
    const std::string host(rest.substr(0, end));
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (!host.empty() && host[0] != '/' && host[0] != '@' && ::getaddrinfo(host.c_str(), nullptr, &hints, &list) == 0) {
      const Handle<addrinfo, ::freeaddrinfo> owner(list);
      std::array<char, NI_MAXHOST> text{};
      if (::getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
        out += text.data();
        found = true;
      }
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
    out += ',';
  }
  return found ? out : "";
}

Result<Handle<PGconn, PQfinish>> begin_connection(const std::string& url, const StoreOptions& options,
                                                  const std::string& addresses) {
  auto parameters = parameters_of(url);
  if (!parameters) return std::unexpected(std::move(parameters.error()));
  if (!addresses.empty()) parameters->add("hostaddr", addresses);
  if (!options.password_file.empty()) {  // read anew each time: a new password needs no restart
    auto text = read_secret_file("password file", options.password_file);
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
  Handle<PGconn, PQfinish> out(PQconnectStartParams(keys.data(), values.data(), 0));
  for (auto& [key, value] : parameters->list)
    if (key == "password") wipe(value);
  if (!out || PQstatus(out.get()) == CONNECTION_BAD) return std::unexpected(connect_error(out.get()));
  PQsetErrorVerbosity(out.get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(out.get(), [](void*, const char*) {}, nullptr);
  return out;
}

// --- lists and rows ---

bool is_postgres_text(std::string_view text) noexcept { return !text.contains('\0') && is_valid_utf8(text); }

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

}  // namespace nightpost::store
