// One attempt of a push: sent, gathered with others, or why neither can be: at once, later or never.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dispatch/batcher.h"
#include "dispatch/capacity.h"
#include "dispatch/content.h"
#include "dispatch/fair_share.h"
#include "dispatch/language.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/open_pushes.h"
#include "dispatch/options.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/push_queues.h"
#include "dispatch/sender.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

/// After each call the push is in the air, gathered, waiting with a timer, parked with one, or gone; by the end of its
/// quick window it is put off unless it is in the air. A request is built for each attempt, with that moment's grant.
/// What a port or a provider throws ends the pushes it was asked about, and nothing else.
class Attempts {
 public:
  /// Borrowed; all must outlive it.
  Attempts(const Options& options, const Now& now, Credentials& credentials, const Policy& policy, Rng& rng,
           const Languages& languages, const Capacity& capacity, FairShare& shares, OpenPushes& pushes,
           PushQueues& queues, Batcher& batcher, Sender& sender, TimerHeap& timers, Metrics& metrics)
      : options_(options),
        now_(now),
        credentials_(credentials),
        policy_(policy),
        rng_(rng),
        languages_(languages),
        capacity_(capacity),
        shares_(shares),
        pushes_(pushes),
        queues_(queues),
        batcher_(batcher),
        sender_(sender),
        timers_(timers),
        metrics_(metrics) {}

  /// `fresh`: the grant to send with; null: the one that is to be had now.
  void attempt(Push& push, std::shared_ptr<const Grant> fresh = nullptr);
  /// The push's timer has rung.
  void wake(Push& push);
  /// What follows after an attempt, or instead of one. REQUIRED: not RemoveToken.
  void carry_out(Push& push, const Next& next, const VendorReason& reason);
  /// Until `at`; put off, with `rule` as the reason, where that is later than it is tried in memory.
  void wait_or_defer(Push& push, MonoTime at, Rule rule, const VendorReason& reason = {});
  /// For a later hop: it cannot be tried now, and nobody says when.
  void put_off(Push& push, Rule rule, const VendorReason& reason = {});
  /// To a delay topic until `at`, or to its end with `rule`, where its window is over by then.
  void defer(Push& push, MonoTime at, Rule rule, const VendorReason& reason = {});
  /// False: its kind of message rests, so it waits, or is put off; or whoever was asked for its kind has thrown.
  bool class_still_goes(Push& push);
  /// The kind of message that its vendor counts by itself (Provider::quota_class()). REQUIRED: it has a route.
  std::string class_of(Push& push);
  /// What was to plan, send or judge these pushes has thrown: those still open end here, and nothing else does.
  void on_exception(std::span<const std::uint64_t> pushes, std::string what);

 private:
  void send_or_wait(Push& push, std::shared_ptr<const Grant> fresh);
  bool find_route(Push& push);
  bool ask_pacer(Push& push);
  bool class_may_go(Push& push, const Rendered& rendered, const Batching& batching);
  bool kind_may_go(Push& push, const Rendered& rendered);
  bool quotas_allow(Push& push, const Rendered& rendered);
  bool obtain_grant(Push& push, std::shared_ptr<const Grant> fresh);
  Rendered render(Push& push);
  void send_alone(Push& push, const Rendered& rendered);
  void refresh(Push& push);
  void postpone(Push& push, Rule why, const VendorReason& reason);
  void wait(Push& push, MonoTime at);

  const Options& options_;
  const Now& now_;
  Credentials& credentials_;
  const Policy& policy_;
  Rng& rng_;
  const Languages& languages_;
  const Capacity& capacity_;
  FairShare& shares_;
  OpenPushes& pushes_;
  PushQueues& queues_;
  Batcher& batcher_;
  Sender& sender_;
  TimerHeap& timers_;
  Metrics& metrics_;
};

}  // namespace nightpost::dispatch
