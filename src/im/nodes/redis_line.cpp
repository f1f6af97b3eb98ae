#include "im/nodes/redis_line.h"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "net/asio_loop.h"
#include "net/back_off.h"
#include "net/dialer.h"
#include "net/trust_store.h"

namespace nightpost::im {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kRedisReadBytes = 65'536;
constexpr std::size_t kRedisKeptBytes = 65'536;  // of a buffer between writes

/// A connection's socket with what is being written: shared with the write, which may outlive the connection.
struct Wire {
  explicit Wire(tcp::socket socket) : plain(std::move(socket)) {}
  Wire(tcp::socket socket, asio::ssl::context& context) : tls(std::in_place, std::move(socket), context) {}
  tcp::socket& socket() { return tls ? tls->next_layer() : *plain; }

  std::optional<tcp::socket> plain;  // or
  std::optional<asio::ssl::stream<tcp::socket>> tls;
  std::string writing;
};

Result<std::shared_ptr<asio::ssl::context>> redis_tls(const RedisOptions& options) {
  auto trust = net::trust_store_from(nullptr, options.ca_pem);
  if (!trust) return std::unexpected(std::move(trust.error()));
  // shared: with a connection that is closing.
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  context->set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set1_cert_store(context->native_handle(), trust->get());
  if (options.certificate_pem.empty()) return context;
  error_code failed;
  context->use_certificate_chain(asio::buffer(options.certificate_pem), failed);
  if (failed) return fail(Errc::Malformed, "the certificate cannot be used: " + failed.message());
  context->use_private_key(asio::buffer(options.private_key_pem), asio::ssl::context::pem, failed);
  if (failed) return fail(Errc::Malformed, "the certificate's key cannot be used: " + failed.message());
  return context;
}

[[noreturn]] void rethrow_of_redis(const std::exception_ptr& thrown) { std::rethrow_exception(thrown); }

}  // namespace

