// What the server API is set to.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/ids.h"

namespace nightpost::im {

struct RestOptions {
  /// Who may call, an app's; the signature is theirs. An app without any has no server API.
  std::map<AppId, std::vector<std::string>> administrators;
  std::size_t body_bytes_max = 131'072;  // of a request
  std::size_t calls_open_max = 1'000;    // that wait for the service; one more is answered HTTP 503
  // Calls a second, as a burst, too.
  unsigned message_calls_per_second = 200;  // of one message or query command, an app
  unsigned manage_calls_per_second = 100;   // of one account or relation command, an app
  unsigned app_calls_per_second = 1'000;    // of all commands, an app
  std::size_t connections_max = 1'024;
};

}  // namespace nightpost::im
