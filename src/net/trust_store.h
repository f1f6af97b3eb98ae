// Whom a client believes: the system's authorities and, where one is given, an own one besides.
#pragma once

#include <openssl/x509.h>

#include <string>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost::net {

using TrustStore = Handle<X509_STORE, X509_STORE_free>;

/// Counted by OpenSSL: whoever takes it over for a context may outlive the handle. Malformed: `ca_pem` is not empty and
/// holds no certificate.
Result<TrustStore> make_trust_store(const std::string& ca_pem);

}  // namespace nightpost::net
