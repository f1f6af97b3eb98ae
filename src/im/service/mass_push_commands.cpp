#include "im/service/mass_push_commands.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "im/service/callback_body.h"
#include "im/service/callback_notes.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kMassName = "mass-";

PushCondition condition_of(const MassTaskRow& task) {
  return {static_cast<PushCondition::Is>(task.condition), keys_from_text(task.keys)};
}

/// Of named users those behind `after`, by id.
PushKeyPage named_page(const PushCondition& condition, const Tables::UserSpan& span) {
  PushKeyPage page;
  for (const PushCondition::Key& key : condition.keys)
    if (key.name > span.after && (span.upto.empty() || key.name <= span.upto)) page.users.push_back(key.name);
  std::ranges::sort(page.users);
  const auto repeated = std::ranges::unique(page.users);
  page.users.erase(repeated.begin(), repeated.end());
  page.full = page.users.size() > span.limit;
  if (page.full) page.users.resize(span.limit);
  return page;
}

PushChunk next_users(Work& work, AppId app, const PushCondition& condition, const Tables::UserSpan& span) {
  using Is = PushCondition::Is;
  std::vector<PushKeyPage> pages;
  const auto add = [&](std::vector<std::string> users) {
    const bool full = users.size() >= span.limit;
    pages.push_back({std::move(users), full});
  };
  switch (condition.is) {
    case Is::All:
      add(work.tables.users_between(app, span));
      break;
    case Is::Users:
      pages.push_back(named_page(condition, span));
      break;
    case Is::TagsAnd:
    case Is::TagsOr:
      for (const PushCondition::Key& key : condition.keys) add(work.tables.users_tagged(app, key.name, span));
      break;
    case Is::AttrsAnd:
    case Is::AttrsOr:
      for (const PushCondition::Key& key : condition.keys) add(work.tables.users_with(app, key.name, key.value, span));
      break;
  }
  return chunk_of(pages, condition.is == Is::TagsAnd || condition.is == Is::AttrsAnd, span.limit);
}

/// The client id of the user's own message of a push that is stored.
std::string name_for(const MassTaskRow& task, const std::string& user) { return mass_push_name(task.id) + "-" + user; }

/// That message; a step that is repeated finds the first.
void store_for(Work& work, const MassTaskRow& task, const std::string& user) {
  const Draft draft{.to = user,
                    .client_id = name_for(task, user),
                    .elements = task.elements,
                    .push = task.push,
                    .cloud_data = {},
                    .push_disabled = true,  // the chunk's event is its push
                    .lifetime = milliseconds(task.lifetime_ms),
                    .hidden_from_sender = true,
                    .untold = true,
                    .worded = true};
  (void)send(work, {{task.app, task.from}, std::nullopt}, draft);  // one who is gone meanwhile gets none
}

void end_if_done(Work& work, const MassTaskRow& task) {
  if (task.begun_all && work.tables.mass_chunks(task.id).empty())
    work.tables.end_mass_task(task.id, static_cast<std::int64_t>(MassPushState::Over));
}

/// Each user's before anything is written.
template <class Item>
Answer<void> all_known(Work& work, AppId app, const std::vector<Item>& all) {
  for (const Item& each : all)
    if (auto ok = known(work.tables, {app, each.user}, each.user); !ok) return ok;
  return {};
}

Answer<void> all_known(Work& work, AppId app, const std::vector<std::string>& all) {
  for (const std::string& user : all)
    if (auto ok = known(work.tables, {app, user}, user); !ok) return ok;
  return {};
}

}  // namespace

std::string mass_push_name(std::int64_t task) { return std::string(kMassName) + std::to_string(task); }

std::optional<std::int64_t> mass_push_of_event(std::string_view event_id) {
  if (!event_id.starts_with(kMassName)) return std::nullopt;
  event_id.remove_prefix(kMassName.size());
  const std::string_view number = event_id.substr(0, event_id.find('.'));
  std::int64_t task = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), task);
  if (error != std::errc{} || end != number.data() + number.size() || task < 1) return std::nullopt;
  return task;
}

