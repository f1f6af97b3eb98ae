// What changed from one version of a certificate to the next, in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/certificate.h"
#include "store/store.h"

namespace nightpost::app {

/// "setting channel_id: im → im2", "secret", …; never a secret. `secret_changed`: the caller has opened both.
std::vector<std::string> changes_between(const Certificate& before, const Certificate& after, bool secret_changed);
std::vector<std::string> changes_between(const store::NewCertificate& before, const store::NewCertificate& after);

}  // namespace nightpost::app
