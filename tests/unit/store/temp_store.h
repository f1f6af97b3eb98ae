// A store of one test's own, in a folder that goes with it.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "store/store.h"

namespace nightpost::store {

inline const AppId kApp{1400000001};

class TempStore {
 public:
  TempStore() {
    std::string name = (std::filesystem::temp_directory_path() / "nightpost-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  TempStore(const TempStore&) = delete;
  TempStore& operator=(const TempStore&) = delete;
  ~TempStore() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name = "store.db") const { return (folder_ / name).string(); }
  /// Another connection to the same file.
  std::unique_ptr<Store> open(const StoreOptions& options = {}) const {
    auto store = open_sqlite(path(), sealer, options);
    if (!store) FAIL(store.error().detail);
    return *std::move(store);
  }

  std::shared_ptr<const Sealer> sealer = Sealer::from_key_text(Sealer::new_key_text()).value();

 private:
  std::filesystem::path folder_;
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

inline Device a_device(std::string id = "phone", std::int64_t certificate = 1) {
  return {.device_id = std::move(id),
          .platform = Platform::Ios,
          .certificate = {certificate},
          .token = DeviceToken("0123456789abcdef"),
          .registered_at = wall_from_ms(1'795'225'887'405),
          .state = DeviceState::Background,
          .badge_base = 7,
          .language = "zh"};
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
