// Redis' protocol (RESP 2) as values: commands to bytes, bytes to replies. Pure: hiredis' reader, and no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::im {

struct RedisReply {
  enum class Kind : std::uint8_t { Nil, Status, Error, Integer, String, Array };
  Kind kind = Kind::Nil;
  std::string text;  // of Status, Error and String
  std::int64_t number = 0;
  std::vector<RedisReply> items;
};

/// What an Error says, in one short line of printable characters.
std::string words_of(const RedisReply& error);

/// Appends a command as an array of strings.
void append_redis_command(std::string& out, std::initializer_list<std::string_view> words);

inline constexpr int kRedisItemsMax = 64;  // of an array: no reply that is asked for has more

/// Bytes in any pieces. What it holds is bounded by `bytes_max` and one feed().
class RedisReader {
 public:
  explicit RedisReader(std::size_t bytes_max);
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  void feed(std::string_view bytes);
  /// The next whole reply; nullopt: more bytes are needed. Malformed, from then on: no such protocol, or a reply of
  /// more than bytes_max bytes or kRedisItemsMax items.
  Result<std::optional<RedisReply>> next();

 private:
  struct Parser;
  const std::size_t bytes_max_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace nightpost::im