Answer<std::int64_t> begin_mass_push(Work& work, AppId app, const MassPush& push) {
  const MassPushLimits& limits = work.options.mass_push;
  if (push.from != kSystemUser)
    if (auto ok = known(work.tables, {app, push.from}, "From_Account"); !ok)
      return std::unexpected(std::move(ok.error()));
  if (const auto earlier = work.tables.mass_task_named(app, push.random, work.now - limits.kept); earlier != 0)
    return refuse(Code::PushRandomUsed, "MsgRandom: that of the task " + mass_push_name(earlier) + " already");
  if (work.tables.mass_tasks_running(app) >= limits.tasks_max)
    return refuse(Code::PushTasksFull,
                  std::to_string(limits.tasks_max) + " pushes to all are not over, as many as may be: repeat later");
  const auto words = reworded(work, app, true, push.elements, push.push);
  if (!words) return std::unexpected(words.error());
  work.told.mass_push = true;
  return work.tables.add_mass_task({.app = app,
                                    .random = push.random,
                                    .from = push.from,
                                    .elements = words->elements.value_or(push.elements),
                                    .push = words->push.value_or(push.push),
                                    .lifetime_ms = push.lifetime.value_or(milliseconds(0)).count(),
                                    .condition = static_cast<std::int64_t>(push.to.is),
                                    .keys = keys_to_text(push.to),
                                    .at = work.now});
}

Answer<void> cancel_mass_push(Work& work, AppId app, std::int64_t id) {
  const auto task = work.tables.mass_task(id);
  if (!task || task->app != app) return refuse(Code::Malformed, "TaskId: no such task");
  work.tables.end_mass_task(id, static_cast<std::int64_t>(MassPushState::Canceled));
  work.told.mass_push = true;
  return {};
}

Answer<std::vector<MassPushReport>> mass_push_reports(Work& work, AppId app, const std::vector<std::int64_t>& tasks) {
  std::vector<MassPushReport> out;
  for (const std::int64_t id : tasks)
    if (const auto row = work.tables.mass_task(id); row && row->app == app)
      out.push_back({.task = row->id,
                     .state = static_cast<MassPushState>(row->state),
                     .at = row->at,
                     .users = row->users,
                     .pushed = row->pushed,
                     .failed = row->failed,
                     .delivered = row->delivered,
                     .clicked = row->clicked});
  return out;
}

Answer<void> set_attribute_names(Work& work, AppId app, const std::map<std::int64_t, std::string>& names) {
  const auto has = [](const std::map<std::int64_t, std::string>& all, const std::string& name) {
    return std::ranges::any_of(all, [&](const auto& each) { return each.second == name; });
  };
  const auto before = work.tables.attribute_names(app);
  for (const auto& [place, name] : names)
    if (!has(before, name) && work.tables.is_dropped(app, name))
      return refuse(Code::Busy,
                    "AttrNames." + std::to_string(place) +
                        ": users' values of an earlier attribute of this name are being deleted, try again");
  for (const auto& [place, name] : before)
    if (!has(names, name)) work.tables.drop_attribute(app, name);
  work.tables.set_attribute_names(app, names);
  return {};
}

Answer<void> set_attributes(Work& work, AppId app, const std::vector<UserAttributes>& all) {
  if (auto ok = all_known(work, app, all); !ok) return ok;
  const auto names = work.tables.attribute_names(app);
  for (const UserAttributes& each : all)
    for (const auto& [name, value] : each.attributes)
      if (std::ranges::none_of(names, [&](const auto& named) { return named.second == name; }))
        return refuse(Code::Malformed, "Attrs: \"" + name + "\" is none of the app's: name it by im_set_attr_name");
  for (const UserAttributes& each : all)
    for (const auto& [name, value] : each.attributes) work.tables.set_attribute({app, each.user}, name, value);
  return {};
}

Answer<void> remove_attributes(Work& work, AppId app, const std::vector<UserAttributes>& all) {
  if (auto ok = all_known(work, app, all); !ok) return ok;
  for (const UserAttributes& each : all)
    for (const auto& [name, value] : each.attributes) work.tables.erase_attribute({app, each.user}, name);
  return {};
}

