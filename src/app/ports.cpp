#include "app/ports.h"

namespace nightpost::app {

Result<std::shared_ptr<const dispatch::Route>> ResolverPorts::route(AppId app, CertificateId id) {
  auto ready = resolver_.certificate(app, id);
  if (!ready) return std::unexpected(ready.error());
  std::shared_ptr<const ReadyRoute>& known = routes_[id.value];
  if (known == nullptr || known->id != (*ready)->id) {
    auto made = std::make_shared<ReadyRoute>();
    made->id = (*ready)->id;
    made->certificate = (*ready)->certificate;
    made->provider = (*ready)->parts.provider;
    made->authorizer = (*ready)->parts.authorizer;
    made->ready = *ready;
    known = std::move(made);
  }
  return known;
}

Result<std::shared_ptr<const Grant>> ResolverPorts::grant(const dispatch::Route& route, WallTime now) {
  const auto& ready = static_cast<const ReadyRoute&>(route);
  if (ready.grant != nullptr && now < ready.grant->renew_at && now >= ready.grant->issued_at) return ready.grant;
  auto grant = resolver_.grant(*ready.ready, now);
  if (grant) ready.grant = *grant;
  return grant;
}

Result<std::shared_ptr<const Grant>> ResolverPorts::refresh(const dispatch::Route& route, const Grant& refused,
                                                            WallTime now) {
  const auto& ready = static_cast<const ReadyRoute&>(route);
  auto grant = resolver_.refresh(*ready.ready, refused, now);
  if (grant) ready.grant = *grant;
  return grant;
}

void KafkaSettler::outcome(dispatch::Ticket ticket, std::string_view event_id, std::string json) {
  producer_.produce(kafka_ticket(ticket), topics_.results, event_id, json);
}

void KafkaSettler::dead(dispatch::Ticket ticket, dispatch::DeadLetter letter) {
  kafka::Headers headers = {{"stage", std::string(letter.stage)}, {"reason", std::string(letter.reason)}};
  const auto add = [&](std::string_view name, std::string&& value) {
    if (!value.empty()) headers.emplace_back(name, std::move(value));
  };
  add("detail", std::move(letter.detail));
  add("event_id", std::move(letter.event_id));
  add("vendor", std::move(letter.vendor));
  add("code", std::move(letter.code));
  add("attempts", letter.attempts > 0 ? std::to_string(letter.attempts) : "");
  add("traceparent", std::move(letter.traceparent));
  producer_.produce(kafka_ticket(ticket), topics_.dead, letter.key, letter.value, headers);
}

}  // namespace nightpost::app
