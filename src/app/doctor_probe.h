// Looks at what a worker would stand on, for `nightpost doctor`: store, credentials, cluster, vendors' hosts. It
// changes nothing but what any command does (a store of an older Nightpost is brought up to date), and sends no push.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/doctor_findings.h"
#include "core/result.h"
#include "core/time.h"
#include "net/proxy.h"
#include "resolve/ports.h"
#include "store/store.h"

namespace nightpost::app {

/// A credential that can be used: what its vendor's room made of it.
struct OpenCredential {
  std::size_t index = 0;  // among the credentials' facts
  resolve::VendorParts parts;
};

struct StoreLook {
  std::vector<Finding> findings;             // of the store itself
  bool opens = false;                        // it is there and could be read
  bool answers = true;                       // false: it is there, or should be, and cannot be read
  std::vector<CredentialFacts> credentials;  // by id
  std::vector<OpenCredential> open;          // active ones
  std::vector<store::RemovalHold> holds;
};
StoreLook look_at_store(const Config& config);

/// One request for "/" to each host that an active credential sends to, all at once; and, if `online`, what token
/// endpoints are asked for grants, whose answers go to `look.credentials`. Ends by `deadline`.
std::vector<HostFacts> look_at_hosts(const Config& config, const std::optional<net::Proxy>& proxy, StoreLook& look,
                                     bool online, MonoTime deadline, const Clock& clock);

}  // namespace nightpost::app