Answer<std::vector<UserAttributes>> attributes(Work& work, AppId app, const std::vector<std::string>& users) {
  if (auto ok = all_known(work, app, users); !ok) return std::unexpected(std::move(ok.error()));
  const auto names = work.tables.attribute_names(app);
  std::vector<UserAttributes> out;
  for (const std::string& user : users) {
    out.push_back({user, work.tables.attributes({app, user})});
    std::erase_if(out.back().attributes, [&](const auto& value) {  // of a name that is the app's no more
      return std::ranges::none_of(names, [&](const auto& name) { return name.second == value.first; });
    });
  }
  return out;
}

Answer<void> add_tags(Work& work, AppId app, const std::vector<UserTags>& all) {
  if (auto ok = all_known(work, app, all); !ok) return ok;
  std::map<std::string, std::vector<std::string>> after;  // of a user who is named twice, too
  for (const UserTags& each : all) {
    auto [at, is_new] = after.try_emplace(each.user);
    if (is_new) at->second = work.tables.tags({app, each.user});
    for (const std::string& tag : each.tags)
      if (std::ranges::find(at->second, tag) == at->second.end()) at->second.push_back(tag);
    if (at->second.size() > kUserTagsMax)
      return refuse(Code::Malformed, "Tags: more than " + std::to_string(kUserTagsMax) + " of " + each.user);
  }
  for (const UserTags& each : all)
    for (const std::string& tag : each.tags) work.tables.add_tag({app, each.user}, tag);
  return {};
}

Answer<void> remove_tags(Work& work, AppId app, const std::vector<UserTags>& all) {
  if (auto ok = all_known(work, app, all); !ok) return ok;
  for (const UserTags& each : all)
    for (const std::string& tag : each.tags) work.tables.erase_tag({app, each.user}, tag);
  return {};
}

Answer<void> remove_all_tags(Work& work, AppId app, const std::vector<std::string>& users) {
  if (auto ok = all_known(work, app, users); !ok) return ok;
  for (const std::string& user : users) work.tables.erase_tags({app, user});
  return {};
}

