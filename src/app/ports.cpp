#include "app/ports.h"

namespace nightpost::app {

Result<std::shared_ptr<const dispatch::Route>> ResolverPorts::route(AppId app, CertificateId id) {
  auto ready = resolver_.certificate(app, id);
  if (!ready) {
    if (ready.error().code == Errc::NotFound) routes_.erase(id.value);
    return std::unexpected(ready.error());
  }
  const std::shared_ptr<const ReadyRoute>* const known = routes_.find(id.value);
  if (known != nullptr && (*known)->id == (*ready)->id) return *known;
  auto made = std::make_shared<ReadyRoute>();
  made->id = (*ready)->id;
  made->certificate = (*ready)->certificate;
  made->provider = (*ready)->parts.provider;
  made->authorizer = (*ready)->parts.authorizer;
  made->ready = *ready;
  routes_.put(id.value, made);
  return made;
}

Result<std::shared_ptr<const Grant>> ResolverPorts::grant(const dispatch::Route& route, WallTime now) {
  const auto& ready = static_cast<const ReadyRoute&>(route);
  if (ready.grant != nullptr && now < ready.ask_at && now >= ready.grant->issued_at && !ready.grant->withdrawn())
    return ready.grant;
  return grant_or_wait(ready, resolver_.grant(*ready.ready, now, *this));
}

Result<std::shared_ptr<const Grant>> ResolverPorts::refresh(const dispatch::Route& route, const Grant& refused,
                                                            WallTime now) {
  const auto& ready = static_cast<const ReadyRoute&>(route);
  return grant_or_wait(ready, resolver_.refresh(*ready.ready, refused, now, *this));
}

Result<std::shared_ptr<const Grant>> ResolverPorts::grant_or_wait(const ReadyRoute& route,
                                                                  Result<resolve::GrantAnswer> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->grant == nullptr) {
    waiting_[resolve::Resolver::grant_key(*route.ready)].insert(route.id);
    metrics_.waiting.set(waiting_.size());
  }
  route.grant = answer->grant;
  route.ask_at = answer->ask_at;
  if (answer->order) fetcher_.fetch(*std::move(answer->order), route.ready);
  return answer->grant;
}

void ResolverPorts::on_grant_settled(const std::string& key) {
  post_([this, key] {
    const auto waited = waiting_.extract(key);
    metrics_.waiting.set(waiting_.size());
    if (waited.empty()) return;
    for (const std::uint64_t route : waited.mapped()) on_grant_(route);
  });
}

void KafkaSettler::outcome(dispatch::RecordId pending, std::string_view event_id, std::string_view json) {
  producer_.produce(pending_record_of(pending), topics_.results, event_id, json);
}

void KafkaSettler::dead(dispatch::RecordId pending, dispatch::DeadLetter letter) {
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
  producer_.produce(pending_record_of(pending), topics_.dead, letter.key, letter.value, headers);
}

}  // namespace nightpost::app
