// The sink's TLS side: TLS 1.3, ALPN h2, and a throw-away certificate for localhost.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "core/c_handle.h"

namespace nightpost::bench {

using SslContext = Handle<SSL_CTX, SSL_CTX_free>;

struct Identity {
  std::string certificate_pem;  // self-signed, so it is its own trust anchor
  std::string key_pem;
};
/// P-256, valid for ten days from an hour ago, names localhost and 127.0.0.1.
Identity make_identity();

/// Throws std::runtime_error with OpenSSL's words when a PEM is none.
SslContext make_context(const Identity& identity);

}  // namespace nightpost::bench
