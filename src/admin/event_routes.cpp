// Traces, test pushes, events, dead letters.
#include "admin/routes.h"
#include "core/text.h"

namespace nightpost::admin {
namespace {

std::function<bool(AppId)> sight_of(const Request& request) {
  return [&caller = request.caller](AppId app) { return caller.may_see(app); };
}

LetterQuestion letters_asked(const Request& request) {
  const Values& body = request.body;
  LetterQuestion question{.apps = body.apps("apps"),
                          .vendors = body.texts("vendors"),
                          .rules = body.texts("rules"),
                          .codes = body.texts("codes"),
                          .stages = body.texts("stages"),
                          .events = body.texts("events"),
                          .users = body.texts("users"),
                          .since = body.time("since"),
                          .until = body.time("until"),
                          .limit = static_cast<std::size_t>(body.number("limit", 1'000))};
  if (question.apps.empty()) question.apps = request.caller.apps;
  return question;
}

Reply run_on_letters(Request& request, bool drop) {
  const Values& body = request.body;
  bool chosen = body.flag("everything") || body.has("since") || body.has("until") || !body.apps("apps").empty();
  for (const char* filter : {"vendors", "rules", "codes", "stages", "events", "users"})
    chosen = chosen || !body.texts(filter).empty();  // an empty list lets all through, so it is no filter
  if (!chosen) return malformed("name a filter, or everything for all letters", "everything");
  const bool dry_run = request.body.flag("dry_run");
  const LetterQuestion question = letters_asked(request);
  // A run that ends half way has done something, so it is noted before it begins.
  request.note = {.made = !dry_run, .app = question.apps.size() == 1 ? question.apps.front() : AppId{0}};
  Reply reply = request.tools.letters.run(question, drop, dry_run);
  if (reply) request.note.after = reply->body;
  return reply;
}

}  // namespace

Reply trace_event(Request& request) {
  if (request.query.text("event").empty()) return malformed("empty", "query.event");
  return request.tools.traces.of_event({.event = request.query.text("event"),
                                        .user = request.query.text("user"),
                                        .device = request.query.text("device"),
                                        .may_see = sight_of(request)},
                                       request.now);
}

Reply trace_user(Request& request) {
  const WallTime since = request.query.time("since").value_or(request.now - std::chrono::hours(24));
  return request.tools.traces.of_user(request.app(), request.query.text("user"), since,
                                      static_cast<std::size_t>(request.query.number("limit", 50)));
}

Reply push(Request& request) {
  const Values& body = request.body;
  PushQuestion question{.app = {body.number("app_id")},
                        .user = body.text("user_id"),
                        .device = body.text("device_id"),
                        .title = body.text("title"),
                        .subtitle = body.text("subtitle"),
                        .desc = body.text("desc"),
                        .ext = body.text("ext"),
                        .sound = body.text("sound"),
                        .channel = body.text("channel"),
                        .category = body.text("category"),
                        .level = body.text("interruption_level"),
                        .image = body.text("image"),
                        .from = body.text("from", "nightpost"),
                        .priority = body.text("priority", "normal"),
                        .ttl_s = body.number("ttl_s", 3'600),
                        .badge_only = body.flag("badge_only"),
                        .call = body.flag("call"),
                        .dry_run = body.flag("dry_run")};
  if (body.has("badge")) question.badge = static_cast<std::int32_t>(body.number("badge"));
  if (question.badge_only && !question.badge) return invalid("missing: badge_only sets it", "badge");
  if (question.badge_only && question.call) return invalid("stands beside badge_only", "call");
  if (!question.badge_only && !question.call && question.desc.empty())
    return invalid("missing, or say badge_only or call", "desc");
  request.note = {.made = !question.dry_run,
                  .app = question.app,
                  .object = question.user + (question.device.empty() ? "" : "/" + question.device)};
  Reply reply = request.tools.pushes.push(question);
  if (reply && !question.dry_run) {
    request.note.after = nlohmann::json::array();
    for (const nlohmann::json& item : reply->body.value("items", nlohmann::json::array())) {
      const nlohmann::json outcome = item.value("outcome", nlohmann::json());
      request.note.after.push_back(
          {{"device_id", item.value("device_id", "")},
           {"outcome", outcome.is_object() ? outcome.value("outcome", nlohmann::json()) : nlohmann::json()}});
    }
  }
  return reply;
}

std::vector<std::string_view> event_lines(std::string_view body, bool line_each) {
  std::vector<std::string_view> lines;
  while (!body.empty()) {
    const std::size_t end = line_each ? body.find('\n') : body.npos;
    const std::string_view line = trimmed(body.substr(0, end));
    if (!line.empty()) lines.push_back(line);
    body = end == body.npos ? std::string_view() : body.substr(end + 1);
  }
  return lines;
}

Reply publish_events(Request& request) {
  using Is = PublishedEvent::Is;
  const bool line_each = request.call.header("content-type").starts_with("application/x-ndjson");
  const std::vector<std::string_view> lines = event_lines(request.call.body, line_each);
  if (lines.empty()) return malformed("the body holds no event");
  if (lines.size() > request.tools.options.events_max)
    return refused(413, "too_large", "more than " + std::to_string(request.tools.options.events_max) + " events");
  const std::vector<PublishedEvent> published = request.tools.events.publish(lines, sight_of(request));
  nlohmann::json items = nlohmann::json::array();
  std::size_t written = 0, refused_ones = 0;
  for (const PublishedEvent& event : published) {
    nlohmann::json item = {{"line", items.size() + 1}, {"event_id", event.event_id}};
    switch (event.is) {
      case Is::Written:
        ++written;
        item.update({{"state", "written"}, {"partition", event.partition}, {"offset", event.offset}});
        break;
      case Is::Refused:
        ++refused_ones;
        item.update({{"state", "refused"}, {"message", event.why}});
        break;
      case Is::Unknown:
        item.update({{"state", "unknown"}, {"message", event.why}});
        break;
    }
    items.push_back(std::move(item));
  }
  nlohmann::json body = {{"written", written}, {"items", std::move(items)}};
  if (written == published.size()) return Answer{200, std::move(body)};
  // What is unknown has the last word: who repeats the whole request loses nothing.
  if (written + refused_ones < published.size()) {
    body["error"] = {{"code", "unavailable"}, {"message", "not all events were acknowledged: repeat them"}};
    return Answer{503, std::move(body)};
  }
  body["error"] = {{"code", "invalid"},
                   {"message", std::to_string(refused_ones) + " of " + std::to_string(published.size()) +
                                   " events are refused: see items"}};
  return Answer{422, std::move(body)};
}

Reply list_letters(Request& request) {
  const Values& query = request.query;
  const auto one = [&](const char* name) {
    return query.has(name) ? std::vector<std::string>{query.text(name)} : std::vector<std::string>();
  };
  return request.tools.letters.list({.apps = query.has("app") ? std::vector<AppId>{request.app()} : request.caller.apps,
                                     .vendors = one("vendor"),
                                     .rules = one("rule"),
                                     .codes = one("code"),
                                     .stages = one("stage"),
                                     .events = one("event"),
                                     .users = one("user"),
                                     .since = query.time("since"),
                                     .until = query.time("until"),
                                     .all = query.text("state", "open") == "all",
                                     .limit = static_cast<std::size_t>(query.number("limit", 100))});
}

Reply show_letter(Request& request) {
  Reply reply = request.tools.letters.show(request.in_path.at(0), sight_of(request));
  if (!reply) return reply;
  const nlohmann::json app = reply->body.value("app_id", nlohmann::json());
  request.note = {
      .made = true, .app = {app.is_number_integer() ? app.get<std::int64_t>() : 0}, .object = request.in_path.at(0)};
  return reply;
}

Reply replay_letters(Request& request) { return run_on_letters(request, false); }
Reply drop_letters(Request& request) { return run_on_letters(request, true); }

}  // namespace nightpost::admin
