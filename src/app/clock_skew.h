// How far this machine's clock is from the vendors': their `Date` says. Tokens and signatures carry times, so a vendor
// refuses them all when the clocks differ.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/certificate.h"
#include "core/counter.h"
#include "core/http.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost::app {

/// Ours minus theirs, at the least: 0 where `date`, which is cut to whole seconds, can have been said between `sent`
/// and `received`, however long the way was. Pure.
milliseconds clock_skew(WallTime sent, WallTime received, WallTime date) noexcept;
/// By the answer's `date`; nullopt: it has none that can be read.
std::optional<milliseconds> clock_skew(WallTime sent, WallTime received, const HttpResponse& answer) noexcept;

/// Hears of each sample. The certificate is one that uses the origin.
using SkewWatch = std::function<void(const Certificate&, std::string_view origin, milliseconds skew)>;

/// The latest sample of each vendor. Written by one thread, read by the scrape.
class SkewMetrics {
 public:
  struct Sample {
    milliseconds skew{0};
    WallTime at;
  };
  void set(Vendor vendor, Sample sample) noexcept;
  std::optional<Sample> latest(Vendor vendor) const noexcept;  // nullopt: none yet

 private:
  struct Cell {
    Counter skew, at;  // ms, modulo 2^64
  };
  std::array<Cell, std::size_t(Vendor::Count)> cells_;
};

/// Which request of a lane is the next whose answer tells the clock's skew: the first, the next after a connection was
/// first heard from, and else one a minute. So most answers cost nothing.
class SkewProbe {
 public:
  static constexpr seconds kInterval{60};

  /// REQUIRED: the request that goes out next becomes the probe, by begin().
  bool wanted() const noexcept { return wanted_; }
  void begin(std::uint64_t tag, WallTime now) noexcept {
    wanted_ = false;
    tag_ = tag;
    sent_ = now;
  }
  bool awaits(std::uint64_t tag) const noexcept { return tag_ == tag; }
  bool under_way() const noexcept { return tag_.has_value(); }
  WallTime sent() const noexcept { return sent_; }
  /// Its answer came; `heard`: it was a response. Else another request goes for it.
  void end(bool heard, MonoTime now) noexcept {
    tag_.reset();
    wanted_ = !heard;
    due_ = now + kInterval;
  }
  /// Connections are numbered in their order; 0: they have no numbers.
  void on_connection(std::uint64_t connection) noexcept {
    if (connection <= newest_) return;
    if (newest_ != 0 && !under_way()) wanted_ = true;
    newest_ = connection;
  }
  void on_time(MonoTime now) noexcept {
    if (!under_way() && now >= due_) wanted_ = true;
  }

 private:
  bool wanted_ = true;
  std::optional<std::uint64_t> tag_;
  WallTime sent_{};
  MonoTime due_ = MonoTime::max();
  std::uint64_t newest_ = 0;
};

}  // namespace nightpost::app
