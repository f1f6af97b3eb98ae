#include "app/chat_wire.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <utility>

#include "net/origin.h"
#include "net/trust_store.h"

namespace nightpost::app {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

Result<ChatUrl> parse_chat_url(std::string_view text) {
  constexpr std::string_view kScheme = "wss://";
  const auto malformed = [&] { return fail(Errc::Malformed, std::string(text) + ": not wss://HOST[:PORT][/PATH]"); };
  if (!text.starts_with(kScheme)) return malformed();
  const std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const auto origin = net::parse_origin("https://" + std::string(rest.substr(0, slash)));
  if (!origin) return malformed();
  std::string path(rest.substr(slash));
  for (const char c : path)
    if (c <= ' ' || c > '~' || c == '#') return malformed();
  return ChatUrl{origin->host, origin->port, origin->authority, path.empty() ? "/ws" : std::move(path)};
}

struct ChatWire::Ground {
  asio::io_context& loop;
  ChatUrl url;
  ChatWireEvents events;
  asio::ssl::context tls{asio::ssl::context::tls_client};
};

class ChatWire::Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Ground& ground)
      : ground_(&ground), stream_(asio::make_strand(ground.loop), ground.tls), resolver_(ground.loop) {}

  void start() { asio::co_spawn(stream_.get_executor(), run(shared_from_this()), asio::detached); }
  /// No event from now on.
  void forget() {
    ground_ = nullptr;
    resolver_.cancel();
    beast::get_lowest_layer(stream_).cancel();
  }
  void send(std::string frame) {
    if (!open_ || closing_) return;
    unsent_bytes_ += frame.size();
    if (unsent_bytes_ > kUnsentMax) return beast::get_lowest_layer(stream_).cancel();
    unsent_.push_back(std::move(frame));
    if (unsent_.size() == 1) write(shared_from_this());
  }
  void close() {
    if (closing_) return;
    closing_ = true;
    if (!open_) {
      resolver_.cancel();
      return beast::get_lowest_layer(stream_).cancel();
    }
    if (unsent_.empty()) say_close(shared_from_this());
  }

 private:
  using Stream = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;
  static constexpr auto kQuiet = asio::as_tuple(asio::use_awaitable);

  /// `self` keeps all of it until the end.
  static asio::awaitable<void> run(std::shared_ptr<Connection> self) {
    std::string why = co_await self->open();
    if (why.empty()) why = co_await self->read();
    self->open_ = false;
    beast::get_lowest_layer(self->stream_).close();
    if (self->ground_ != nullptr) self->ground_->events.closed(why);
  }

  /// Why not; empty: it is open.
  asio::awaitable<std::string> open() {
    const ChatUrl url = ground_->url;
    auto& tcp = beast::get_lowest_layer(stream_);
    auto [resolved, addresses] = co_await resolver_.async_resolve(url.host, std::to_string(url.port), kQuiet);
    if (resolved) co_return fmt::format("{}: {}", url.host, resolved.message());
    if (ground_ == nullptr || closing_) co_return "closed";
    tcp.expires_after(kOpenLimit);
    auto [connected, endpoint] = co_await tcp.async_connect(addresses, kQuiet);
    if (connected) co_return fmt::format("{}: {}", url.authority, connected.message());
    auto& tls = stream_.next_layer();
    error_code wrong;
    asio::ip::make_address(url.host, wrong);
    const bool is_name = bool(wrong);
    if (is_name && SSL_set_tlsext_host_name(tls.native_handle(), url.host.c_str()) != 1)
      co_return "no such name in TLS";
    tls.set_verify_callback(asio::ssl::host_name_verification(url.host));
    auto [shaken] = co_await tls.async_handshake(asio::ssl::stream_base::client, kQuiet);
    if (shaken) co_return fmt::format("{}: TLS: {}", url.authority, words_of(shaken));
    stream_.set_option(websocket::stream_base::timeout{
        .handshake_timeout = kOpenLimit, .idle_timeout = websocket::stream_base::none(), .keep_alive_pings = false});
    stream_.read_message_max(kFrameMax);
    tcp.expires_never();
    websocket::response_type answer;
    auto [upgraded] = co_await stream_.async_handshake(answer, url.authority, url.path, kQuiet);
    if (upgraded == websocket::error::upgrade_declined)
      co_return fmt::format("{}: HTTP {} instead of a WebSocket", url.authority, answer.result_int());
    if (upgraded) co_return fmt::format("{}: no WebSocket: {}", url.authority, upgraded.message());
    if (ground_ == nullptr || closing_) co_return "closed";
    open_ = true;
    stream_.text(true);
    ground_->events.opened();
    co_return "";
  }

  /// Until the end; says why.
  asio::awaitable<std::string> read() {
    beast::flat_buffer buffer;
    for (;;) {
      auto [failed, bytes] = co_await stream_.async_read(buffer, kQuiet);
      if (failed == websocket::error::closed)
        co_return fmt::format("closed by the server: {} {}", static_cast<unsigned>(stream_.reason().code),
                              std::string_view(stream_.reason().reason.data(), stream_.reason().reason.size()));
      if (failed) co_return closing_ ? "closed" : words_of(failed);
      if (ground_ == nullptr) co_return "closed";
      if (!stream_.got_text()) co_return "the server sent what is no text";
      const auto data = buffer.data();
      ground_->events.frame({static_cast<const char*>(data.data()), data.size()});
      buffer.consume(buffer.size());
    }
  }

  static void write(std::shared_ptr<Connection> self) {
    Connection& it = *self;
    it.stream_.async_write(asio::buffer(it.unsent_.front()), [self = std::move(self)](error_code failed, std::size_t) {
      Connection& it = *self;
      if (failed) return beast::get_lowest_layer(it.stream_).cancel();  // the reader says why
      it.unsent_bytes_ -= it.unsent_.front().size();
      it.unsent_.pop_front();
      if (!it.unsent_.empty()) return write(self);
      if (it.closing_) say_close(self);
    });
  }

  static void say_close(std::shared_ptr<Connection> self) {
    Connection& it = *self;
    it.stream_.set_option(websocket::stream_base::timeout{
        .handshake_timeout = kCloseLimit, .idle_timeout = websocket::stream_base::none(), .keep_alive_pings = false});
    it.stream_.async_close(websocket::close_code::normal,
                           [self = std::move(self)](error_code) { beast::get_lowest_layer(self->stream_).cancel(); });
  }

  static std::string words_of(const error_code& error) {
    if (error == asio::ssl::error::stream_truncated || error == asio::error::eof) return "the connection ended";
    if (error == beast::error::timeout) return "no answer in time";
    return error.message();
  }

  Ground* ground_;  // null: nobody listens any more
  Stream stream_;
  asio::ip::tcp::resolver resolver_;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  bool open_ = false, closing_ = false;
};

