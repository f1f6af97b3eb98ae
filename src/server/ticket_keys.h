// The keys that seal TLS session tickets (RFC 5077, RFC 8446 §4.6.1): in memory only, and replaced as they age, so that
// a key that leaks opens no connection older than two lifetimes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/time.h"

namespace nightpost::server {

/// One of a listener's, on its loop. Two processes share no keys: a ticket of one is a full handshake at the other.
class TicketKeys {
 public:
  struct Key {
    std::array<std::uint8_t, 16> name{};  // travels with the ticket
    std::array<std::uint8_t, 32> cipher{};
    std::array<std::uint8_t, 32> mac{};
    MonoTime made;
  };
  explicit TicketKeys(milliseconds lifetime) : lifetime_(lifetime) {}
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Seals for one lifetime. Null: no random bytes are to be had.
  const Key* sealing(MonoTime now);
  /// Opens what was sealed in this lifetime or the one before. Null: too old, or never ours.
  const Key* opening(std::span<const std::uint8_t, 16> name, MonoTime now);

 private:
  void drop_old(MonoTime now);

  milliseconds lifetime_;
  std::optional<Key> current_;
  std::optional<Key> previous_;
};

}  // namespace nightpost::server
