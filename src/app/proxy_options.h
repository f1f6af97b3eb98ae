// The proxy of all lanes and token endpoints: the config section `proxy`.
#pragma once

#include <optional>
#include <string>

#include "app/json_section.h"
#include "core/result.h"
#include "net/proxy.h"

namespace nightpost::app {

struct ProxyOptions {
  std::optional<net::Proxy> through;  // without credentials until they are read; nullopt: none
  std::string credentials_file;       // "user:password", mode 0600; empty: none are sent
};

void read_proxy(JsonSection section, ProxyOptions& options);
/// The proxy with its credentials, for lanes; nullopt: none is configured. Errors are those of the file; their words
/// hold nothing of its content.
Result<std::optional<net::Proxy>> open_proxy(const ProxyOptions& options);

}  // namespace nightpost::app
