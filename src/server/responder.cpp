#include "server/responder.h"

#include <utility>

#include "server/server_connection.h"
#include "server/upgraded_stream.h"

namespace nightpost::server {

Responder::Responder(std::weak_ptr<ServerConnection> connection, std::int32_t stream)
    : connection_(std::move(connection)), stream_(stream) {}

Responder::Responder(Responder&& other) noexcept
    : connection_(std::exchange(other.connection_, {})), stream_(other.stream_) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(connection_, other.connection_);  // what this one owed, `other` answers when it goes
  std::swap(stream_, other.stream_);
  return *this;
}

Responder::~Responder() {
  if (const auto connection = let_go()) connection->respond(stream_, {.status = 500});
}

void Responder::respond(const ServerResponse& response) {
  if (const auto connection = let_go()) connection->respond(stream_, response);
}

Result<UpgradedStream> Responder::upgrade(std::string_view protocol, const ServerHeaders& headers) {
  const auto connection = connection_.lock();
  if (!connection) return fail(Errc::ConnectionLost, "the connection is gone");
  auto stream = connection->upgrade(stream_, protocol, headers);
  if (stream || stream.error().code != Errc::Malformed) connection_.reset();
  return stream;
}

bool Responder::wanted() const noexcept {
  const auto connection = connection_.lock();
  return connection && connection->open();
}

std::shared_ptr<ServerConnection> Responder::let_go() noexcept { return std::exchange(connection_, {}).lock(); }

}  // namespace nightpost::server
