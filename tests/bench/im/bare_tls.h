// What a TLS connection costs a server at the least: OpenSSL and nothing else.
#pragma once

#include <cstddef>

namespace nightpost::bench {

/// Resident bytes of a process of its own, a connection that has shaken hands and is silent.
double bare_tls_bytes(std::size_t connections);
/// That process: takes connections until it is ended. Its port goes to stdout, then a line for each connection.
int run_bare_tls();

}  // namespace nightpost::bench