Result<std::unique_ptr<ChatWire>> ChatWire::make(asio::io_context& loop, ChatUrl url, const std::string& ca_pem,
                                                 ChatWireEvents events) {
  const auto trust = net::trust_store_from(nullptr, ca_pem);
  if (!trust) return std::unexpected(trust.error());
  auto ground = std::unique_ptr<Ground>(new Ground{.loop = loop, .url = std::move(url), .events = {}});
  SSL_CTX_set1_cert_store(ground->tls.native_handle(), trust->get());
  if (SSL_CTX_set_min_proto_version(ground->tls.native_handle(), TLS1_2_VERSION) != 1)
    return fail(Errc::Io, "OpenSSL has no TLS 1.2");
  ground->tls.set_verify_mode(asio::ssl::verify_peer);
  Ground* const here = ground.get();
  auto wire = std::unique_ptr<ChatWire>(new ChatWire(std::move(ground)));
  here->events = {.opened = std::move(events.opened),
                  .frame = std::move(events.frame),
                  .closed = [at = wire.get(), closed = std::move(events.closed)](std::string_view why) {
                    at->connection_.reset();
                    closed(why);
                  }};
  return wire;
}

ChatWire::ChatWire(std::unique_ptr<Ground> ground) : ground_(std::move(ground)) {}
ChatWire::~ChatWire() {
  if (connection_) connection_->forget();
}
void ChatWire::connect() {
  connection_ = std::make_shared<Connection>(*ground_);
  connection_->start();
}
void ChatWire::send(std::string frame) {
  if (connection_) connection_->send(std::move(frame));
}
void ChatWire::close() {
  if (connection_) connection_->close();
}
bool ChatWire::busy() const noexcept { return connection_ != nullptr; }

}  // namespace nightpost::app
