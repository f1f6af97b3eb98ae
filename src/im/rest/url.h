// The request line of the server API: POST /v4/SERVICE/COMMAND?sdkappid=…&identifier=…&usersig=…. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nightpost::im {

struct RestUrl {
  std::string service, command;
  /// Percent-decoded; nullopt: not there. What else a query names is not looked at, `random` least of all.
  std::optional<std::string> app, identifier, signature;
};

/// nullopt: no /v4/SERVICE/COMMAND. Parameters may come in any order, raw or percent-encoded; of one that is there
/// twice the first counts. A '%' that begins no escape stands for itself.
std::optional<RestUrl> rest_url(std::string_view target);

}  // namespace nightpost::im
