// A real PostgreSQL for tests: in a folder of its own, on a socket there, gone with its owner. What goes wrong here is
// a broken test machine, so everything throws std::runtime_error.
#pragma once

#include <libpq-fe.h>

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
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// One that all tests of this process share; started by the first, and gone with the process.
  static PostgresServer& shared();

  void start();
  void stop();  // as a crash would: no connection is told goodbye in peace

  /// The address of an empty database, nobody else's until it is given back. REQUIRED: nobody is connected then.
  std::string new_database();
  void give_back(std::string url) { free_.push_back(std::move(url)); }
  std::string address(const std::string& database, const std::string& user = "postgres") const;

 private:
  std::vector<std::string> settings_;
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