Answer<std::vector<UserTags>> tags(Work& work, AppId app, const std::vector<std::string>& users) {
  if (auto ok = all_known(work, app, users); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<UserTags> out;
  for (const std::string& user : users) out.push_back({user, work.tables.tags({app, user})});
  return out;
}

Answer<std::vector<MassPushTask>> mass_pushes(Work& work) {
  std::vector<MassPushTask> out;
  for (const auto& [id, begun_all] : work.tables.mass_tasks_open()) {
    const auto task = work.tables.mass_task(id);
    const bool runs = task && task->state == static_cast<std::int64_t>(MassPushState::Runs);
    out.push_back({.id = id, .begun_all = begun_all || !runs, .open = work.tables.mass_chunks(id)});
  }
  return out;
}

Answer<MassPushStep> mass_push_step(Work& work, std::int64_t id) {
  auto task = work.tables.mass_task(id);
  if (!task || task->begun_all || task->state != static_cast<std::int64_t>(MassPushState::Runs))
    return MassPushStep{.begun_all = true};
  const MassPushLimits& limits = work.options.mass_push;
  const bool stored = task->lifetime_ms > 0;
  const std::string after = task->cursor;
  const PushChunk next =
      next_users(work, task->app, condition_of(*task),
                 {.after = after,
                  .upto = {},
                  .limit = stored ? std::min(limits.chunk_users, limits.stored_chunk) : limits.chunk_users});
  MassPushStep out{.users = next.users.size(), .begun_all = next.last};
  if (!next.users.empty()) {
    out.chunk = ++task->chunks;
    work.tables.add_mass_chunk(id, {out.chunk, after, next.users.back()});
  }
  if (stored)
    for (const std::string& user : next.users)
      if (user != task->from) store_for(work, *task, user);
  if (!next.last) task->cursor = next.upto;
  task->users += static_cast<std::int64_t>(next.users.size());
  task->begun_all = next.last;
  work.tables.advance_mass_task(*task);
  end_if_done(work, *task);
  return out;
}

Answer<std::optional<MassPushChunk>> mass_push_chunk(Work& work, std::int64_t id, std::int64_t number) {
  const auto task = work.tables.mass_task(id);
  const auto row = task ? work.tables.mass_chunk(id, number) : std::nullopt;
  if (!row) return std::nullopt;
  const auto sender = work.tables.account({task->app, task->from});
  MassPushChunk out{.task = id,
                    .chunk = number,
                    .app = task->app,
                    .at = task->at,
                    .message = {.at = task->at,
                                .from = task->from,
                                .nick = sender ? sender->nick : std::string(),
                                .face = sender ? sender->face : std::string(),
                                .client_id = mass_push_name(id),
                                .elements = task->elements,
                                .push = task->push},
                    .stored = task->lifetime_ms > 0,
                    .receivers = {}};
  const PushCondition condition = condition_of(*task);
  std::string after = row->after;
  for (bool last = false; !last && !work.tables.failure();) {  // once, unless users came meanwhile
    const PushChunk next = next_users(work, task->app, condition,
                                      {.after = after, .upto = row->upto, .limit = work.options.mass_push.chunk_users});
    last = next.last;
    after = next.upto;
    for (const std::string& user : next.users) {
      const UserKey key{task->app, user};
      if (user == task->from) continue;
      if (out.stored && !out.message.expires)  // those of a chunk were stored together, maybe long after the task began
        if (const auto own = work.tables.sent({task->app, task->from}, name_for(*task, user)))
          out.message.expires = own->at + milliseconds(task->lifetime_ms);
      const std::vector<TerminalRow> terminals = work.tables.terminals(key);
      if (std::ranges::none_of(terminals, [](const auto& each) { return each.state == TerminalState::LoggedIn; }))
        continue;
      out.receivers.push_back(
          {.user = user, .unread_total = unread_total(work.tables, key), .targets = push_targets(work.tables, key)});
    }
  }
  return out;
}

void finish_mass_chunk(Work& work, std::int64_t id, std::int64_t chunk) {
  work.tables.erase_mass_chunk(id, chunk);
  if (const auto task = work.tables.mass_task(id)) end_if_done(work, *task);
}

bool note_mass_push_outcome(Work& work, const PushOutcome& outcome, MassOutcomesByTask& all) {
  const auto id = mass_push_of_event(outcome.event_id);
  if (!id) return false;
  const auto [at, is_new] = all.try_emplace(*id);
  auto& [task, more] = at->second;
  if (is_new) task = work.tables.mass_task(*id);
  if (!task || task->app != outcome.app) return true;  // of another installation, or forgotten
  more.id = *id;
  (outcome.code != 0    ? more.failed
   : outcome.stage == 1 ? more.pushed
   : outcome.stage == 2 ? more.delivered
                        : more.clicked) += 1;
  if (!wants_callback(work, outcome.app, Callback::MassPushResult)) return true;
  std::string event = "{";
  append_json_member(event, "CallbackCommand", traits_of(Callback::MassPushResult).command);
  append_json_member(event, "EventType", 1);  // offline; a message that came live has no result
  append_json_member(event, "TaskId", mass_push_name(*id));
  append_json_member(event, "TaskTime", callback_second(task->at));
  append_json_member(event, "EventTime", callback_second(outcome.at));
  append_json_member(event, "To_Account", outcome.user);
  append_json_member(event, "PushPlatform", outcome.platform);
  append_json_member(event, "PushStage", outcome.stage);
  append_json_member(event, "PushID", outcome.push_id);
  append_json_member(event, "ErrCode", outcome.code);
  append_json_member(event, "ErrInfo", outcome.info);
  append_json_member(event, "EventId", push_outcome_id(outcome));
  note_push_events(work, outcome.app, Callback::MassPushResult, "[" + event + "}]");
  return true;
}

void count_mass_push_outcomes(Work& work, const MassOutcomesByTask& all) {
  for (const auto& [id, counted] : all)
    if (counted.more.id != 0) work.tables.count_mass_outcomes(counted.more);
}

}  // namespace nightpost::im
