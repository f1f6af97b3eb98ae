#include "support/im_client.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <utility>

namespace nightpost::support {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Clock = std::chrono::steady_clock;

}  // namespace

struct ImClient::Wire {
  asio::io_context loop{1};
  beast::websocket::stream<beast::tcp_stream> socket{loop};
  beast::flat_buffer buffer;
  std::deque<Json> frames;
  std::string ended;  // why; empty: it has not

  explicit Wire(std::uint16_t port) {
    try {
      socket.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
      socket.next_layer().socket().set_option(asio::ip::tcp::no_delay(true));
      socket.handshake("127.0.0.1:" + std::to_string(port), "/ws");
    } catch (const boost::system::system_error& error) {
      throw ImClosed(error.what());
    }
    socket.text(true);
    read();
  }
  void read() {
    socket.async_read(buffer, [this](beast::error_code error, std::size_t) {
      if (error) {
        ended = error.message();
        return;
      }
      frames.push_back(Json::parse(beast::buffers_to_string(buffer.data())));
      buffer.consume(buffer.size());
      read();
    });
  }
};

ImClient::ImClient(std::uint16_t port) : wire_(std::make_unique<Wire>(port)) {}
ImClient::~ImClient() = default;
ImClient::ImClient(ImClient&&) noexcept = default;
ImClient& ImClient::operator=(ImClient&&) noexcept = default;

void ImClient::say_text(const std::string& text) {
  beast::error_code error;
  wire_->socket.write(asio::buffer(text), error);
  if (error) throw ImClosed(error.message());
}

void ImClient::say(const Json& frame) { say_text(frame.dump()); }

std::optional<ImClient::Json> ImClient::from_wire(Clock::time_point until) {
  while (wire_->frames.empty()) {
    if (!wire_->ended.empty()) throw ImClosed(wire_->ended);
    wire_->loop.restart();
    if (Clock::now() < until) {
      wire_->loop.run_one_until(until);
    } else if (wire_->loop.poll_one() == 0) {  // not even what has come already
      return std::nullopt;
    }
  }
  Json frame = std::move(wire_->frames.front());
  wire_->frames.pop_front();
  return frame;
}

std::optional<ImClient::Json> ImClient::next(milliseconds patience) {
  if (kept_.empty()) return from_wire(Clock::now() + patience);
  Json frame = std::move(kept_.front());
  kept_.pop_front();
  return frame;
}

ImClient::Json ImClient::hello(Json members) {
  Json frame = {{"type", "hello"}, {"versions", {1}}, {"app", 1400000001}, {"platform", "ios"}, {"device", "phone"}};
  frame.update(members);
  say(frame);
  const auto welcome = from_wire(Clock::now() + kPatience);
  if (!welcome || welcome->at("type") != "welcome")
    throw std::runtime_error("no welcome, but " + (welcome ? welcome->dump() : "silence"));
  return *welcome;
}

std::int64_t ImClient::start(const std::string& op, Json body) {
  const std::int64_t id = ++requests_;
  say({{"type", "req"}, {"id", id}, {"op", op}, {"body", std::move(body)}});
  return id;
}

ImClient::Json ImClient::answer(std::int64_t request, milliseconds patience) {
  const auto is_it = [&](const Json& frame) { return frame.at("type") == "res" && frame.at("id") == request; };
  if (const auto kept = std::ranges::find_if(kept_, is_it); kept != kept_.end()) {
    Json frame = std::move(*kept);
    kept_.erase(kept);
    return frame;
  }
  const Clock::time_point until = Clock::now() + patience;
  while (auto frame = from_wire(until)) {
    if (is_it(*frame)) return *std::move(frame);
    kept_.push_back(*std::move(frame));
  }
  throw std::runtime_error("request " + std::to_string(request) + " was not answered");
}

ImClient::Json ImClient::ask(const std::string& op, Json body, milliseconds patience) {
  return answer(start(op, std::move(body)), patience);
}

ImClient::Json ImClient::done(const std::string& op, Json body) {
  const Json answer = ask(op, std::move(body));
  if (answer.at("code") != 0) throw std::runtime_error(op + ": " + answer.dump());
  return answer.value("body", Json::object());
}

ImClient::Json ImClient::delivered(milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    const auto frame = next(std::max(left, milliseconds(0)));
    if (!frame) throw std::runtime_error("nothing was delivered");
    if (frame->at("type") == "deliver") return *frame;
  }
}

int ImClient::close_code() const { return wire_->socket.reason().code; }

}  // namespace nightpost::support
