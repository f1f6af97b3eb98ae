// What the dispatcher and the lanes tell ops, as log lines: who (vendor, certificate, host), why, and what to do. Each
// kind of line is said once a minute for each certificate, and then says how often it was not.
#pragma once

#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/time.h"
#include "dispatch/ports.h"
#include "net/lane_event.h"
#include "observe/event_limit.h"
#include "observe/log.h"

namespace nightpost::app {

/// What ops can do about removals that are held.
inline constexpr std::string_view kHeldTodo =
    "check the certificate's bundle id or package, and its environment; `nightpost cert held` lists what is held. If "
    "they are right it ends by itself once enough pushes are accepted, or with `nightpost cert approve-removals`";

/// One per shard, on its thread; `log` and `clock` outlive it.
class OpsLog final : public dispatch::Watcher {
 public:
  OpsLog(observe::Log& log, const Clock& clock) : log_(log), clock_(clock) {}

  void breaker_opened(const dispatch::Route& route, std::string_view code, std::string_view meaning,
                      milliseconds open_for) override;
  void breaker_closed(const dispatch::Route& route) override;
  void credential_throttled(const dispatch::Route& route, std::string_view code, std::string_view meaning,
                            milliseconds pause) override;
  void signer_fell(const dispatch::Route& route, dispatch::Rule rule, milliseconds probe_in) override;
  void signer_recovered(const dispatch::Route& route) override;
  void class_rests(const dispatch::Route& route, std::string_view kind, std::string_view code, std::string_view meaning,
                   milliseconds rest) override;
  void removals_held(const dispatch::Route& route, milliseconds period) override;
  void removals_released(const dispatch::Route& route) override;
  void dead_letter(const dispatch::DeadLetter& letter) override;
  /// Of a lane that was opened for this certificate; others of its signer may share it.
  void lane_event(const Certificate& certificate, const net::LaneEvent& event);
  /// This machine's clock is ahead of the vendor's by `skew`, or behind it.
  void clock_skew(const Certificate& certificate, std::string_view origin, milliseconds skew);

 private:
  observe::EventLimit::Verdict admit(std::string_view event, std::string_view of);

  observe::Log& log_;
  const Clock& clock_;
  observe::EventLimit limit_{1, std::chrono::minutes(1)};
  std::string key_;  // reused
};

}  // namespace nightpost::app
