#include "support/postgres_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace nightpost::support {
namespace {

constexpr milliseconds kUp{120'000};
constexpr milliseconds kDown{60'000};
const std::string kScript = NIGHTPOST_SOURCE_DIR "/tests/support/postgres/server";

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings) : PostgresServer(std::move(settings), "") {}

PostgresServer::PostgresServer(std::vector<std::string> settings, std::string primary)
    : settings_(std::move(settings)), primary_(std::move(primary)) {
  ::chmod(folder_.path().c_str(), 0711);  // root's server runs as another user, who must get through
  start();
}

std::unique_ptr<PostgresServer> PostgresServer::standby_of(const PostgresServer& primary,
                                                           std::vector<std::string> settings) {
  return std::unique_ptr<PostgresServer>(new PostgresServer(std::move(settings), primary.folder()));
}

PostgresServer::~PostgresServer() {
  try {
    stop();
  } catch (const std::runtime_error& error) {  // the script's guard ends it once we are gone
    std::fprintf(stderr, "%s\n", error.what());
  }
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server({"max_connections=60", "fsync=off", "synchronous_commit=off", "full_page_writes=off"});
  return server;
}

void PostgresServer::start() {
  std::vector<std::string> argv = {kScript,  "up",     "--port",  "0",
                                   "--data", folder(), "--owner", std::to_string(::getpid())};
  if (!primary_.empty()) argv.insert(argv.end(), {"--standby-of", primary_});
  for (const std::string& setting : settings_) argv.insert(argv.end(), {"--set", setting});
  if (run_command(argv, kUp, {.log_file = folder_.file("up.log")}).exit_code != 0)
    throw std::runtime_error("PostgreSQL does not come up: " + read_file(folder_.file("up.log")));
}

void PostgresServer::promote() { PostgresClient(address("postgres")).run("SELECT pg_promote()"); }

void PostgresServer::stop() { run_command({kScript, "down", "--now", "--data", folder()}, kDown); }

std::string PostgresServer::address(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@/" + database + "?host=" + folder();
}

std::string PostgresServer::new_database() {
  if (!free_.empty()) {  // to empty one is quicker than to make one
    std::string url = std::move(free_.back());
    free_.pop_back();
    PostgresClient(url).run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    return url;
  }
  const std::string name = "test" + std::to_string(++databases_);
  PostgresClient(address("postgres")).run("CREATE DATABASE " + name);
  return address(name);
}

PostgresClient::PostgresClient(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

void PostgresClient::run(const std::string& sql) { answer(sql); }

std::string PostgresClient::text(const std::string& sql) {
  const auto result = answer(sql);
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

Handle<PGresult, PQclear> PostgresClient::answer(const std::string& sql) {
  Handle<PGresult, PQclear> result(PQexec(connection_.get(), sql.c_str()));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
  return result;
}

}  // namespace nightpost::support
