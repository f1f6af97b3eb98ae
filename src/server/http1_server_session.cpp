#include "server/http1_server_session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <optional>

namespace nightpost::server {

namespace http = boost::beast::http;

namespace {

/// Pipelined bytes held back while an answer is awaited; no client we serve sends more.
constexpr std::size_t kUnreadBytesMax = 65'536;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct Http1ServerSession::Parser {
  explicit Parser(const Options& options) {
    request.header_limit(static_cast<std::uint32_t>(options.headers_bytes_max));
    request.body_limit(options.body_bytes_max);
    request.eager(true);
  }
  http::request_parser<http::string_body> request;
  bool continued = false;  // "100 Continue" was said
};

Http1ServerSession::Http1ServerSession(Options options)
    : options_(options), parser_(std::make_unique<Parser>(options_)) {}

Http1ServerSession::~Http1ServerSession() = default;

Result<void> Http1ServerSession::feed(std::string_view received) {
  if (ended_) return {};
  if (asked_ && unread_.size() + received.size() > kUnreadBytesMax) return fail(Errc::Malformed, "too much pipelined");
  unread_ += received;
  parse();
  return {};
}

void Http1ServerSession::parse() {
  auto& parser = parser_->request;
  while (!asked_ && !ended_ && !unread_.empty()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(unread_), error);
    unread_.erase(0, used);
    if (error == http::error::need_more) break;
    if (error == http::error::body_limit) return refuse(413);
    if (error == http::error::header_limit) return refuse(431);
    if (error) return refuse(400);
    if (parser.is_done()) break;
    if (used == 0) break;
  }
  if (asked_ || ended_) return;
  if (!parser.is_done()) {
    if (parser.is_header_done() && !parser_->continued && parser.get()[http::field::expect] == "100-continue") {
      parser_->continued = true;
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    return;
  }
  auto message = parser.release();
  ServerRequest& request = complete_.emplace_back();
  request.method = view(message.method_string());
  request.target = view(message.target());
  request.authority = view(message[http::field::host]);
  for (const auto& field : message) request.headers.emplace_back(lower(view(field.name_string())), view(field.value()));
  request.body = std::move(message.body());
  keep_alive_ = message.keep_alive();
  head_ = message.method() == http::verb::head;
  asked_ = true;
  parser_ = std::make_unique<Parser>(options_);
}

std::vector<ServerRequest> Http1ServerSession::take_requests() { return std::exchange(complete_, {}); }

/// Answers what could not be read; where its end is nobody knows, so the connection ends with it.
void Http1ServerSession::refuse(int status) {
  asked_ = true;
  keep_alive_ = false;
  head_ = false;
  unread_.clear();
  perform(0, {.respond = ServerResponse{.status = status}});
}

void Http1ServerSession::perform(std::int32_t, const ServerAction& action) {
  if (action.goaway) keep_alive_ = false;
  if (!asked_) {
    ended_ = ended_ || action.goaway.has_value();
    return;
  }
  if (action.reset) {
    asked_ = false;
    ended_ = true;
    return;
  }
  if (!action.respond) return;
  const ServerResponse& response = *action.respond;
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
  parse();
}

void Http1ServerSession::pull_output(std::string& out) {
  out += output_;
  output_.clear();
}

bool Http1ServerSession::finished() const noexcept { return ended_ && output_.empty(); }

}  // namespace nightpost::server
