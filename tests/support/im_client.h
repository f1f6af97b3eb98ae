// A client of the companion's protocol (src/im/PROTOCOL.md), on Beast's WebSocket, so that it shares no code with the
// server. It does what the test says and nothing by itself: no ping, no ack. Throws std::runtime_error.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace nightpost::support {

struct ImClosed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class ImClient {
 public:
  using Json = nlohmann::json;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds kPatience{10'000};

  /// Connects to 127.0.0.1. ImClosed: nobody listens, or it is no WebSocket.
  explicit ImClient(std::uint16_t port);
  ~ImClient();  // the connection is cut, without a word
  ImClient(ImClient&&) noexcept;
  ImClient& operator=(ImClient&&) noexcept;

  void say(const Json& frame);
  void say_text(const std::string& text);
  /// The next frame; nullopt: silence. ImClosed: it has ended, and all frames were handed out.
  std::optional<Json> next(milliseconds patience = kPatience);
  /// Says hello with these members over the usual ones; its welcome, whatever its code.
  Json hello(Json members);
  /// A request and its whole answer; what comes before it stays for next(). ImClosed: it ended first.
  Json ask(const std::string& op, Json body, milliseconds patience = kPatience);
  /// The two halves of ask(): start() names the request. REQUIRED: one is open at a time.
  std::int64_t start(const std::string& op, Json body);
  Json answer(std::int64_t request, milliseconds patience = kPatience);
  /// The answer's body; throws where its code is not 0.
  Json done(const std::string& op, Json body);
  /// The next deliver frame; others are passed over. Throws on silence.
  Json delivered(milliseconds patience = kPatience);
  /// After the end: the close code; 0: there was none.
  int close_code() const;

 private:
  struct Wire;
  std::optional<Json> from_wire(std::chrono::steady_clock::time_point until);

  std::unique_ptr<Wire> wire_;
  std::deque<Json> kept_;
  std::int64_t requests_ = 0;
};

}  // namespace nightpost::support
