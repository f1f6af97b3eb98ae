#include "server/server_listener.h"

#include <atomic>
#include <utility>

namespace nightpost::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after EMFILE and the like

std::uint64_t next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

ServerListener::ServerListener(asio::io_context& loop, std::shared_ptr<ServerShared> shared)
    : acceptor_(loop),
      pause_(loop),
      shared_(std::move(shared)),
      slots_({.connections_max = shared_->options.connections_max,
              .connections_per_address_max = shared_->options.connections_per_address_max,
              .connections_reserved = shared_->options.connections_reserved,
              .reserved_addresses = shared_->options.reserved_addresses}) {}

Result<void> ServerListener::listen() {
  const ServerOptions& options = shared_->options;
  const std::string where = options.host + ":" + std::to_string(options.port);
  error_code error;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) return fail(Errc::Io, "cannot resolve " + where + ": " + error.message());
  const tcp::endpoint endpoint = *found.begin();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Errc::Io, "cannot listen on " + where + ": " + error.message());
  port_ = acceptor_.local_endpoint(error).port();
  accept();
  return {};
}

void ServerListener::accept() {
  acceptor_.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (error) {
      self->pause_.expires_after(kAcceptPause);
      self->pause_.async_wait([self](const error_code& stopped) {
        if (!stopped && self->acceptor_.is_open()) self->accept();
      });
      return;
    }
    self->admit(std::move(socket));
    self->accept();
  });
}

void ServerListener::admit(tcp::socket socket) {
  error_code gone;
  const asio::ip::address peer = socket.remote_endpoint(gone).address();
  if (gone) return;
  const ConnectionSlots::Holder holder = slots_.holder_of(peer);
  const auto decision = slots_.admit(holder, [this] {
    std::vector<ConnectionSlots::Candidate> candidates;
    candidates.reserve(open_.size());
    for (const auto& [id, connection] : open_) candidates.push_back(connection->candidate());
    return candidates;
  });
  if (decision.refused) return shared_->refuse(*decision.refused, peer);
  if (decision.evict) {
    const auto oldest = open_.at(*decision.evict);  // kept until it is closed: closing takes it out of open_
    oldest->evict();
  }
  const std::uint64_t id = next_connection_id();
  auto connection = std::make_shared<ServerConnection>(std::move(socket), id, peer, holder, shared_,
                                                       [weak = weak_from_this()](std::uint64_t closed) {
                                                         if (const auto listener = weak.lock())
                                                           listener->forget(closed);
                                                       });
  open_.emplace(id, connection);
  shared_->counts().connections_accepted.add();
  shared_->counts().connections.set(open_.size());
  connection->start();
}

void ServerListener::forget(std::uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  slots_.release(found->second->holder());
  open_.erase(found);
  shared_->counts().connections.set(open_.size());
  if (shared_->options.closed) shared_->options.closed(id);
}

Result<void> ServerListener::renew(std::string certificate_pem, std::string private_key_pem) {
  ServerTls next = shared_->tls;
  next.certificate_pem = std::move(certificate_pem);
  next.private_key_pem = std::move(private_key_pem);
  auto context = server_context(next, shared_->context.get());
  if (!context) return std::unexpected(std::move(context.error()));
  shared_->tls.certificate_pem = std::move(next.certificate_pem);
  shared_->context = *std::move(context);
  return {};
}

void ServerListener::on_all(const FaultAction& action) {
  const auto connections = open_;  // dropping one takes it out of open_
  for (const auto& [id, connection] : connections) connection->inject(action);
}

void ServerListener::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  shared_->handler = nullptr;
  shared_->options.closed = nullptr;
  shared_->counts().connections.set(0);
  shared_->options.metrics = nullptr;  // its owner may go before the last of what is queued on the loop
  shared_->options.log = nullptr;
  const auto connections = std::exchange(open_, {});
  for (const auto& [id, connection] : connections) connection->close();
}

}  // namespace nightpost::server
