// A listener of ours that speaks TLS where the config names a certificate, and plain HTTP behind a proxy that ends TLS.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "server/http_server.h"

namespace nightpost::app {

/// Both or none. They are read again when they change, so a renewed certificate needs no restart.
struct TlsFiles {
  std::string certificate;  // PEM chain
  std::string key;          // PEM
  milliseconds look_every{60'000};
};

/// Threads as server::HttpServer.
class TlsOrPlain {
 public:
  /// `tls`: its other settings. Malformed, NotFound: the files; Io: cannot listen there.
  static Result<TlsOrPlain> start(boost::asio::io_context& loop, server::ServerOptions options, TlsFiles files,
                                  server::ServerTls tls, server::ServerHandler handler);
  TlsOrPlain(TlsOrPlain&&) noexcept;
  TlsOrPlain& operator=(TlsOrPlain&&) noexcept;
  ~TlsOrPlain();

  std::uint16_t port() const noexcept;
  /// Of the certificate that is shown now; nullopt: plain. Any thread.
  std::optional<WallTime> certificate_ends() const noexcept;

 private:
  class Renewing;
  TlsOrPlain();

  std::unique_ptr<server::HttpServer> plain_;  // one of the two
  std::unique_ptr<Renewing> tls_;
};

}  // namespace nightpost::app
