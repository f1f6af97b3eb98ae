#include "server/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace nightpost::server {
namespace {

void wipe(std::optional<TicketKeys::Key>& key) {
  if (key) OPENSSL_cleanse(&*key, sizeof *key);
  key.reset();
}

template <std::size_t N>
bool fill(std::array<std::uint8_t, N>& bytes) {
  return RAND_bytes(bytes.data(), static_cast<int>(N)) == 1;
}

}  // namespace

TicketKeys::~TicketKeys() {
  wipe(current_);
  wipe(previous_);
}

void TicketKeys::drop_old(MonoTime now) {
  if (previous_ && now - previous_->made >= 2 * lifetime_) wipe(previous_);
  if (current_ && now - current_->made >= 2 * lifetime_) wipe(current_);
}

const TicketKeys::Key* TicketKeys::sealing(MonoTime now) {
  drop_old(now);
  if (current_ && now - current_->made < lifetime_) return &*current_;
  Key fresh{.made = now};
  if (!fill(fresh.name) || !fill(fresh.cipher) || !fill(fresh.mac)) return nullptr;
  wipe(previous_);
  previous_ = std::exchange(current_, fresh);
  OPENSSL_cleanse(&fresh, sizeof fresh);
  return &*current_;
}

const TicketKeys::Key* TicketKeys::opening(std::span<const std::uint8_t, 16> name, MonoTime now) {
  drop_old(now);
  for (const auto& key : {&current_, &previous_})
    if (*key && std::ranges::equal((*key)->name, name)) return &**key;
  return nullptr;
}

}  // namespace nightpost::server
