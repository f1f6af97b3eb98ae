#include "app/tls_or_plain.h"

#include <utility>

#include "app/commands.h"

namespace nightpost::app {

Result<TlsOrPlain> TlsOrPlain::start(boost::asio::io_context& loop, server::ServerOptions options,
                                     const std::string& certificate_file, const std::string& key_file,
                                     server::ServerTls tls, server::ServerHandler handler) {
  TlsOrPlain made;
  if (certificate_file.empty()) {
    auto plain = server::HttpServer::start(loop, std::move(options), std::move(handler));
    if (!plain) return std::unexpected(std::move(plain.error()));
    made.plain_ = *std::move(plain);
    return made;
  }
  auto certificate = read_file(certificate_file);
  if (!certificate) return std::unexpected(std::move(certificate.error()));
  auto key = read_file(key_file);
  if (!key) return std::unexpected(std::move(key.error()));
  tls.certificate_pem = *std::move(certificate);
  tls.private_key_pem = *std::move(key);
  auto started = server::TlsServer::start(loop, std::move(options), std::move(tls), std::move(handler));
  if (!started) return std::unexpected(std::move(started.error()));
  made.tls_ = *std::move(started);
  return made;
}

}  // namespace nightpost::app
