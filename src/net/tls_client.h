// TLS as a lane needs it: OpenSSL straight on a non-blocking socket, no copies in between. OpenSSL's types show only
// as opaque handles.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/c_handle.h"
#include "core/result.h"
#include "net/lane.h"
#include "net/trust_store.h"

namespace nightpost::net {

class TlsSocket;

/// What the connections of one lane share: trust anchors and client certificate. TLS 1.2 or newer, ALPN h2 only, the
/// peer's chain and its name (or IP address) always verified, SNI for names.
class TlsClient {
 public:
  /// `host` is a name or an IP address without brackets. Malformed: no such host can be verified, unreadable PEM, or
  /// key and certificate differ. Io: OpenSSL lacks something that is needed.
  static Result<std::shared_ptr<const TlsClient>> make(const std::string& host, TrustStore trust,
                                                       const std::optional<TlsIdentity>& identity);
  /// The client side on a connected, non-blocking socket, which stays the caller's. The TlsClient outlives it.
  /// Malformed: the host cannot be named in the handshake, so none must begin.
  Result<TlsSocket> open(int socket) const;

 private:
  TlsClient() = default;
  TrustStore trust_;
  Handle<SSL_CTX, SSL_CTX_free> context_;
  std::string host_;
  bool host_is_address_ = false;
  bool has_identity_ = false;
};

/// One connection. Single-threaded, never blocks, raises no SIGPIPE.
class TlsSocket {
 public:
  enum class Io : std::uint8_t { Done, WantRead, WantWrite, Eof, Failed };
  struct Step {
    Io io = Io::Done;
    std::size_t bytes = 0;
  };

  TlsSocket() = default;
  Step handshake();
  Step read(std::span<std::uint8_t> into);
  /// May take a part. After WantRead or WantWrite the same bytes must come first again.
  Step write(std::span<const std::uint8_t> from);
  /// Sends close_notify if the socket takes it now.
  void say_goodbye();
  bool speaks_h2() const;  // after the handshake: what ALPN agreed on

  /// After Failed: OpenSSL's words, one line.
  const std::string& why() const noexcept { return why_; }
  /// After Failed: the peer's alert refuses our client certificate (or asks for one we have not).
  bool credential_refused() const noexcept { return credential_refused_; }
  /// After Failed: the peer's certificate does not pass.
  bool peer_untrusted() const noexcept { return peer_untrusted_; }

 private:
  friend class TlsClient;
  Step step_of(int result, std::size_t bytes);
  Handle<SSL, SSL_free> ssl_;
  bool has_identity_ = false;
  bool credential_refused_ = false;
  bool peer_untrusted_ = false;
  std::string why_;
};

}  // namespace nightpost::net
