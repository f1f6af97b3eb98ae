// An echo server of the companion's own parts (server::HttpServer, the handshake, the codec), for suite.py to test.
// Says its port on stdout; ends with its input.
#include <unistd.h>

#include <boost/asio.hpp>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "im/gateway/handshake.h"
#include "im/gateway/websocket.h"
#include "server/http_server.h"
#include "server/upgraded_stream.h"

namespace nightpost::im {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kEchoBytesMax = 16'777'216;  // the largest message of the suite's section 9

/// Adds the answer to `out`; true: it is the last one. What a session says, in other words: session.cpp, on_event.
bool answer_event(const WsEvent& event, std::string& out) {
  switch (event.kind) {
    case WsEvent::Kind::Text:
      append_ws_frame(out, WsOpcode::Text, event.data);
      return false;
    case WsEvent::Kind::Binary:
      append_ws_frame(out, WsOpcode::Binary, event.data);
      return false;
    case WsEvent::Kind::Ping:
      append_ws_frame(out, WsOpcode::Pong, event.data);
      return false;
    case WsEvent::Kind::Pong:
      return false;
    case WsEvent::Kind::Close:
      append_ws_close(out, event.code == kWsNoCode ? kWsNormal : event.code, "");
      return true;
    case WsEvent::Kind::TooLong:
      append_ws_close(out, kWsTooBig, "a message above the limit");
      return true;
    case WsEvent::Kind::Error:
      append_ws_close(out, event.code, event.data);
      return true;
  }
  return true;
}

asio::awaitable<void> echo(server::UpgradedStream stream) {
  WsDecoder decoder(WsRole::Server, {.message_bytes_max = kEchoBytesMax, .skipped_bytes_max = 0});
  std::vector<char> room(65'536);
  std::string out;
  for (bool over = false; !over;) {
    boost::system::error_code failed;
    const std::size_t size =
        co_await stream.async_read_some(asio::buffer(room), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    std::string_view bytes(room.data(), size);
    while (!over) {
      const auto event = decoder.next(bytes);
      if (!event) break;
      over = answer_event(*event, out);
    }
    if (out.empty()) continue;
    co_await asio::async_write(stream, asio::buffer(out), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    out.clear();
  }
}

void serve(asio::io_context& loop, const server::ServerRequest& request, server::Responder responder) {
  const auto accept = ws_accept(request);
  if (!accept) return responder.respond(accept.error());
  auto stream = responder.upgrade("websocket", {{"sec-websocket-accept", *accept}});
  if (!stream) return responder.respond({.status = 426, .body = stream.error().detail});
  asio::co_spawn(loop, echo(*std::move(stream)), asio::detached);
}

int run_echo() {
  asio::io_context loop;
  const auto server =
      server::HttpServer::start(loop, {}, [&loop](const server::ServerRequest& request, server::Responder responder) {
        serve(loop, request, std::move(responder));
      });
  if (!server) {
    std::cerr << server.error().detail << '\n';
    return 1;
  }
  std::cout << (*server)->port() << std::endl;
  asio::posix::stream_descriptor input(loop, STDIN_FILENO);
  input.async_wait(asio::posix::descriptor_base::wait_read, [&loop](boost::system::error_code) { loop.stop(); });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace nightpost::im

int main() { return nightpost::im::run_echo(); }
