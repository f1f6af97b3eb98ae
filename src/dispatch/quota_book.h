// What was sent of the quotas that a vendor counts by the day, the hour, the minute or the second, of an app and for
// each of its devices, so that what is over is known before a request is spent on it. Shared by the shards of a
// process.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "dispatch/options.h"
#include "dispatch/two_lines.h"
#include "providers/quota.h"

namespace nightpost::dispatch {

/// Counts for single devices. Thread-safe. Of more than it has room for, in that part of the table where the new one
/// belongs, the one with the fewest messages is forgotten: it has the most left. A device is known by a hash.
class DeviceCounts {
 public:
  /// Hashes. All quotas of a device are counted in one part of the table, so that a message costs one look into memory.
  struct Key {
    std::uint64_t device = 0;  // with its signer
    std::uint64_t quota = 0;
  };
  /// Memory for `devices_max` counts, 16 bytes each, is taken with the first one.
  explicit DeviceCounts(std::size_t devices_max) noexcept;
  /// One more of `key` in the period that ends at `ends`. False, and nothing is counted: there were `most`.
  bool take(const Key& key, WallTime ends, std::uint32_t most, WallTime now);
  /// It was not sent after all. Nothing, where the period is another by now.
  void give_back(const Key& key, WallTime ends) noexcept;
  /// Devices, and each once for each of its quotas, whose period is not over. Looks at all of them.
  std::size_t counted(WallTime now) const;
  std::size_t room() const noexcept { return sets_ * kWays; }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kLocks = 16;
  struct Entry {
    std::uint64_t key = 0;     // of device and quota
    std::uint32_t ends_s = 0;  // since the epoch
    std::uint32_t used = 0;    // 0: free
  };
  struct alignas(64) Set {  // on whole lines of the processor's cache
    std::array<Entry, kWays> entries{};
  };

  const std::size_t sets_;
  mutable std::array<std::mutex, kLocks> locks_;
  std::once_flag made_;
  std::atomic<bool> is_made_{false};
  std::vector<Set> table_;  // each guarded by its lock
};

/// One signer's quotas. Thread-safe. Within a period no more is taken than the quota, what was given back left out.
class QuotaBook {
 public:
  /// `signer`: tells its devices from those of other signers. `devices`: shared by all signers.
  explicit QuotaBook(std::string_view signer = {}, std::shared_ptr<DeviceCounts> devices = nullptr);

  struct Spent {
    const Quota* quota = nullptr;  // of those asked for
    std::uint32_t most = 0;        // what this process may send of it
    WallTime opens{};
  };
  /// A message, for its counts.
  struct Message {
    std::string_view token;
    Audience audience = Audience::Few;
    /// It was counted then: it is not again, where that is the period that runs. WallTime{}: it was not.
    WallTime counted_at{};
  };
  /// Counts it in each of `quotas`; or in none, where one of them is used up. Of a second's or a minute's, bulk leaves
  /// room for as many others as came lately, and a twentieth.
  std::optional<Spent> take(std::span<const Quota> quotas, const Message& message, WallTime now,
                            const Options& options);
  /// What was taken at `taken_at` was not sent, or not counted by the vendor. REQUIRED: `message` as it was then.
  void give_back(std::span<const Quota> quotas, const Message& message, WallTime taken_at) noexcept;

  /// Of one quota of the app, in the period that runs.
  struct Use {
    Quota::Per per = Quota::Per::Day;
    std::uint32_t used = 0;
    std::uint32_t most = 0;  // as it was asked for last
  };
  std::vector<Use> uses(WallTime now) const;

 private:
  struct AppCount {
    std::string name;
    Quota::Per per = Quota::Per::Day;
    WallTime ends{};
    std::uint32_t most = 0;
    std::uint32_t used = 0;
    std::uint32_t few = 0;         // of them: not bulk
    std::uint32_t few_asked = 0;   // taken or not
    std::uint32_t few_before = 0;  // asked for in the period before
  };
  bool take_one(const Quota& quota, const Message& message, std::uint64_t device, WallTime now, const Options& options);
  bool take_of_app(const Quota& quota, Audience audience, WallTime now, const Options& options);
  AppCount& count_of(const Quota& quota, WallTime now);
  std::uint64_t device_of(std::span<const Quota> quotas, const Message& message) const noexcept;

  const std::uint64_t signer_;
  const std::shared_ptr<DeviceCounts> devices_;
  mutable std::mutex mutex_;
  std::vector<AppCount> apps_;  // few: one a quota that a provider names
};

/// A vendor's number, as far as this process may use it. At least one.
std::uint32_t share_of(std::uint32_t most, double share) noexcept;

}  // namespace nightpost::dispatch
