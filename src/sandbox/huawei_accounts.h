// Who may push by Huawei: client credentials at the token endpoint, service accounts by tokens of their own
// (Huawei, Push Kit REST API).
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/client_secrets.h"
#include "sandbox/grant_book.h"
#include "sandbox/rsa_token.h"
#include "server/http_server.h"

namespace nightpost::sandbox::huawei {

struct ServiceAccount {
  std::string sub_account, key_id, project_id;
  RsaKey key;  // null: the signature is not checked
};

class Accounts {
 public:
  explicit Accounts(bool accept_any) : accept_any_(accept_any) {}

  /// `[{"sub_account", "key_id", "project_id", "public_key_pem"?}]`; null is none.
  static Result<std::vector<ServiceAccount>> read(const nlohmann::json* accounts);
  void add(std::vector<ServiceAccount> accounts);
  void add_static(std::string token) { static_.push_back(std::move(token)); }
  void clear();

  struct Reply {
    int status = 200;
    std::string error;  // "1101/20003"; empty: granted
    std::string body;
  };
  Reply grant(const server::ServerRequest& request, const Apps& apps, WallTime now);

  struct Caller {
    std::string_view refusal;  // a business code; empty: good
    bool by_jwt = false;
    std::string owner;  // client id, or with by_jwt the project id; empty: anybody
  };
  Caller caller_of(std::string_view authorization, WallTime now);

 private:
  struct Refusal {
    std::string_view sub_error;
    std::string_view description;
    int status = 400;
  };
  std::optional<Refusal> judge(const server::ServerRequest& request, const Apps& apps, WallTime now,
                               std::string& client);
  Caller judge_jwt(std::string_view text, WallTime now);
  bool too_many(const std::string& client, WallTime now);

  struct Seen {
    Caller caller;
    std::int64_t iat = 0, exp = 0;
  };
  struct Rate {
    WallTime since{};
    int given = 0;
  };
  bool accept_any_;
  std::vector<ServiceAccount> accounts_;
  std::vector<std::string> static_;
  GrantBook grants_;
  std::unordered_map<std::string, Rate> rates_;  // by client id
  std::unordered_map<std::string, Seen> seen_;   // tokens whose signature was checked, by their text
};

}  // namespace nightpost::sandbox::huawei
