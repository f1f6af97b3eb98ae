#include "im/gateway/handshake.h"

#include <openssl/evp.h>

#include <stdexcept>

#include "core/text.h"

namespace nightpost::im {
namespace {

/// The field's only value; nullptr: absent or repeated.
const std::string* only(const server::ServerRequest& request, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : request.headers) {
    if (key != name) continue;
    if (found) return nullptr;
    found = &value;
  }
  return found;
}

std::string key_of(const std::array<std::uint8_t, 16>& nonce) {
  return base64({reinterpret_cast<const char*>(nonce.data()), nonce.size()});
}

}  // namespace

std::string ws_accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("libcrypto has no SHA-1");
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::expected<std::string, server::ServerResponse> ws_accept(const server::ServerRequest& request) {
  const std::string* version = only(request, "sec-websocket-version");
  if (!version || trimmed(*version) != "13")
    return std::unexpected(server::ServerResponse{
        .status = 426,
        .headers = {{"upgrade", "websocket"}, {"connection", "upgrade"}, {"sec-websocket-version", "13"}},
        .body = "Sec-WebSocket-Version is not 13\n"});
  const std::string* key = only(request, "sec-websocket-key");
  const auto nonce = key ? from_base64(trimmed(*key)) : std::nullopt;
  if (!nonce || nonce->size() != 16)
    return std::unexpected(
        server::ServerResponse{.status = 400, .body = "Sec-WebSocket-Key is not the base64 of 16 bytes\n"});
  return ws_accept_of(trimmed(*key));
}

std::string ws_client_request(std::string_view host, std::string_view path, const std::array<std::uint8_t, 16>& nonce) {
  std::string out = "GET ";
  out.append(path).append(" HTTP/1.1\r\nHost: ").append(host);
  out += "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
  return out.append(key_of(nonce)).append("\r\n\r\n");
}

bool ws_client_accepted(std::string_view head, const std::array<std::uint8_t, 16>& nonce) {
  if (!head.starts_with("HTTP/1.1 101 ")) return false;
  bool upgraded = false;
  bool accepted = false;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view() : head.substr(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = ascii_lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "upgrade") upgraded = ascii_lower(value) == "websocket";
    if (name == "sec-websocket-accept") accepted = value == ws_accept_of(key_of(nonce));
    if (name == "sec-websocket-extensions" || name == "sec-websocket-protocol") return false;  // none was asked for
  }
  return upgraded && accepted;
}

}  // namespace nightpost::im
