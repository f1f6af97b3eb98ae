// A store of one test's own: a file, or a database.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "im/store/tables.h"
#include "support/postgres_server.h"
#include "support/process.h"

namespace nightpost::im {

using support::PostgresClient;
using support::PostgresServer;
using StoreKind = store::StoreUrl::Kind;

/// A file or a database that is empty at first.
class Place {
 public:
  explicit Place(StoreKind kind) {
    url.kind = kind;
    url.place = kind == StoreKind::Postgres ? PostgresServer::shared().new_database() : folder_.file("store.db");
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (url.kind == StoreKind::Postgres) PostgresServer::shared().give_back(url.place);
  }
  Result<Tables> open(Tables::Use use = Tables::Use::Read) const { return Tables::open(url, {}, use); }
  void run(const std::string& sql) const {
    if (url.kind == StoreKind::Postgres) return PostgresClient(url.place).run(sql);
    auto file = store::Connection::open(url.place, {});
    REQUIRE(file);
    REQUIRE(file->run(sql.c_str(), "test"));
  }

  store::StoreUrl url;

 private:
  support::TempFolder folder_{"im-store"};
};

}  // namespace nightpost::im
