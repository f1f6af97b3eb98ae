// A store of one test's own, in a folder or a database that goes with it.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "store/postgres.h"
#include "store/store.h"
#include "store/store_url.h"
#include "support/postgres_server.h"

namespace nightpost::store {

inline const AppId kApp{1400000001};

using Kind = StoreUrl::Kind;

inline auto each_store() { return Catch::Generators::values({Kind::Sqlite, Kind::Postgres}); }

class TempStore {
 public:
  /// GENERATE(each_store()) runs a test on each.
  explicit TempStore(Kind kind = Kind::Sqlite) {
    if (kind == Kind::Postgres) {
      url_ = support::PostgresServer::shared().new_database();
      return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "nightpost-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  TempStore(const TempStore&) = delete;
  TempStore& operator=(const TempStore&) = delete;
  ~TempStore() {
    if (!url_.empty())
      support::PostgresServer::shared().give_back(url_);
    else
      std::filesystem::remove_all(folder_);
  }

  const std::string& url() const { return url_; }  // of PostgreSQL
  std::string path(const std::string& name = "store.db") const { return (folder_ / name).string(); }
  /// Another connection to the same file or database.
  std::unique_ptr<Store> open(const StoreOptions& options = {}) const {
    auto store = try_open(options);
    if (!store) FAIL(store.error().detail);
    return *std::move(store);
  }
  Result<std::unique_ptr<Store>> try_open(const StoreOptions& options = {}) const {
    return url_.empty() ? open_sqlite(path(), sealer, options) : open_postgres(url_, sealer, options);
  }

  std::shared_ptr<const Sealer> sealer = Sealer::from_key_text(Sealer::new_key_text()).value();

 private:
  std::filesystem::path folder_;
  std::string url_;  // empty: SQLite
};

inline NewCertificate a_certificate(std::string name = "prod", AppId app = kApp) {
  return {.facts = {.app = app,
                    .vendor = Vendor::Apns,
                    .name = std::move(name),
                    .bundle_id = "com.example.app",
                    .environment = Environment::Development,
                    .facts = {{"kind", "p8"}, {"key_id", "ABCDE12345"}},
                    .settings = {{"app_id", "100000001"}, {"click", ""}},
                    .host_override = "https://localhost:1",
                    .ca_pem = "-----BEGIN CERTIFICATE-----\n"},
          .secret = {std::string("key\0bytes", 9), "hunter2", "receipts"}};
}

/// Equal ids have equal tokens, so they are one phone: two users of it are not there side by side.
inline Device a_device(const std::string& id = "phone", std::int64_t certificate = 1) {
  return {.device_id = id,
          .platform = Platform::Ios,
          .certificate = {certificate},
          .token = DeviceToken("0123456789abcdef" + (id == "phone" ? "" : id)),
          .registered_at = wall_from_ms(1'795'225'887'405),
          .state = DeviceState::Background,
          .badge_base = 7,
          .language = "zh"};
}

/// A phone that no other user has.
inline Device a_phone(const std::string& user, const std::string& id = "phone", std::int64_t certificate = 1) {
  Device device = a_device(id, certificate);
  device.token = DeviceToken("0123456789abcdef" + user + "/" + id);
  return device;
}

/// The only receiver of that user.
inline Receiver receiver_of(Store& store, const std::string& user, AppId app = kApp) {
  const ReceiverKey key{app, user};
  auto found = store.receivers({&key, 1});
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  return std::move(found->front());
}

}  // namespace nightpost::store
