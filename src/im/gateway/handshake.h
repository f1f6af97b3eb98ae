// WebSocket's opening handshake (RFC 6455 §4). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "server/http_server.h"

namespace nightpost::im {

/// The Sec-WebSocket-Accept of a Sec-WebSocket-Key (§4.2.2). Throws runtime_error where libcrypto has no SHA-1.
std::string ws_accept_of(std::string_view key);

/// What a request that asks for a WebSocket is answered with: the accept value for its 101, or a refusal. That it is a
/// GET over HTTP/1.1 which asks for the upgrade is Responder::upgrade's to see. Any Origin may ask: a login is a
/// signature in a frame, which no foreign page has, and no cookie counts.
std::expected<std::string, server::ServerResponse> ws_accept(const server::ServerRequest& request);

/// A client's request, and whether the head of the answer (up to the empty line) agrees. `nonce` is random (§4.1).
std::string ws_client_request(std::string_view host, std::string_view path, const std::array<std::uint8_t, 16>& nonce);
bool ws_client_accepted(std::string_view head, const std::array<std::uint8_t, 16>& nonce);

}  // namespace nightpost::im
