#include "sandbox/receipt_sender.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <deque>
#include <optional>

#include "core/text.h"

namespace nightpost::sandbox {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Request = http::request<http::string_body>;
using Stream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::chrono::seconds kPatience{5};  // with a receiver that does not answer
constexpr std::uint64_t kAnswerBytesMax = 65'536;

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace

Result<ReceiptTarget> receipt_target(std::string_view url, bool anywhere) {
  ReceiptTarget target;
  if (url.starts_with("https://")) {
    target.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return fail(Errc::Malformed, "not an http or https URL");
  }
  const std::size_t slash = std::min(url.find_first_of("/?#"), url.size());
  target.authority = url.substr(0, slash);
  target.path = slash == url.size() ? "/" : std::string(url.substr(slash));
  std::string_view host = target.authority;
  target.port = target.tls ? "443" : "80";
  const bool bracketed = host.starts_with('[');
  const std::size_t end = bracketed ? host.find(']') : host.find(':');
  if (bracketed && end == host.npos) return fail(Errc::Malformed, "not a host");
  const std::string_view rest = end == host.npos ? "" : host.substr(end + (bracketed ? 1 : 0));
  target.host = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
  if (!rest.empty()) {
    target.port = rest.substr(1);
    if (rest.front() != ':' || target.port.empty() || target.port.size() > 5 ||
        target.port.find_first_not_of("0123456789") != std::string::npos)
      return fail(Errc::Malformed, "not a port");
  }
  const bool plain = target.path.starts_with('/') && target.path.find_first_of(" \r\n\t#") == std::string::npos;
  if (target.host.empty() || target.host.find_first_of("@ \r\n\t") != std::string::npos || !plain)
    return fail(Errc::Malformed, "not an http or https URL");
  if (!anywhere && !is_this_machine(target.host))
    return fail(Errc::Malformed, "not on this machine; start the sandbox with --receipts-anywhere to allow it");
  return target;
}

struct ReceiptSender::State {
  State(asio::io_context& its_loop, ReceiptTarget its_target)
      : loop(its_loop), target(std::move(its_target)), context(asio::ssl::context::tls_client), wake(loop) {}

  asio::awaitable<void> run(std::shared_ptr<State> self);
  asio::awaitable<error_code> post(const ReceiptPost& post);
  asio::awaitable<error_code> connect();
  asio::awaitable<error_code> exchange(Request& request, unsigned& status);

  asio::io_context& loop;
  ReceiptTarget target;
  asio::ssl::context context;
  asio::steady_timer wake;
  std::unique_ptr<Stream> stream;  // null: not connected; without TLS only its lower half is used
  std::deque<std::pair<MonoTime, ReceiptPost>> waiting;
  bool stopped = false;
  std::int64_t posted = 0, failed = 0, dropped = 0;
  std::string last_error;
};

asio::awaitable<error_code> ReceiptSender::State::connect() {
  error_code error;
  asio::ip::tcp::resolver resolver(loop);
  const auto found =
      co_await resolver.async_resolve(target.host, target.port, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  auto fresh = std::make_unique<Stream>(loop, context);
  beast::tcp_stream& lower = beast::get_lowest_layer(*fresh);
  lower.expires_after(kPatience);
  co_await lower.async_connect(found, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  if (target.tls) {
    fresh->set_verify_mode(asio::ssl::verify_peer);
    fresh->set_verify_callback(asio::ssl::host_name_verification(target.host));
    if (SSL_set_tlsext_host_name(fresh->native_handle(), target.host.c_str()) != 1)
      co_return make_error_code(boost::system::errc::not_enough_memory);
    co_await fresh->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
  }
  stream = std::move(fresh);
  co_return error;
}

asio::awaitable<error_code> ReceiptSender::State::exchange(Request& request, unsigned& status) {
  error_code error;
  beast::tcp_stream& lower = beast::get_lowest_layer(*stream);
  lower.expires_after(kPatience);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  if (target.tls) {
    co_await http::async_write(*stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_await http::async_read(*stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await http::async_write(lower, request, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_await http::async_read(lower, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) co_return error;
  status = parser.get().result_int();
  if (!parser.keep_alive()) stream.reset();
  co_return error;
}

/// A connection that was kept may be gone by now: then once more on a fresh one.
asio::awaitable<error_code> ReceiptSender::State::post(const ReceiptPost& post) {
  Request request(http::verb::post, target.path, 11);
  request.set(http::field::host, target.authority);
  for (const auto& [name, value] : post.headers) request.set(name, value);
  request.body() = post.body;
  request.prepare_payload();
  for (;;) {
    const bool kept = stream != nullptr;
    if (!kept)
      if (const error_code error = co_await connect()) co_return error;
    unsigned status = 0;
    const error_code error = co_await exchange(request, status);
    if (error) stream.reset();
    if (error && kept && error != beast::error::timeout && !stopped) continue;
    if (error) co_return error;
    if (status != 200) last_error = "answered " + std::to_string(status);
    co_return status == 200 ? error_code() : make_error_code(boost::system::errc::protocol_error);
  }
}

asio::awaitable<void> ReceiptSender::State::run(std::shared_ptr<State> self) {
  error_code ignored;
  while (!self->stopped) {
    const bool idle = waiting.empty();
    if (idle || waiting.front().first > std::chrono::steady_clock::now()) {
      wake.expires_at(idle ? MonoTime::max() : waiting.front().first);
      co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    const ReceiptPost next = std::move(waiting.front().second);
    waiting.pop_front();
    last_error.clear();
    const error_code error = co_await post(next);
    if (!error) {
      ++posted;
    } else {
      ++failed;
      if (last_error.empty()) last_error = error.message();
    }
  }
}

ReceiptSender::ReceiptSender(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<ReceiptSender>> ReceiptSender::make(asio::io_context& loop, ReceiptTarget target) {
  auto state = std::make_shared<State>(loop, std::move(target));
  if (state->target.tls) {
    error_code error;
    if (state->target.ca_pem.empty()) {
      state->context.set_default_verify_paths(error);
    } else {
      state->context.add_certificate_authority(asio::buffer(state->target.ca_pem), error);
    }
    if (error) return fail(Errc::Malformed, "trust anchors: " + error.message());
  }
  asio::co_spawn(loop, state->run(state), asio::detached);
  return std::unique_ptr<ReceiptSender>(new ReceiptSender(std::move(state)));
}

ReceiptSender::~ReceiptSender() {
  asio::post(state_->loop, [state = state_] {
    state->stopped = true;
    state->waiting.clear();
    state->wake.cancel();
    if (state->stream) beast::get_lowest_layer(*state->stream).cancel();
  });
}

void ReceiptSender::send(std::vector<ReceiptPost> posts) {
  State& state = *state_;
  const MonoTime due = std::chrono::steady_clock::now() + state.target.delay;
  const bool was_idle = state.waiting.empty();
  for (ReceiptPost& post : posts) {
    if (state.waiting.size() >= kWaitingMax) {
      ++state.dropped;
    } else {
      state.waiting.emplace_back(due, std::move(post));
    }
  }
  if (was_idle && !posts.empty()) state.wake.cancel();
}

std::string ReceiptSender::counts_json() const {
  std::string out = "{";
  append_json_member(out, "posted", state_->posted);
  append_json_member(out, "failed", state_->failed);
  append_json_member(out, "dropped", state_->dropped);
  append_json_member(out, "waiting", static_cast<std::int64_t>(state_->waiting.size()));
  append_json_member(out, "last_error", utf8_repaired(state_->last_error));
  return out + '}';
}

}  // namespace nightpost::sandbox
