// Google's token endpoint: service accounts, their assertions, the access tokens they get
// (Google, FCM HTTP v1 REST reference).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/grant_book.h"
#include "sandbox/rsa_token.h"
#include "server/http_server.h"

namespace nightpost::sandbox::fcm {

struct Account {
  std::string project;       // its project id
  std::vector<RsaKey> keys;  // by any of them; empty: not checked
};

class Accounts {
 public:
  explicit Accounts(bool accept_any) : accept_any_(accept_any) {}

  using Read = std::vector<std::pair<std::string, Account>>;
  /// `[{"client_email", "project_id", "public_key_pem"?}]` (a certificate will do); null is none. Malformed: nothing is
  /// to be added.
  static Result<Read> read(const nlohmann::json* accounts);
  void add(Read accounts);
  /// A token for a client that asks for none.
  void add_static(std::string token) { static_.push_back(std::move(token)); }
  void clear();

  struct Reply {
    int status = 200;
    std::string error;  // OAuth's word; empty: granted
    std::string body;
  };
  Reply grant(const server::ServerRequest& request, WallTime now);

  struct Caller {
    std::string_view refusal;  // an ErrorInfo's reason; empty: good
    std::string project;       // may push to this one only; empty: to any
  };
  Caller caller_of(std::string_view authorization, WallTime now) const;

 private:
  struct Refusal {
    std::string_view error;
    std::string_view description;
    int status = 400;
  };
  std::optional<Refusal> judge(const server::ServerRequest& request, WallTime now, GrantBook::Grant& grant) const;

  bool accept_any_;
  std::map<std::string, Account, std::less<>> accounts_;  // by client_email
  std::vector<std::string> static_;
  GrantBook grants_;
};

}  // namespace nightpost::sandbox::fcm
