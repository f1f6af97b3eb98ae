// The way to the transport: hands requests over, counts them until they are answered, and carries out what pacers
// decide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/http.h"
#include "core/time.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/options.h"
#include "dispatch/pacer_book.h"
#include "dispatch/ports.h"
#include "dispatch/rule.h"
#include "dispatch/slots.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

/// Each request that was handed over takes one place, of its credential and of the shard, until answered() is called
/// for it; one that the transport threw at takes none. Nothing that the transport throws gets out.
class Sender {
 public:
  /// Borrowed; all must outlive it. `watcher` null: nobody.
  Sender(const Now& now, Transport& transport, ReplyHandler& handler, PacerBook& pacers, Slots& slots,
         TimerHeap& timers, Metrics& metrics, Watcher* watcher)
      : now_(now),
        transport_(transport),
        handler_(handler),
        pacers_(pacers),
        slots_(slots),
        timers_(timers),
        metrics_(metrics),
        watcher_(watcher) {}

  Pacer& pacer_of(const Route& route) { return pacers_.of(route, now_.mono); }

  /// What is sent next may be the pacer's probe; a `probe` that is one still stays so, or becomes the one that tries
  /// the signer, too. False: the vendor does not answer and somebody else probes, so nothing goes now
  /// (Pacer::deferral()).
  bool begin_probe(Pacer& pacer, Probe& probe);
  /// How long an attempt may take. A probe does not wait for an answer as long as others: the next one wants to go.
  static milliseconds deadline_of(const Pacer& pacer, Probe probe, const Options& options) noexcept;

  /// A place for a request that is being put together; given back before it is sent, or once it is given up.
  void reserve(const Route& route);
  void unreserve(const Route& route);
  /// `probe`: the pacer's. Returns what the transport has thrown; then no answer will come.
  std::optional<std::string> send(Pacer& pacer, const std::shared_ptr<const Route>& route, HttpRequest&& request,
                                  MonoTime deadline, std::uint64_t tag, Probe probe);
  void answered(const Route& route, MonoTime sent_at, const Reply& reply);
  /// The timer of the route's signer has rung: nothing has been heard of it for a while.
  void wake_signer(std::uint64_t route_id);
  void flush();

  void drain_connection(const Route& route, std::uint64_t connection);
  /// Ops hear of it, and what already waits in the lane comes back: it would be refused like the rest.
  void carry_out(const Route& route, const Pacer::Decision& decision, const VendorReason& complaint,
                 const VendorReason& refusal);
  /// The credential is refused though nothing was sent.
  void refuse(const Route& route, Probe probe, const VendorReason& why);

 private:
  void take_back(const Route& route);
  void take_back(const SignerPace& signer);

  const Now& now_;
  Transport& transport_;
  ReplyHandler& handler_;
  PacerBook& pacers_;
  Slots& slots_;
  TimerHeap& timers_;
  Metrics& metrics_;
  Watcher* const watcher_;
  bool unflushed_ = false;
};

}  // namespace nightpost::dispatch
