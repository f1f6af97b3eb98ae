// The last requests a simulator saw and what it said, bounded in number and bytes. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"
#include "server/http_server.h"

namespace nightpost::sandbox {

class RequestLog {
 public:
  struct Limits {
    std::size_t requests_max = 10'000;
    std::size_t bytes_max = 64 << 20;    // of all kept; the oldest go first
    std::size_t body_kept_max = 16'384;  // of one body; the rest is cut
    /// Not empty: of a request only the words are kept that begin so in its body, however long that is, each once.
    std::string mark = {};
  };
  explicit RequestLog(Limits limits) : limits_(std::move(limits)) {}

  /// `status` 0: no answer was given, `reason` says what was done instead. `shows`: JSON; empty: not known.
  void add(const server::ServerRequest& request, int status, std::string_view reason, std::string_view detail,
           WallTime at, std::string_view shows = {});
  void clear();
  /// [{"n", "method", "path", "headers": [[name, value], …], "body", "body_bytes"?, "verdict": {"status", "reason"},
  /// "shows"?, "at", "connection", "stream"}, …], oldest first; with Limits::mark "marks": [word, …] in place of
  /// headers and body. `n` counts all requests from 1, so a gap tells of some that are not kept. Those numbered `after`
  /// or less are left out. "body_bytes": how long the body was, if it was cut.
  std::string json(std::uint64_t after = 0) const;

 private:
  /// All text of a request in one string, so that a slot is used again without allocating.
  struct Entry {
    std::uint64_t number = 0;
    std::string text;                 // method, path, names and values, body (or marks), reason, detail, shows
    std::vector<std::uint32_t> ends;  // of each of them in `text`
    std::uint64_t connection = 0;
    std::int32_t stream = 0;
    int status = 0;
    std::size_t cut_from = 0;  // what the body had before it was cut; 0: it is whole
    WallTime at{};
  };
  void append(std::string& out, const Entry& entry) const;

  Limits limits_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t added_ = 0;
};

}  // namespace nightpost::sandbox
