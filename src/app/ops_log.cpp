#include "app/ops_log.h"

#include <string>

namespace nightpost::app {
namespace {

using observe::kv;

std::string id_of(const Certificate& certificate) { return std::to_string(certificate.id.value); }

}  // namespace

observe::EventLimit::Verdict OpsLog::admit(std::string_view event, std::string_view of) {
  key_.assign(event).append(" ").append(of);
  return limit_.admit(key_, clock_.mono());
}

void OpsLog::breaker_opened(const dispatch::Route& route, std::string_view code, std::string_view meaning,
                            milliseconds open_for) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("breaker_opened", id_of(certificate));
  if (!said.passes) return;
  log_.error("worker.breaker_opened",
             {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
              kv("name", certificate.name), kv("host", route.provider->origin()), kv("code", code), kv("why", meaning),
              kv("next_try_ms", open_for.count()), kv("untold", said.dropped),
              kv("todo",
                 "its pushes go to the dead topic; see `nightpost cert show`, then `cert update` with a good secret, "
                 "key id or bundle id, and replay them")});
}

void OpsLog::breaker_closed(const dispatch::Route& route) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("breaker_closed", id_of(certificate));
  if (!said.passes) return;
  log_.info("worker.breaker_closed",
            {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
             kv("name", certificate.name), kv("host", route.provider->origin()), kv("untold", said.dropped)});
}

void OpsLog::credential_throttled(const dispatch::Route& route, std::string_view code, std::string_view meaning,
                                  milliseconds pause) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("credential_throttled", id_of(certificate));
  if (!said.passes) return;
  log_.warn("worker.credential_throttled",
            {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
             kv("name", certificate.name), kv("host", route.provider->origin()), kv("code", code), kv("why", meaning),
             kv("pause_ms", pause.count()), kv("untold", said.dropped),
             kv("todo", "ask whether anybody else sends with this credential, and the vendor for a higher quota")});
}

void OpsLog::signer_fell(const dispatch::Route& route, dispatch::Rule rule, milliseconds probe_in) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("signer_fell", id_of(certificate));
  if (!said.passes) return;
  log_.error("worker.vendor_down",
             {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
              kv("name", certificate.name), kv("host", route.provider->origin()), kv("rule", name_of(rule)),
              kv("why", sentence_of(rule)), kv("next_try_ms", probe_in.count()), kv("untold", said.dropped),
              kv("todo",
                 "its pushes go to the delay topics and out by themselves once it answers; look at the vendor's status "
                 "page, and at the way from this machine to the host")});
}

void OpsLog::signer_recovered(const dispatch::Route& route) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("signer_recovered", id_of(certificate));
  if (!said.passes) return;
  log_.info("worker.vendor_up",
            {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
             kv("name", certificate.name), kv("host", route.provider->origin()), kv("untold", said.dropped)});
}

void OpsLog::removals_held(const dispatch::Route& route, milliseconds period) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("removals_held", id_of(certificate));
  if (!said.passes) return;
  log_.error(
      "worker.token_removals_held",
      {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value), kv("name", certificate.name),
       kv("host", route.provider->origin()), kv("for_ms", period.count()), kv("untold", said.dropped),
       kv("why", "too large a share of its tokens was called dead at once; none is removed meanwhile"),
       kv("todo", kHeldTodo)});
}

void OpsLog::removals_released(const dispatch::Route& route) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("removals_released", id_of(certificate));
  if (!said.passes) return;
  log_.info("worker.token_removals_released",
            {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
             kv("name", certificate.name), kv("host", route.provider->origin()), kv("untold", said.dropped),
             kv("why", "so many pushes were accepted that the certificate is right, and the dead tokens are dead")});
}

void OpsLog::class_rests(const dispatch::Route& route, std::string_view kind, std::string_view code,
                         std::string_view meaning, milliseconds rest) {
  const Certificate& certificate = route.certificate;
  const auto said = admit("class_rests", id_of(certificate));
  if (!said.passes) return;
  log_.warn("worker.class_throttled",
            {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
             kv("name", certificate.name), kv("host", route.provider->origin()), kv("kind", kind), kv("code", code),
             kv("why", meaning), kv("rest_ms", rest.count()), kv("untold", said.dropped),
             kv("todo", "only this kind rests; raise its quota at the vendor, or send less of it")});
}

void OpsLog::dead_letter(const dispatch::DeadLetter& letter) {
  std::string of(letter.vendor);
  of.append(" ").append(letter.stage).append(" ").append(letter.reason);
  const auto said = admit("dead_letter", of);
  if (!said.passes) return;
  // The detail names users; where nothing could be read it is but a path into the event.
  log_.warn("worker.dead_letter",
            {kv("event_id", letter.event_id), kv("vendor", letter.vendor), kv("stage", letter.stage),
             kv("reason", letter.reason), kv("code", letter.code), kv("attempts", letter.attempts),
             kv("detail", letter.stage == "decode" ? letter.detail : std::string()), kv("untold", said.dropped)});
}

void OpsLog::lane_event(const Certificate& certificate, const net::LaneEvent& event) {
  using What = net::LaneEvent::What;
  struct Words {
    const char* name;
    const char* todo;
    void (observe::Log::*say)(std::string_view, std::initializer_list<observe::Field>);
  };
  static constexpr Words kWords[] = {
      {"worker.connect_failed", "check name, route, firewall, port and proxy.url from this machine to the host",
       &observe::Log::warn},
      {"worker.peer_untrusted",
       "check the certificate's ca_file (or the system's authorities), its host, this machine's clock, and who answers "
       "there",
       &observe::Log::error},
      {"worker.connection_lost", "none, unless it goes on: then ask the vendor, and the network in between",
       &observe::Log::warn},
      {"worker.reconnected", "", &observe::Log::info},
  };
  const Words& words = kWords[static_cast<std::size_t>(event.what)];
  std::string of(event.origin);
  of.append(" ").append(id_of(certificate));
  const auto said = admit(words.name, of);
  if (!said.passes) return;
  if (event.what == What::Reconnected) {
    log_.info(words.name,
              {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
               kv("host", event.origin), kv("failures_before", event.failures), kv("untold", said.dropped)});
    return;
  }
  (log_.*words.say)(words.name,
                    {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value),
                     kv("host", event.origin), kv("why", event.detail), kv("failures", event.failures),
                     kv("next_try_ms", event.wait.count()), kv("untold", said.dropped), kv("todo", words.todo)});
}

void OpsLog::clock_skew(const Certificate& certificate, std::string_view origin, milliseconds skew) {
  const auto said = admit("clock_skew", origin);
  if (!said.passes) return;
  log_.warn(
      "worker.clock_skew",
      {kv("vendor", name_of(certificate.vendor)), kv("certificate", certificate.id.value), kv("host", origin),
       kv("skew_ms", skew.count()), kv("clock", skew.count() > 0 ? "ahead" : "behind"), kv("untold", said.dropped),
       kv("todo",
          "set this machine's clock (NTP): vendors refuse signed tokens (JWT) and timestamps when clocks differ")});
}

}  // namespace nightpost::app
