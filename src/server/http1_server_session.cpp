#include "server/http1_server_session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <optional>
#include <utility>

#include "core/text.h"

namespace nightpost::server {

namespace http = boost::beast::http;

namespace {

/// Pipelined bytes held back while an answer is awaited; no client we serve sends more.
constexpr std::size_t kUnreadBytesMax = 65'536;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

using Request = http::request<http::string_body>;

/// The tokens of all fields of that name, in lower case.
std::vector<std::string> tokens_of(const Request& request, http::field name) {
  std::vector<std::string> tokens;
  const auto [first, last] = request.equal_range(name);
  for (auto field = first; field != last; ++field)
    for (const auto token : http::opt_token_list(field->value())) tokens.push_back(ascii_lower(view(token)));
  return tokens;
}

/// Why a request may not be upgraded; empty: it may.
std::string_view bar_to_upgrade(const Request& request) {
  if (request.version() != 11) return "HTTP/1.0 has no Upgrade (RFC 9110 §7.8)";
  if (request.method() != http::verb::get) return "only a GET is upgraded";
  if (!request.body().empty() || request.chunked()) return "a request with a body is not upgraded";
  const auto options = tokens_of(request, http::field::connection);
  if (std::ranges::find(options, "upgrade") == options.end()) return "no Connection: upgrade";
  return {};
}

}  // namespace

struct Http1ServerSession::Parser {
  explicit Parser(const SessionLimits& limits) {
    request.header_limit(static_cast<std::uint32_t>(limits.headers_bytes_max));
    request.body_limit(limits.body_bytes_max);
    request.eager(true);
  }
  http::request_parser<http::string_body> request;
  bool continued = false;  // "100 Continue" was said
};

Http1ServerSession::Http1ServerSession(const SessionLimits& limits, MonoTime now)
    : limits_(limits), parser_(std::make_unique<Parser>(limits_)), head_since_(now) {}

Http1ServerSession::~Http1ServerSession() = default;

Result<void> Http1ServerSession::feed(std::string_view received, MonoTime now) {
  if (ended_) return {};
  if (asked_ && unread_.size() + received.size() > kUnreadBytesMax) {
    note(ServerRefusal::PipelineTooLong);
    return fail(Errc::Malformed, "too much pipelined");
  }
  unread_ += received;
  parse(now);
  return {};
}

/// Some of the request is here.
bool Http1ServerSession::begun() const noexcept { return !unread_.empty() || parser_->request.got_some(); }

void Http1ServerSession::parse(MonoTime now) {
  auto& parser = parser_->request;
  if (!asked_ && !head_since_ && !unread_.empty()) head_since_ = now;
  const bool had_head = parser.is_header_done();
  while (!asked_ && !ended_ && !unread_.empty()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(unread_), error);
    unread_.erase(0, used);
    if (error == http::error::need_more) break;
    if (error == http::error::body_limit) return refuse(413, ServerRefusal::BodyTooLarge, now);
    if (error == http::error::header_limit) return refuse(431, ServerRefusal::HeadTooLarge, now);
    if (error) return refuse(400, ServerRefusal::Malformed, now);
    if (parser.is_done()) break;
    if (used == 0) break;
  }
  if (asked_ || ended_) return;
  if (!parser.is_done()) {
    if (!parser.is_header_done()) return;
    if (!had_head) body_since_ = now;
    if (!parser_->continued && parser.get()[http::field::expect] == "100-continue") {
      parser_->continued = true;
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    return;
  }
  auto message = parser.release();
  upgrade_bar_ = bar_to_upgrade(message);
  upgrades_.clear();
  if (upgrade_bar_.empty()) upgrades_ = tokens_of(message, http::field::upgrade);
  ServerRequest& request = complete_.emplace_back();
  request.method = view(message.method_string());
  request.target = view(message.target());
  request.authority = view(message[http::field::host]);
  for (const auto& field : message)
    request.headers.emplace_back(ascii_lower(view(field.name_string())), view(field.value()));
  request.body = std::move(message.body());
  keep_alive_ = message.keep_alive();
  head_ = message.method() == http::verb::head;
  asked_ = true;
  head_since_.reset();
  parser_ = std::make_unique<Parser>(limits_);
}

std::vector<ServerRequest> Http1ServerSession::take_requests() { return std::exchange(complete_, {}); }

/// Answers what could not be read; where its end is nobody knows, so the connection ends with it.
void Http1ServerSession::refuse(int status, ServerRefusal why, MonoTime now) {
  note(why);
  asked_ = true;
  keep_alive_ = false;
  head_ = false;
  unread_.clear();
  respond(0, {.status = status}, now);
}

Result<std::string> Http1ServerSession::upgrade(std::int32_t, std::string_view protocol, const ServerHeaders& headers) {
  if (!asked_ || upgraded_) return fail(Errc::ConnectionLost, "nobody waits for an answer");
  if (!upgrade_bar_.empty()) return fail(Errc::Malformed, std::string(upgrade_bar_));
  if (std::ranges::find(upgrades_, ascii_lower(protocol)) == upgrades_.end())
    return fail(Errc::Malformed, "the client does not offer " + std::string(protocol));
  output_ += "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ";
  output_ += protocol;
  output_ += "\r\n";
  for (const auto& [name, value] : headers) output_ += name + ": " + value + "\r\n";
  output_ += "\r\n";
  upgraded_ = true;
  return std::exchange(unread_, {});
}

void Http1ServerSession::reset(std::int32_t, std::uint32_t) {
  if (!asked_) return;
  asked_ = false;
  ended_ = true;
}

void Http1ServerSession::goaway(const ServerGoaway&) {
  keep_alive_ = false;
  if (!asked_ || upgraded_) ended_ = true;
}

void Http1ServerSession::respond(std::int32_t, const ServerResponse& response, MonoTime now) {
  if (!asked_) return;
  const std::string_view reason =
      view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status))));
  output_ += "HTTP/1.1 " + std::to_string(response.status) + ' ';
  output_ += reason;
  output_ += "\r\n";
  for (const auto& [name, value] : response.headers) output_ += name + ": " + value + "\r\n";
  output_ += "content-length: " + std::to_string(response.body.size()) + "\r\n";
  if (!keep_alive_) output_ += "connection: close\r\n";
  output_ += "\r\n";
  if (!head_) output_ += response.body;
  asked_ = false;
  ended_ = !keep_alive_;
  parse(now);
}

std::optional<MonoTime> Http1ServerSession::deadline() const {
  if (asked_ || ended_ || !head_since_) return std::nullopt;
  if (!parser_->request.is_header_done()) return *head_since_ + limits_.head_timeout;
  return transfer_due(body_since_, limits_.body_timeout, parser_->request.get().body().size(),
                      limits_.transfer_bytes_per_second_min);
}

void Http1ServerSession::expire(MonoTime now) {
  const auto due = deadline();
  if (!due || now < *due) return;
  if (parser_->request.is_header_done()) return refuse(408, ServerRefusal::BodyTimeout, now);
  if (begun()) return refuse(408, ServerRefusal::HeadTimeout, now);
  note(ServerRefusal::HeadTimeout);  // nothing was asked, so nothing is answered
  ended_ = true;
}

void Http1ServerSession::pull_output(std::string& out) {
  out += output_;
  output_.clear();
}

bool Http1ServerSession::finished() const noexcept { return ended_ && output_.empty(); }

}  // namespace nightpost::server
