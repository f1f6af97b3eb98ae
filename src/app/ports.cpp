#include "app/ports.h"

#include "kafka/pending_record.h"

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
  kafka::PendingRecord* const record = pending_record_of(pending);
  if (record != nullptr) record->hold();
  bytes_.append(event_id).append(json);
  collected_.push_back({record, event_id.size(), json.size()});
  unflushed_.store(collected_.size(), std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);  // before what the shard says next, that nothing is in the air
  if (bytes_.size() >= kBytesMax) flush();
}

void KafkaSettler::flush() {
  if (collected_.empty()) return;
  std::string_view rest = bytes_;
  for (const Collected& each : collected_) {
    messages_.push_back({each.pending, rest.substr(0, each.key_size), rest.substr(each.key_size, each.value_size)});
    rest.remove_prefix(each.key_size + each.value_size);
  }
  sink_.produce_batch(credit_, topics_.results, messages_);
  messages_.clear();
  collected_.clear();
  bytes_.clear();
  unflushed_.store(0, std::memory_order_release);
}

void KafkaSettler::dead(dispatch::RecordId pending, dispatch::DeadLetter letter) {
  kafka::PendingRecord* const record = pending_record_of(pending);
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
  add("remainder", std::move(letter.remainder));
  // Where the original is, should the letter have to be shortened.
  add_source(headers, *record);
  sink_.produce_letter(credit_, record, topics_.dead, letter.key, letter.value, std::move(headers));
}

void KafkaSettler::defer(dispatch::RecordId pending, dispatch::Deferral deferral) {
  kafka::PendingRecord* const record = pending_record_of(pending);
  kafka::Headers headers = {{"remainder", std::move(deferral.remainder)},
                            {"due_at", std::to_string(to_ms(deferral.due_at))}};
  if (!deferral.traceparent.empty()) headers.emplace_back("traceparent", std::move(deferral.traceparent));
  add_source(headers, *record);
  sink_.produce_letter(credit_, record, topics_.retry[static_cast<std::size_t>(deferral.tier)], deferral.key,
                       deferral.value, std::move(headers));
}

void KafkaSettler::add_source(kafka::Headers& headers, const kafka::PendingRecord& record) const {
  headers.emplace_back("source_topic", topics_.offline);
  headers.emplace_back("source_partition", std::to_string(record.stay().partition));
  headers.emplace_back("source_offset", std::to_string(record.offset()));
}

}  // namespace nightpost::app