struct RedisLine::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& l, const RedisOptions& o, std::uint64_t seed, Hooks h)
      : loop(l),
        options(o),
        hooks(std::move(h)),
        names(loop, {}),
        dialer(loop, names),
        pause(loop),
        watch(loop),
        back_off(o.reconnect_first, o.reconnect_max, seed) {}

  static asio::awaitable<void> run(std::shared_ptr<Impl> self) {
    while (!self->stopped) {
      Error why = co_await self->live();
      self->watch.cancel();
      const bool was_up = std::exchange(self->up, false);
      self->close();
      self->wire.reset();
      self->waiting.clear();
      if (self->stopped) co_return;
      // A server that lets us in and throws us out again is tried less often, too.
      if (was_up && net::clock_now() >= self->up_since + self->options.reconnect_max) self->back_off.succeeded();
      if (self->ended) why = *std::exchange(self->ended, std::nullopt);
      self->hooks.down(why);
      if (self->stopped) co_return;
      error_code cancelled;
      self->pause.expires_after(self->back_off.after_failure());
      co_await self->pause.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
  }

  /// From the name to the end of the connection.
  asio::awaitable<Error> live() {
    const MonoTime by = net::clock_now() + options.connect_timeout;
    auto dialed = co_await dialer.dial(options.url.host, options.url.port, {}, by);
    if (!dialed) co_return dialed.error();
    if (stopped) co_return lost("", {});
    wire = context ? std::make_shared<Wire>(std::move(dialed->socket), *context)
                   : std::make_shared<Wire>(std::move(dialed->socket));
    close_at(by, "it did not let us in within " + std::to_string(options.connect_timeout.count()) + " ms");
    error_code failed;
    if (context && !co_await shake_hands(failed)) co_return lost("TLS: ", failed);
    RedisReader reader(options.message_bytes_max + 1'024);
    if (auto refused = co_await log_in(reader)) co_return *std::move(refused);
    if (stopped || ended) co_return lost("", failed);  // while its last answer was on its way to us
    watch.cancel();
    up = true;
    up_since = net::clock_now();
    hooks.up();
    std::array<char, kRedisReadBytes> room;
    while (true) {
      while (up) {
        auto reply = reader.next();
        if (!reply) co_return std::move(reply.error());
        if (!*reply) break;
        hooks.answer(**std::move(reply));
      }
      if (!up) co_return lost("", failed);
      const std::size_t size = co_await read_some(asio::buffer(room), failed);
      if (failed) co_return lost("", failed);
      reader.feed({room.data(), size});
    }
  }

  asio::awaitable<bool> shake_hands(error_code& failed) {
    auto& stream = *wire->tls;
    const std::string& host = options.url.host;
    error_code no_address;
    asio::ip::make_address(host, no_address);
    if (no_address && SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1) co_return false;
    stream.set_verify_callback(asio::ssl::host_name_verification(host));
    co_await stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, failed));
    co_return !failed;
  }

  /// nullopt: we are in.
  asio::awaitable<std::optional<Error>> log_in(RedisReader& reader) {
    std::string hello;
    std::size_t answers = 1;
    if (!options.password.empty()) {
      ++answers;
      if (options.url.user.empty()) {
        append_redis_command(hello, {"AUTH", options.password});
      } else {
        append_redis_command(hello, {"AUTH", options.url.user, options.password});
      }
    }
    append_redis_command(hello, {"PING"});
    send(hello);
    std::array<char, 4'096> room;
    while (true) {
      auto reply = reader.next();
      if (!reply) co_return std::move(reply.error());
      if (!*reply) {
        error_code failed;
        const std::size_t size = co_await read_some(asio::buffer(room), failed);
        if (failed) co_return lost("", failed);
        reader.feed({room.data(), size});
        continue;
      }
      const RedisReply& said = **reply;
      if (said.kind == RedisReply::Kind::Error) co_return Error{Errc::Unauthorized, "it refuses us: " + words_of(said)};
      if (said.kind != RedisReply::Kind::Status) co_return Error{Errc::Malformed, "its answer is not Redis' protocol"};
      if (--answers == 0) co_return std::nullopt;
    }
  }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, error_code& failed) {
    const auto on = wire;  // which give_up() may let go
    if (on->tls) co_return co_await on->tls->async_read_some(into, asio::redirect_error(asio::use_awaitable, failed));
    co_return co_await on->plain->async_read_some(into, asio::redirect_error(asio::use_awaitable, failed));
  }

  void send(std::string_view bytes) {
    waiting += bytes;
    if (wire && wire->writing.empty()) write();
  }

  void write() {
    if (waiting.empty()) return;
    wire->writing.swap(waiting);
    waiting.clear();
    const auto wrote = [self = shared_from_this(), on = wire](error_code failed, std::size_t) {
      if (on->writing.capacity() > kRedisKeptBytes)
        std::string().swap(on->writing);
      else
        on->writing.clear();
      if (self->wire != on || failed) return;  // who reads sees the end, too
      self->write();
    };
    if (wire->tls) return asio::async_write(*wire->tls, asio::buffer(wire->writing), wrote);
    asio::async_write(*wire->plain, asio::buffer(wire->writing), wrote);
  }

  Error lost(std::string_view step, error_code failed) const {
    const std::string why = failed == asio::error::eof ? "it closed the connection" : failed.message();
    return {Errc::ConnectionLost, std::string(step) + (failed ? why : "given up")};
  }

  void close_at(MonoTime by, std::string why) {
    watch.expires_at(by);
    watch.async_wait([weak = weak_from_this(), why = std::move(why)](error_code cancelled) {
      const auto self = weak.lock();
      if (self && !cancelled && !self->up && !self->stopped) self->give_up({Errc::Timeout, why});
    });
  }

  void give_up(Error why) {
    if (!wire || ended) return;
    ended = std::move(why);
    up = false;
    close();
  }
  void close() {
    if (!wire) return;
    error_code ignored;
    wire->socket().close(ignored);
  }
  void stop() {
    stopped = true;
    up = false;
    dialer.cancel();
    pause.cancel();
    watch.cancel();
    close();
    hooks = {};
  }

  asio::io_context& loop;
  const RedisOptions options;
  Hooks hooks;
  std::shared_ptr<asio::ssl::context> context;  // null: no TLS
  net::NameResolver names;
  net::Dialer dialer;
  asio::steady_timer pause;  // between tries
  asio::steady_timer watch;  // of a log-in
  net::BackOff back_off;
  std::shared_ptr<Wire> wire;  // null: not connected
  std::string waiting;         // to be written
  std::optional<Error> ended;  // why we gave the connection up
  bool up = false;
  MonoTime up_since{};
  bool stopped = false;
};

Result<std::unique_ptr<RedisLine>> RedisLine::make(asio::io_context& loop, const RedisOptions& options,
                                                   std::uint64_t seed, Hooks hooks) {
  auto impl = std::make_shared<Impl>(loop, options, seed, std::move(hooks));
  if (options.url.tls) {
    auto context = redis_tls(options);
    if (!context) return std::unexpected(std::move(context.error()));
    impl->context = *std::move(context);
  }
  return std::unique_ptr<RedisLine>(new RedisLine(std::move(impl)));
}

RedisLine::RedisLine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
RedisLine::~RedisLine() { impl_->stop(); }

void RedisLine::start() {
  asio::co_spawn(impl_->loop, Impl::run(impl_), [](const std::exception_ptr& thrown) {
    if (thrown) rethrow_of_redis(thrown);
  });
}
bool RedisLine::is_up() const noexcept { return impl_->up; }
void RedisLine::send(std::string_view commands) { impl_->send(commands); }
void RedisLine::give_up(Error why) { impl_->give_up(std::move(why)); }

}  // namespace nightpost::im
