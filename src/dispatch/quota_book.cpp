#include "dispatch/quota_book.h"

#include <algorithm>
#include <functional>

namespace nightpost::dispatch {
namespace {

/// Of a period's quota: what bulk leaves to others in any case.
constexpr std::uint32_t kFewPart = 20;
/// A shard reads its clock once for each of its calls, so it may be so far behind another's.
constexpr milliseconds kBehindMax{5'000};

/// Periods end at whole seconds.
std::uint32_t quota_seconds(WallTime ends) noexcept {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(to_ms(ends) / 1000, 0));
}

/// The finalizer of MurmurHash3 (fmix64): std::hash of a string may leave the low bits alike.
std::uint64_t mixed(std::uint64_t hash) noexcept {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

/// In the period that `at` lies in, by an attempt before.
bool is_counted(const Quota& quota, const QuotaBook::Message& message, WallTime at) noexcept {
  return message.counted_at != WallTime{} && period_end(quota, message.counted_at) == period_end(quota, at);
}

std::uint64_t hash_of_text(std::string_view text) noexcept { return std::hash<std::string_view>{}(text); }
std::uint64_t hash_of(const Quota& quota) noexcept {
  return mixed(hash_of_text(quota.name) + static_cast<std::uint64_t>(quota.per));
}

}  // namespace

std::uint32_t share_of(std::uint32_t most, double share) noexcept {
  return std::max<std::uint32_t>(static_cast<std::uint32_t>(static_cast<double>(most) * share), 1);
}

DeviceCounts::DeviceCounts(std::size_t devices_max) noexcept
    : sets_(std::max<std::size_t>((devices_max + kWays - 1) / kWays, 1)) {}

bool DeviceCounts::take(const Key& key, WallTime ends, std::uint32_t most, WallTime now) {
  std::call_once(made_, [this] {
    table_.resize(sets_);
    is_made_.store(true, std::memory_order_release);
  });
  const std::uint64_t both = mixed(key.device ^ key.quota);
  const std::uint32_t ends_s = quota_seconds(ends), now_s = quota_seconds(now);
  const std::size_t at = key.device % sets_;
  const std::lock_guard lock(locks_[at % kLocks]);
  std::array<Entry, kWays>& set = table_[at].entries;
  Entry* place = &set.front();
  for (Entry& each : set) {
    if (each.used > 0 && each.ends_s <= now_s) each = {};  // over
    if (each.used > 0 && each.key == both) {
      if (each.ends_s != ends_s) each.used = 0;  // the clock was set back
      if (each.used >= most) return false;
      each.ends_s = ends_s;
      ++each.used;
      return true;
    }
    if (each.used < place->used) place = &each;
  }
  *place = {.key = both, .ends_s = ends_s, .used = 1};
  return true;
}

void DeviceCounts::give_back(const Key& key, WallTime ends) noexcept {
  if (!is_made_.load(std::memory_order_acquire)) return;
  const std::uint64_t both = mixed(key.device ^ key.quota);
  const std::size_t at = key.device % sets_;
  const std::lock_guard lock(locks_[at % kLocks]);
  for (Entry& each : table_[at].entries)
    if (each.used > 0 && each.key == both && each.ends_s == quota_seconds(ends)) --each.used;
}

std::size_t DeviceCounts::counted(WallTime now) const {
  std::size_t sum = 0;
  if (!is_made_.load(std::memory_order_acquire)) return sum;
  for (std::size_t set = 0; set < sets_; ++set) {
    const std::lock_guard lock(locks_[set % kLocks]);
    for (const Entry& each : table_[set].entries) sum += each.used > 0 && each.ends_s > quota_seconds(now) ? 1 : 0;
  }
  return sum;
}

QuotaBook::QuotaBook(std::string_view signer, std::shared_ptr<DeviceCounts> devices)
    : signer_(hash_of_text(signer)),
      devices_(devices ? std::move(devices) : std::make_shared<DeviceCounts>(Options{}.quota_devices_max)) {}

std::optional<QuotaBook::Spent> QuotaBook::take(std::span<const Quota> quotas, const Message& message, WallTime now,
                                                const Options& options) {
  const std::uint64_t device = device_of(quotas, message);
  for (std::size_t i = 0; i < quotas.size(); ++i) {
    if (take_one(quotas[i], message, device, now, options)) continue;
    give_back(quotas.first(i), message, now);
    const bool of_app = quotas[i].of == Quota::Of::App;
    return Spent{.quota = &quotas[i],
                 .most = of_app ? share_of(quotas[i].most, options.quota_share) : quotas[i].most,
                 .opens = period_end(quotas[i], now)};
  }
  return std::nullopt;
}

bool QuotaBook::take_one(const Quota& quota, const Message& message, std::uint64_t device, WallTime now,
                         const Options& options) {
  if (is_counted(quota, message, now)) return true;
  if (quota.of == Quota::Of::App) return take_of_app(quota, message.audience, now, options);
  return devices_->take({device, hash_of(quota)}, period_end(quota, now), quota.most, now);
}

bool QuotaBook::take_of_app(const Quota& quota, Audience audience, WallTime now, const Options& options) {
  const std::lock_guard lock(mutex_);
  AppCount& count = count_of(quota, now);
  count.most = share_of(quota.most, options.quota_share);
  const bool few = audience == Audience::Few;
  if (few && count.few_asked < count.most) ++count.few_asked;
  std::uint32_t left_to_few = 0;
  if (!few && (quota.per == Quota::Per::Second || quota.per == Quota::Per::Minute)) {
    const std::uint32_t wanted = 2 * count.few_before + (count.most + kFewPart - 1) / kFewPart;
    left_to_few = std::min(wanted - std::min(wanted, count.few), count.most - share_of(count.most, options.bulk_share));
  }
  if (count.used + left_to_few >= count.most) return false;
  ++count.used;
  count.few += few ? 1 : 0;
  return true;
}

/// Begun anew where its period is another. Who is a moment behind counts in the one that runs.
QuotaBook::AppCount& QuotaBook::count_of(const Quota& quota, WallTime now) {
  const auto found = std::ranges::find_if(
      apps_, [&](const AppCount& each) { return each.per == quota.per && each.name == quota.name; });
  AppCount& count = found != apps_.end() ? *found : apps_.emplace_back(AppCount{.name = quota.name, .per = quota.per});
  const WallTime ends = period_end(quota, now);
  // Begun anew for who is a moment behind, and then for the others, a period would be counted from nothing twice.
  const bool behind = count.ends != WallTime{} && ends - now <= kBehindMax && period_end(quota, ends) == count.ends;
  if (count.ends == ends || behind) return count;
  const bool follows = count.ends != WallTime{} && period_end(quota, count.ends) == ends;
  count.few_before = follows ? count.few_asked : 0;
  count.ends = ends;
  count.used = count.few = count.few_asked = 0;
  return count;
}

void QuotaBook::give_back(std::span<const Quota> quotas, const Message& message, WallTime taken_at) noexcept {
  const std::uint64_t device = device_of(quotas, message);
  for (const Quota& quota : quotas) {
    if (is_counted(quota, message, taken_at)) continue;
    const WallTime ends = period_end(quota, taken_at);
    if (quota.of == Quota::Of::Device) {
      devices_->give_back({device, hash_of(quota)}, ends);
      continue;
    }
    const std::lock_guard lock(mutex_);
    for (AppCount& count : apps_) {
      if (count.per != quota.per || count.name != quota.name || count.ends != ends || count.used == 0) continue;
      --count.used;
      if (message.audience == Audience::Few && count.few > 0) --count.few;
    }
  }
}

std::vector<QuotaBook::Use> QuotaBook::uses(WallTime now) const {
  std::vector<Use> all;
  const std::lock_guard lock(mutex_);
  for (const AppCount& each : apps_)
    if (each.ends > now) all.push_back({.per = each.per, .used = each.used, .most = each.most});
  return all;
}

/// Hashed once a message. 0 where none of the quotas is a device's.
std::uint64_t QuotaBook::device_of(std::span<const Quota> quotas, const Message& message) const noexcept {
  const bool counted = std::ranges::find(quotas, Quota::Of::Device, &Quota::of) != quotas.end();
  return counted ? mixed(signer_ ^ hash_of_text(message.token)) : 0;
}

}  // namespace nightpost::dispatch
