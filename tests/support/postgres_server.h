// A real PostgreSQL for tests: in a folder of its own, on a socket there, gone with its owner. What goes wrong here is
// a broken test machine, so everything throws std::runtime_error.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/c_handle.h"
#include "support/process.h"

namespace nightpost::support {

class PostgresServer {
 public:
  /// `settings` are lines of postgresql.conf, "max_connections=20".
  explicit PostgresServer(std::vector<std::string> settings = {});
  /// A copy of `primary` that follows it and takes no writes until it is promoted.
  static std::unique_ptr<PostgresServer> standby_of(const PostgresServer& primary, std::vector<std::string> settings);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// One that all tests of this process share; started by the first, and gone with the process.
  static PostgresServer& shared();

  void start();
  void promote();
  void stop();  // as a crash would: no connection is told goodbye in peace

  /// The address of an empty database, nobody else's until it is given back. REQUIRED: nobody is connected then.
  std::string new_database();
  void give_back(std::string url) { free_.push_back(std::move(url)); }
  std::string address(const std::string& database, const std::string& user = "postgres") const;
  std::string folder() const { return folder_.file("data"); }  // where its socket is

 private:
  PostgresServer(std::vector<std::string> settings, std::string primary);
  std::vector<std::string> settings_;
  std::string primary_;  // the folder of the one it follows; empty: none
  TempFolder folder_{"postgres"};
  int databases_ = 0;
  std::vector<std::string> free_;
};

/// A connection outside of the store's, that does what it is told.
class PostgresClient {
 public:
  explicit PostgresClient(const std::string& url);
  void run(const std::string& sql);
  std::string text(const std::string& sql);  // the first column of the first row

 private:
  Handle<PGresult, PQclear> answer(const std::string& sql);
  Handle<PGconn, PQfinish> connection_;
};

}  // namespace nightpost::support
