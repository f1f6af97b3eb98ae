// Dead letters for the admin API: read from their topic for each question, as `nightpost dlq` does.
#include "app/console_desks.h"
#include "app/dead_topic.h"
#include "app/letter.h"
#include "app/letter_advice.h"
#include "app/letter_run.h"

namespace nightpost::app {
namespace {

/// A topic that nobody has written to yet has no letters.
constexpr const char* kNoTopic = "the dead topic is not there yet";

LetterDecoder letter_decoder(const Config& config) {
  return LetterDecoder(config.producer.message_bytes_max, config.dispatch.receivers_max);
}

LetterFilter filter_of(const admin::LetterQuestion& question) {
  LetterFilter filter{.vendors = question.vendors,
                      .reasons = question.rules,
                      .codes = question.codes,
                      .stages = question.stages,
                      .events = question.events,
                      .users = question.users,
                      .since = question.since,
                      .until = question.until};
  for (const AppId app : question.apps) filter.apps.push_back(app.value);
  return filter;
}

nlohmann::json letter_item(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event, LetterState state) {
  nlohmann::json json = nlohmann::json(as_json(letter, event, state));
  for (const char* in_its_name : {"partition", "offset", "at"}) json.erase(in_its_name);
  json["letter"] = text_of(id_of(letter));
  json["written_at"] = letter.timestamp_ms;
  json["why"] = why_dead(letter.header("reason"));
  json["todo"] = what_to_do(letter.header("reason"));
  return json;
}

/// What keeps the brokers from answering is nothing a caller could mend by another request.
auto unavailable(const Error& error) { return admin::refused(503, "unavailable", error.detail); }

}  // namespace

admin::Reply ConsoleLetters::list(const admin::LetterQuestion& question) {
  nlohmann::json items = nlohmann::json::array();
  auto dead = open_dead_topic(config_, config_.console.kafka_wait);
  if (!dead && dead.error().code == Errc::NotFound)
    return admin::Answer{200, {{"items", items}, {"more", false}, {"note", kNoTopic}}};
  if (!dead) return unavailable(dead.error());
  const LetterFilter filter = filter_of(question);
  if (const auto begun = dead->letters->rewind(filter.since); !begun) return unavailable(begun.error());
  LetterDecoder decoder = letter_decoder(config_);
  const MonoTime end = clock_.mono() + config_.console.letters_wait;
  bool more = false;
  while (!more) {
    const auto letter = dead->letters->next();
    if (!letter) return unavailable(letter.error());
    if (!*letter) break;
    if (clock_.mono() >= end)
      return admin::refused(503, "unavailable",
                            "the dead topic is too long to look through in console.letters_wait_ms: name since");
    const LetterState state = dead->marks.state_of(id_of(**letter));
    if (state != LetterState::Open && !question.all) continue;
    const dispatch::OfflineEvent* const event = decoder.event_of(**letter);
    if (!filter.matches(**letter, event)) continue;
    more = items.size() >= question.limit;
    if (!more) items.push_back(letter_item(**letter, event, state));
  }
  return admin::Answer{200, {{"items", std::move(items)}, {"more", more}}};
}

admin::Reply ConsoleLetters::show(const std::string& which, const std::function<bool(AppId)>& may_see) {
  const auto none = [&] { return admin::not_found(which + ": no letter is that"); };
  const auto id = letter_id_from(which);
  if (!id) return none();
  auto dead = open_dead_topic(config_, config_.console.kafka_wait);
  if (!dead && dead.error().code == Errc::NotFound) return none();
  if (!dead) return unavailable(dead.error());
  const auto letter = dead->letters->at(id->partition, id->offset);
  if (!letter)
    return letter.error().code == Errc::NotFound ? admin::Reply(none()) : admin::Reply(unavailable(letter.error()));
  if (!*letter) return none();
  LetterDecoder decoder = letter_decoder(config_);
  const dispatch::OfflineEvent* const event = decoder.event_of(**letter);
  // One that cannot be read is nobody's in particular: only who sees all apps sees it.
  if (!may_see(event != nullptr ? event->app : AppId{0})) return none();
  nlohmann::json json = letter_item(**letter, event, dead->marks.state_of(*id));
  json["key"] = (*letter)->key;
  json["event"] = nlohmann::json::parse((*letter)->value, nullptr, false);
  if (json["event"].is_discarded()) json["event"] = (*letter)->value;
  return admin::Answer{200, std::move(json)};
}

admin::Reply ConsoleLetters::run(const admin::LetterQuestion& question, bool drop, bool dry_run) {
  RunOptions asked{.filter = filter_of(question), .drop = drop, .dry_run = dry_run, .limit = question.limit};
  asked.wait = config_.console.kafka_wait;
  const MonoTime end_at = clock_.mono() + config_.console.letters_wait;
  const RunHooks hooks = {.stopped = [&] { return clock_.mono() >= end_at; },
                          .progress = [](const RunTally&) {},
                          .remark = [](const std::string&) {}};
  const RunEnd end = run_letters(config_, asked, clock_, hooks);
  if (end.taken_over)
    return admin::refused(503, "unavailable", "another run on the dead letters took over: look, and repeat");
  if (end.error) return unavailable(*end.error);
  const RunTally& tally = end.tally;
  return admin::Answer{200,
                       {{"dry_run", dry_run},
                        {"done", tally.done},
                        {"matched", tally.matched},
                        {"done_before", tally.done_before},
                        {"copies", tally.copies},
                        {"too_late", tally.too_late},
                        {"by_reason", tally.by_reason},
                        {"refused", tally.refused},
                        {"read", tally.read},
                        {"stopped", end.stopped}}};
}

}  // namespace nightpost::app
