// Removals of one certificate: whether they are held, which ones, and what ops said. Two guards, one of the answers to
// pushes and one of receipts, count apart and hold for both: the same push is accepted and then called gone by a
// receipt, so what one counts as life would hide from the other that all died.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/held_removal.h"
#include "core/time.h"
#include "core/vendor.h"
#include "dispatch/removal_guard.h"

namespace nightpost::dispatch {

/// Of one version of one certificate, shared by the shards of a process and by whoever takes its receipts: thread-safe.
/// While no token dies an answer takes no lock.
class RemovalBook {
 public:
  enum class Heard : std::uint8_t { Answers, Receipts };
  static constexpr std::string_view name_of(Heard where) noexcept {
    return where == Heard::Answers ? "answers" : "receipts";
  }

  RemovalBook(const Certificate& certificate, const Options& options)
      : certificate_(certificate.id), version_(certificate.version), vendor_(certificate.vendor), limits_(options) {}

  CertificateId certificate() const noexcept { return certificate_; }
  std::int64_t version() const noexcept { return version_; }
  Vendor vendor() const noexcept { return vendor_; }

  RemovalGuard::Change count(Heard where, const RemovalGuard::Said& said, MonoTime now);
  /// No token is removed for now, wherever it was called dead.
  bool holds(MonoTime now) const noexcept {
    const std::int64_t at = now.time_since_epoch().count();
    return at < held_until_.load(std::memory_order_relaxed) && at >= approved_until_.load(std::memory_order_relaxed);
  }
  /// One that is held. Of more than `removals_kept_max` that wait for take() only the number is known.
  void keep(HeldRemoval removal, Heard where, std::string_view code, WallTime now);
  /// Ops say that the dead are dead: until then nothing is held.
  void approve(MonoTime until);
  /// A process before this one has held some, by what it heard there, and nothing has decided since: enough that live
  /// release them, and the next dead token holds again.
  void resume(Heard where);

  /// What happened since the last take(), for whoever makes it durable and visible.
  struct News {
    std::vector<HeldRemoval> kept;
    std::size_t unkept = 0;  // more were held
    Heard where = Heard::Answers;
    std::string code;  // the vendor's last word
    WallTime last{};
    bool released = false;  // by enough that live: what is kept of before is not to be removed
    bool empty() const noexcept { return kept.empty() && unkept == 0 && !released; }
  };
  News take();
  /// It could not be made durable: it is told again, as far as there is room beside what came since.
  void put_back(News news);
  /// Nothing waits for take().
  bool is_told() const noexcept { return told_.load(std::memory_order_acquire); }

 private:
  void publish() noexcept;

  const CertificateId certificate_;
  const std::int64_t version_;
  const Vendor vendor_;
  const RemovalLimits limits_;

  std::atomic<MonoTime::rep> held_until_{0};  // by either guard
  std::atomic<MonoTime::rep> approved_until_{0};
  std::array<std::atomic<bool>, 2> calm_{true, true};
  std::atomic<bool> told_{true};

  std::mutex mutex_;  // guards what follows
  std::array<RemovalGuard, 2> guards_;
  News news_;
};

}  // namespace nightpost::dispatch
