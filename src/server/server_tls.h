// The server side of TLS as a pure state machine over OpenSSL: ciphertext in, plaintext out and back, no socket (and so
// no SIGPIPE, and one write to the socket for many records).
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

#include "core/c_handle.h"
#include "core/result.h"
#include "server/http_server.h"

namespace nightpost::server {

using SslContext = Handle<SSL_CTX, SSL_CTX_free>;

/// Malformed: certificate or key do not parse or do not match. `renewed`: the context that it replaces, whose tickets
/// stay good; null: none.
Result<SslContext> server_context(const ServerTls& tls, SSL_CTX* renewed = nullptr);

/// One connection's. It shares `context`, which may be replaced meanwhile.
class ServerTlsEngine {
 public:
  explicit ServerTlsEngine(SSL_CTX& context);
  ServerTlsEngine(const ServerTlsEngine&) = delete;
  ServerTlsEngine& operator=(const ServerTlsEngine&) = delete;

  /// Appends what could be decrypted to `plain`. An error (refused handshake, alert, bad record) ends the connection;
  /// pull() may still hold our alert.
  Result<void> feed(std::string_view received, std::string& plain);
  Result<void> write(std::string_view plain);
  void close();                 // queues close_notify
  void pull(std::string& out);  // appends what is to be sent
  bool ready() const noexcept;  // the handshake is over
  bool closed_by_peer() const noexcept { return closed_by_peer_; }
  bool chose_h2() const noexcept;
  std::string peer_certificate_pem() const;  // empty: none was presented

 private:
  struct Wire;  // the BIO's two ends
  std::string_view incoming_;
  std::string outgoing_;
  bool closed_by_peer_ = false;
  Handle<SSL, SSL_free> ssl_;
};

}  // namespace nightpost::server
