#include "bench/h2_sink/tally.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>

namespace nightpost::bench {

bool TokenSet::add(std::string_view token) {
  const std::uint64_t hash = std::max<std::uint64_t>(std::hash<std::string_view>{}(token), 1);
  if (2 * size_ >= slots_.size()) {
    if (size_ >= kTokensMax) return false;
    std::vector<std::uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (const std::uint64_t known : old)
      if (known != 0) insert(known);
  }
  const bool is_new = insert(hash);
  size_ += is_new;
  return is_new;
}

bool TokenSet::insert(std::uint64_t hash) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask)
    if (slots_[at] == hash) return false;
  slots_[at] = hash;
  return true;
}

void TokenSet::clear() {
  std::ranges::fill(slots_, 0);
  size_ = 0;
}

void Histogram::add(std::uint64_t us) noexcept {
  // Below 32 a cell a value; above, the five bits after the leading one choose the step.
  const unsigned shift = us < 32 ? 0 : static_cast<unsigned>(std::bit_width(us)) - 6;
  const std::size_t cell = us < 32 ? us : 32 * shift + (us >> shift);
  ++cells_[cell];
  ++count_;
  max_ = std::max(max_, us);
}

std::uint64_t Histogram::percentile(double p) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(p * static_cast<double>(count_) + 0.5);
  std::uint64_t seen = 0;
  for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
    seen += cells_[cell];
    if (cells_[cell] == 0 || seen < wanted) continue;
    if (cell < 64) return std::min<std::uint64_t>(cell, max_);
    const unsigned shift = static_cast<unsigned>(cell / 32) - 1;
    return std::min(((32 + cell % 32 + 1) << shift) - 1, max_);
  }
  return 0;
}

void Tally::saw(const Request& request, std::int64_t now_us) {
  const std::string_view path = request.path;
  const std::string_view token = path.substr(path.rfind('/') + 1);
  if (requests_++ == 0) first_us_ = now_us;
  last_us_ = now_us;
  body_bytes_ += request.body_bytes;
  tokens_.add(token);
  constexpr std::string_view kDue = "bench_us=";
  if (const std::size_t at = request.body.find(kDue); at != std::string::npos) {
    std::int64_t due_us = 0;
    const char* digits = request.body.data() + at + kDue.size();
    if (std::from_chars(digits, request.body.data() + request.body.size(), due_us).ec == std::errc{})
      latency_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(now_us - due_us, 0)));
  }
  if (recorded_ < records_max_) {
    ++recorded_;
    records_ += std::to_string(now_us);
    for (const std::string_view part :
         {token, std::string_view(request.collapse_id), std::string_view(request.apns_id)})
      (records_ += '\t') += part;
    records_ += '\n';
  }
}

void Tally::reset() {
  requests_ = body_bytes_ = 0;
  first_us_ = last_us_ = 0;
  tokens_.clear();
  latency_ = {};
  records_.clear();
  recorded_ = 0;
}

std::string Tally::json() const {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  std::array<char, 512> text;
  const int size = std::snprintf(
      text.data(), text.size(),
      R"({"requests":%llu,"distinct":%zu,"connections":%llu,"body_bytes":%llu,"first_us":%lld,"last_us":%lld,"cpu_us":%lld,)"
      R"("latency":{"count":%llu,"p50_us":%llu,"p90_us":%llu,"p99_us":%llu,"p999_us":%llu,"max_us":%llu}})",
      static_cast<unsigned long long>(requests_), tokens_.size(), static_cast<unsigned long long>(connections_),
      static_cast<unsigned long long>(body_bytes_), static_cast<long long>(first_us_), static_cast<long long>(last_us_),
      static_cast<long long>(cpu.tv_sec * 1'000'000 + cpu.tv_nsec / 1'000),
      static_cast<unsigned long long>(latency_.count()), static_cast<unsigned long long>(latency_.percentile(0.5)),
      static_cast<unsigned long long>(latency_.percentile(0.9)),
      static_cast<unsigned long long>(latency_.percentile(0.99)),
      static_cast<unsigned long long>(latency_.percentile(0.999)), static_cast<unsigned long long>(latency_.max()));
  return {text.data(), static_cast<std::size_t>(size)};
}

bool Tally::dump(const std::string& path) const {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  return out && out.write(records_.data(), std::ssize(records_)) && out.flush();
}

}  // namespace nightpost::bench
