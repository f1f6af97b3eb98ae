// What one reply means for each of its pushes, and for their credential.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dispatch/attempts.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/open_pushes.h"
#include "dispatch/options.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/sender.h"

namespace nightpost::dispatch {

/// Each push of a reply ends, is tried again by Attempts, or is dropped because its event was handed back. All answers
/// of a reply are counted before the first of its pushes goes on, so that a batch of dead tokens shows before one of
/// them is removed.
class Replies {
 public:
  /// Hears the directory, maybe from inside settle(), and has on_removed() called as (part of) a call into the
  /// dispatcher.
  class Answered {
   public:
    virtual void on_removed(std::uint64_t tag, Result<bool> removed, const VendorReason& reason) = 0;

   protected:
    ~Answered() = default;
  };

  /// Borrowed; all must outlive it. `watcher` null: nobody.
  Replies(const Options& options, const Now& now, Directory& directory, const Policy& policy, OpenPushes& pushes,
          Attempts& attempts, Sender& sender, Metrics& metrics, Watcher* watcher, Answered& answered)
      : options_(options),
        now_(now),
        directory_(directory),
        policy_(policy),
        pushes_(pushes),
        attempts_(attempts),
        sender_(sender),
        metrics_(metrics),
        watcher_(watcher),
        answered_(answered) {}

  /// To the request of one push. A tag that is not in the air is ignored.
  void on_push(std::uint64_t tag, Reply& reply);
  /// `answers`: the provider's, one a push; filled in here where there was no response. `probe`: the request was the
  /// breaker's. REQUIRED: all pushes have one route and were in the air.
  void settle(std::span<Push* const> pushes, std::span<Answer> answers, Reply& reply, Probe probe);
  /// The directory has answered for a push whose token is dead, to which the vendor had said `reason`. A tag that does
  /// not wait for that is ignored.
  void on_removed(std::uint64_t tag, const Result<bool>& removed, const VendorReason& reason);
  /// Pushes that wait for it.
  std::size_t removals_waiting() const noexcept { return removals_waiting_; }
  /// Once an attempt: at least a byte of it went out.
  static void count_sent(Push& push, const Reply& reply) noexcept;

 private:
  void hold_back(std::span<Push* const> pushes);
  bool is_removing(std::uint64_t tag) noexcept;
  void remove_token(Push& push, const Answer& answer, bool held, Rule rule, const VendorReason& reason);
  void rest_class(Push& push, Answer& answer);
  void rest_class_today(Push& push, const Answer& answer);
  void rest_shared(Push& push, const Answer& answer);
  void rest(const Route& route, const std::string& name, milliseconds time, const Answer& answer);

  const Options& options_;
  const Now& now_;
  Directory& directory_;
  const Policy& policy_;
  OpenPushes& pushes_;
  Attempts& attempts_;
  Sender& sender_;
  Metrics& metrics_;
  Watcher* const watcher_;
  Answered& answered_;
  std::vector<Next> nexts_;  // of the reply being settled; reused
  std::size_t removals_waiting_ = 0;
};

}  // namespace nightpost::dispatch
