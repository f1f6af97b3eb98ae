// Apps that authenticate by OAuth 2.0 client credentials (RFC 6749 §4.4), as Huawei's and Honor's do.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::sandbox {

struct App {
  std::string id;         // in the push path: Honor's app_id; elsewhere the client id
  std::string client_id;  // at the token endpoint
  std::string client_secret;
  std::string project_id;  // Huawei v2 and v3
  std::string package;     // in receipts
  bool high_priority = true;
  std::vector<std::string> receipt_ids;                 // configured; empty: any
  std::optional<std::int64_t> devices_per_second = {};  // nullopt: unlimited

  /// Takes `devices` from this second's allowance; false: more than is left.
  bool spend(std::int64_t devices, WallTime now);

 private:
  std::int64_t second_ = 0;
  std::int64_t spent_ = 0;
};

class Apps {
 public:
  /// `[{"client_id", "client_secret", "app_id"?, "project_id"?, "package"?, "high_priority"?, "receipt_ids"?,
  /// "devices_per_second"?}]`; null is none. Malformed: nothing is to be added.
  static Result<std::vector<App>> read(const nlohmann::json* apps);
  void add(std::vector<App> apps);
  void clear() { apps_.clear(); }

  App* by_id(std::string_view id);
  App* by_project(std::string_view project_id);
  const App* by_client(std::string_view client_id) const;

 private:
  std::vector<App> apps_;
};

}  // namespace nightpost::sandbox
