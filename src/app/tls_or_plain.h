// A listener of ours that speaks TLS where the config names a certificate, and plain HTTP behind a proxy that ends TLS.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "server/http_server.h"

namespace nightpost::app {

/// Threads as server::HttpServer.
class TlsOrPlain {
 public:
  /// `certificate_file`, `key_file`: PEM; both or none. `tls`: its other settings. Malformed, NotFound: the files; Io:
  /// cannot listen there.
  static Result<TlsOrPlain> start(boost::asio::io_context& loop, server::ServerOptions options,
                                  const std::string& certificate_file, const std::string& key_file,
                                  server::ServerTls tls, server::ServerHandler handler);
  std::uint16_t port() const noexcept { return tls_ ? tls_->port() : plain_->port(); }

 private:
  std::unique_ptr<server::HttpServer> plain_;  // one of the two
  std::unique_ptr<server::TlsServer> tls_;
};

}  // namespace nightpost::app
