#include "support/memory_wire.h"

#include <algorithm>

namespace nightpost::support {

void MemoryConnection::connect(net::Order order) {
  if (net_.chance(net_.hanging)) return;  // the lane's time-out ends it
  if (net_.chance(net_.refused)) return fail_later(net_.delay(), "connecting: refused");
  net_.loop.after(net_.delay(), [weak = std::weak_ptr(self()), order = std::move(order)] {
    const auto me = weak.lock();
    if (!me || me->over()) return;
    std::vector<Endpoint> endpoints{Endpoint(boost::asio::ip::address_v4(0x7f000001), 443)};
    order(endpoints);
    me->connected_to(endpoints.front());
    me->far_ = std::make_shared<Far>(me->net_.settings, me->net_.open_windows);
    me->net_.on_peer(me->far_->peer, weak);
    me->wire_is_up();
    me->pump_peer();
  });
}

void MemoryConnection::fail_later(milliseconds delay, const char* why) {
  net_.loop.after(delay, [weak = std::weak_ptr(self()), why] {
    const auto me = weak.lock();
    if (!me || me->shut_) return;
    me->blame(std::string(why));
    me->finish();
  });
}

std::size_t MemoryConnection::send(std::span<const std::uint8_t> bytes) {
  if (net_.chance(net_.stalls)) {
    wait_to_write();
    net_.loop.after(net_.delay(), [weak = std::weak_ptr(self())] {
      if (const auto me = weak.lock(); me && !me->over()) me->may_write();
    });
    return 0;
  }
  const std::size_t size = 1 + net_.dice(std::min(bytes.size(), net_.slice_max));
  there_at_ = std::max(there_at_, net_.loop.now() + net_.delay());
  net_.loop.at(there_at_, [far = far_, weak = std::weak_ptr(self()),
                           slice = std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + std::ptrdiff_t(size))] {
    if (far->snapped) return;
    const bool kept_rules = far->peer.feed(slice);
    if (const auto me = weak.lock(); me && !me->shut_) {
      me->pump_peer();
      if (!kept_rules) me->snap();
    }
  });
  return size;
}

void MemoryConnection::pump_peer() {
  if (shut_ || far_->snapped) return;
  const std::vector<std::uint8_t> all = far_->peer.output();
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t size = 1 + net_.dice(std::min(all.size() - at, net_.slice_max));
    here_at_ = std::max(here_at_, net_.loop.now() + net_.delay());
    const auto from = all.begin() + std::ptrdiff_t(at);
    net_.loop.at(here_at_, [weak = std::weak_ptr(self()),
                            slice = std::vector<std::uint8_t>(from, from + std::ptrdiff_t(size))]() mutable {
      if (const auto me = weak.lock(); me && !me->shut_ && !me->far_->snapped) me->deliver(std::move(slice));
    });
    at += size;
  }
}

void MemoryConnection::deliver(std::vector<std::uint8_t> bytes) {
  const bool more = receive(bytes) && session().wants_io();
  hear(net_.loop.now());
  if (!more && !shut_) finish();
}

void MemoryConnection::snap() {
  if (shut_ || far_->snapped) return;
  far_->snapped = true;
  fail_later(net_.delay(), "closed by the peer");
}

void MemoryConnection::shut(bool) {
  if (std::exchange(shut_, true)) return;
  --net_.open;
  if (state() != State::Closing) return;
  net_.loop.after(milliseconds(0), [me = self()] { me->finish(); });
}

}  // namespace nightpost::support
