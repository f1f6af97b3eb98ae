// What the sink has seen: counts, distinct tokens, latencies and, if asked, every request. Single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::bench {

/// 64-bit hashes of tokens, so that a push that came twice or never shows. Grows by doubling up to kTokensMax; two of
/// a million tokens share a hash with a chance of 3e-8.
class TokenSet {
 public:
  static constexpr std::size_t kTokensMax = std::size_t{1} << 25;
  TokenSet() : slots_(std::size_t{1} << 19) {}
  bool add(std::string_view token);  // false: it was there, or the set is full
  std::size_t size() const noexcept { return size_; }
  void clear();

 private:
  bool insert(std::uint64_t hash) noexcept;
  std::vector<std::uint64_t> slots_;  // 0: free; a power of two, at most half full
  std::size_t size_ = 0;
};

/// Microseconds in 32 steps a power of two: a percentile is at most 3 % above the truth.
class Histogram {
 public:
  void add(std::uint64_t us) noexcept;
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max() const noexcept { return max_; }
  /// The upper edge of the step that holds the share `p` of (0, 1]; 0 if nothing was added.
  std::uint64_t percentile(double p) const noexcept;

 private:
  std::array<std::uint64_t, 64 * 32> cells_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

struct Request {
  std::string path, apns_id, collapse_id;
  std::string body;            // its beginning
  std::size_t body_bytes = 0;  // all of it
};

class Tally {
 public:
  /// `records_max`: how many requests dump() will name; later ones are only counted.
  explicit Tally(std::size_t records_max) : records_max_(records_max) {}
  void connected() noexcept { ++connections_; }
  /// A request whose last byte was read at `now_us` (CLOCK_REALTIME). A body with "bench_us=DIGITS" says when the push
  /// was due, on the same clock.
  void saw(const Request& request, std::int64_t now_us);
  void reset();
  std::string json() const;  // one line
  /// A line a request: arrival in µs, token, apns-collapse-id, apns-id, with tabs between. False: cannot write.
  bool dump(const std::string& path) const;

 private:
  std::size_t records_max_;
  std::uint64_t requests_ = 0, connections_ = 0, body_bytes_ = 0;
  std::int64_t first_us_ = 0, last_us_ = 0;
  TokenSet tokens_;
  Histogram latency_;
  std::string records_;
  std::size_t recorded_ = 0;
};

}  // namespace nightpost::bench
