// How a call fails: std::expected with a closed list of codes, named for what the caller should do next.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace nightpost {

enum class Errc : std::uint8_t {
  Timeout,         // nobody answered in time; it may have happened
  ConnectionLost,  // the peer went away; try another connection
  Overloaded,      // a limit of ours is reached; come back later
  Malformed,       // the input can never be used as it is; do not retry
  NotFound,        // no such thing in the store
  Unauthorized,    // the credential was refused; trying again with it makes things worse
  ShuttingDown,    // this process is leaving
  Io,              // disk, database or library refused; `detail` has its words
};
std::string_view name_of(Errc code) noexcept;

struct Error {
  Errc code;
  std::string detail;  // for people: one line, no secrets, no device tokens
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline auto fail(Errc code, std::string detail) {
  return std::unexpected(Error{code, std::move(detail)});
}

}  // namespace nightpost
