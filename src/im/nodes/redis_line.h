// One connection to Redis that is kept: name, TCP, TLS, log-in, and again after it ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "im/nodes/nodes_options.h"
#include "im/nodes/redis_reply.h"

namespace nightpost::im {

/// Single-threaded, on `loop`. Never blocks it, whatever the server does: each wait has its deadline.
class RedisLine {
 public:
  /// Called from the loop, never from inside a call of this class; they must not destroy it.
  struct Hooks {
    std::function<void()> up;                      // logged in
    std::function<void(const Error& why)> down;    // it ended, or a try failed; another one follows
    std::function<void(RedisReply reply)> answer;  // while it is up
  };
  /// Malformed: TLS files that cannot be used. `seed`: of the delays between tries.
  static Result<std::unique_ptr<RedisLine>> make(boost::asio::io_context& loop, const RedisOptions& options,
                                                 std::uint64_t seed, Hooks hooks);
  ~RedisLine();  // calls nobody back any more
  RedisLine(const RedisLine&) = delete;
  RedisLine& operator=(const RedisLine&) = delete;

  void start();
  bool is_up() const noexcept;
  /// Whole commands. REQUIRED: is_up().
  void send(std::string_view commands);
  /// Ends the connection, which is then dialled anew.
  void give_up(Error why);

 private:
  struct Impl;
  explicit RedisLine(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;  // shared with its waits in the loop, which then find it stopped
};

}  // namespace nightpost::im
