#include "server/http_server.h"

#include <utility>

#include "server/server_listener.h"

namespace nightpost::server {
namespace {

Result<std::shared_ptr<ServerListener>> listening(boost::asio::io_context& loop, ServerOptions options,
                                                  ServerHandler handler, ServerTls tls, SslContext context) {
  auto shared = std::make_shared<ServerShared>();
  shared->options = std::move(options);
  shared->handler = std::move(handler);
  shared->tls = std::move(tls);
  shared->context = std::move(context);
  auto listener = std::make_shared<ServerListener>(loop, std::move(shared));
  if (auto listens = listener->listen(); !listens) return std::unexpected(listens.error());
  return listener;
}

}  // namespace

ServerHandler answered_at_once(std::function<ServerResponse(const ServerRequest&)> handler) {
  return [handler = std::move(handler)](const ServerRequest& request, Responder responder) {
    responder.respond(handler(request));
  };
}

struct HttpServer::Impl {
  std::shared_ptr<ServerListener> listener;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->listener->stop(); }
std::uint16_t HttpServer::port() const noexcept { return impl_->listener->port(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(boost::asio::io_context& loop, ServerOptions options,
                                                      ServerHandler handler) {
  auto listener = listening(loop, std::move(options), std::move(handler), {}, nullptr);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::make_unique<Impl>(std::move(*listener))));
}

struct TlsServer::Impl {
  std::shared_ptr<ServerListener> listener;
};

TlsServer::TlsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServer::~TlsServer() { impl_->listener->stop(); }
std::uint16_t TlsServer::port() const noexcept { return impl_->listener->port(); }
ServerListener& TlsServer::listener() noexcept { return *impl_->listener; }
Result<void> TlsServer::renew(std::string certificate_pem, std::string private_key_pem) {
  return impl_->listener->renew(std::move(certificate_pem), std::move(private_key_pem));
}

Result<std::unique_ptr<TlsServer>> TlsServer::start(boost::asio::io_context& loop, ServerOptions options, ServerTls tls,
                                                    ServerHandler handler) {
  auto context = server_context(tls);
  if (!context) return std::unexpected(context.error());
  tls.private_key_pem.clear();  // the context has it
  auto listener = listening(loop, std::move(options), std::move(handler), std::move(tls), std::move(*context));
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<TlsServer>(new TlsServer(std::make_unique<Impl>(std::move(*listener))));
}

}  // namespace nightpost::server
