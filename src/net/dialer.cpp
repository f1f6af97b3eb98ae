#include "net/dialer.h"
#include "net/asio_loop.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace nightpost::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Of the time there is, a silent address may hold its place for a part, so that a ninth one has its turn too.
milliseconds attempt_timeout(MonoTime now, MonoTime by) {
  return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(by - now) / 2);
}

}  // namespace

struct Dialer::State {
  explicit State(asio::io_context& loop) : wake(loop) {}
  struct Ended {
    std::size_t index;
    error_code failed;
  };

  asio::steady_timer wake;  // ends early when something came in
  std::optional<Result<NameResolver::Addresses>> found;
  std::vector<std::unique_ptr<tcp::socket>> sockets;  // by index of the attempt
  std::vector<Ended> ended;                           // not yet looked at
  std::optional<HappyEyeballs> race;
  std::string host;
  bool cancelled = false;

  void close_all() {
    error_code ignored;
    for (const auto& socket : sockets)
      if (socket) socket->close(ignored);
  }
};

void Dialer::cancel() {
  if (!state_) return;
  state_->cancelled = true;
  state_->close_all();
  state_->wake.cancel();
}

std::string Dialer::progress() const {
  if (!state_) return {};
  if (!state_->race) return "resolving " + state_->host + ": no answer yet";
  return "connecting to " + state_->host + ": " + state_->race->describe();
}

asio::awaitable<Result<Dialer::Dialed>> Dialer::dial(std::string host, std::uint16_t port, Order order, MonoTime by) {
  // shared: the handlers of attempts that lost come after dial() has ended.
  const std::shared_ptr<State> state = state_ = std::make_shared<State>(loop_);
  const auto end = [&](Result<Dialed> result) {
    state->close_all();
    state_.reset();
    return result;
  };
  state->host = host;
  error_code failed;
  auto woken = asio::redirect_error(asio::use_awaitable, failed);

  if (const auto address = asio::ip::make_address(host, failed); !failed) {
    state->found = NameResolver::Addresses{address};
  } else {
    names_.resolve(host, [state](const Result<NameResolver::Addresses>& found) {
      state->found = found;
      state->wake.cancel();
    });
  }
  while (!state->found && !state->cancelled && clock_now() < by) {
    state->wake.expires_at(by);
    co_await state->wake.async_wait(woken);
  }
  if (state->cancelled) co_return end(fail(Errc::ConnectionLost, "not needed any longer"));
  if (!state->found) co_return end(fail(Errc::Timeout, progress()));
  if (!*state->found) co_return end(std::unexpected(state->found->error()));

  std::vector<Endpoint> endpoints;
  for (const auto& address : **state->found) endpoints.emplace_back(address, port);
  const bool six_first = endpoints.front().address().is_v6();
  if (order) order(endpoints);
  HappyEyeballs& race =
      state->race.emplace(interleave_families(endpoints, six_first),
                          HappyEyeballs::Options{.attempt_timeout = attempt_timeout(clock_now(), by)});
  state->sockets.resize(endpoints.size());

  for (;;) {
    if (state->cancelled) co_return end(fail(Errc::ConnectionLost, "not needed any longer"));
    for (const State::Ended& one : std::exchange(state->ended, {})) {
      if (one.failed) {
        race.failed(one.index, one.failed.message());
        continue;
      }
      tcp::socket socket = std::move(*state->sockets[one.index]);
      socket.set_option(tcp::no_delay(true), failed);
      if (!failed) socket.non_blocking(true, failed);
      if (!failed) co_return end(Dialed{std::move(socket), race.endpoint(one.index)});
      race.failed(one.index, failed.message());
    }
    const MonoTime now = clock_now();
    while (const auto late = race.cancel_due(now)) state->sockets[*late]->close(failed);
    while (const auto next = race.start_due(now)) {
      state->sockets[*next] = std::make_unique<tcp::socket>(loop_);
      state->sockets[*next]->async_connect(race.endpoint(*next), [state, index = *next](error_code error) {
        state->ended.push_back({index, error});
        state->wake.cancel();
      });
    }
    if (race.exhausted()) co_return end(fail(Errc::ConnectionLost, progress()));
    if (now >= by) co_return end(fail(Errc::Timeout, progress()));
    state->wake.expires_at(std::min(race.next_due(), by));
    co_await state->wake.async_wait(woken);
  }
}

}  // namespace nightpost::net
