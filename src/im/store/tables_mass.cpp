// Pushes to all, and what their conditions look at.
#include <utility>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

MassTaskRow mass_task_row(const sql::Rows& rows) {
  return {.id = rows.integer(0),
          .app = {rows.integer(1)},
          .random = rows.integer(2),
          .from = std::string(rows.text(3)),
          .elements = std::string(rows.text(4)),
          .push = std::string(rows.text(5)),
          .lifetime_ms = rows.integer(6),
          .condition = rows.integer(7),
          .keys = std::string(rows.text(8)),
          .at = wall_from_ms(rows.integer(9)),
          .state = rows.integer(10),
          .begun_all = rows.integer(11) != 0,
          .cursor = std::string(rows.text(12)),
          .chunks = rows.integer(13),
          .users = rows.integer(14),
          .pushed = rows.integer(15),
          .failed = rows.integer(16),
          .delivered = rows.integer(17),
          .clicked = rows.integer(18)};
}

}  // namespace

std::int64_t Tables::add_mass_task(const MassTaskRow& row) {
  std::int64_t out = 0;
  each(mass_.task_add.query(row.app.value, row.random, row.from, row.elements, row.push, row.lifetime_ms, row.condition,
                            row.keys, to_ms(row.at)),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::optional<MassTaskRow> Tables::mass_task(std::int64_t id) {
  std::optional<MassTaskRow> out;
  each(mass_.task.query(id), [&](const sql::Rows& rows) { out = mass_task_row(rows); });
  return out;
}

std::int64_t Tables::mass_task_named(AppId app, std::int64_t random, WallTime since) {
  std::int64_t out = 0;
  each(mass_.task_named.query(app.value, random, to_ms(since)), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::size_t Tables::mass_tasks_running(AppId app) {
  std::size_t out = 0;
  each(mass_.tasks_running.query(app.value),
       [&](const sql::Rows& rows) { out = static_cast<std::size_t>(rows.integer(0)); });
  return out;
}

std::vector<std::pair<std::int64_t, bool>> Tables::mass_tasks_open() {
  std::vector<std::pair<std::int64_t, bool>> out;
  each(mass_.tasks_open.query(),
       [&](const sql::Rows& rows) { out.emplace_back(rows.integer(0), rows.integer(1) != 0); });
  return out;
}

void Tables::advance_mass_task(const MassTaskRow& row) {
  change(mass_.task_advance, row.id, row.cursor, row.chunks, row.users, row.begun_all);
}

void Tables::end_mass_task(std::int64_t id, std::int64_t state) { change(mass_.task_state, id, state); }

void Tables::count_mass_outcomes(const MassTaskRow& more) {
  change(mass_.task_count, more.id, more.pushed, more.failed, more.delivered, more.clicked);
}

std::size_t Tables::prune_mass_tasks(WallTime before, std::size_t limit) {
  std::vector<std::int64_t> old;
  each(mass_.tasks_old.query(to_ms(before), limit), [&](const sql::Rows& rows) { old.push_back(rows.integer(0)); });
  for (const std::int64_t id : old) change(mass_.task_erase, id);
  return old.size();
}

void Tables::add_mass_chunk(std::int64_t task, const MassChunkRow& row) {
  change(mass_.chunk_add, task, row.chunk, row.after, row.upto);
}

std::optional<MassChunkRow> Tables::mass_chunk(std::int64_t task, std::int64_t chunk) {
  std::optional<MassChunkRow> out;
  each(mass_.chunk.query(task, chunk),
       [&](const sql::Rows& rows) { out = MassChunkRow{chunk, std::string(rows.text(0)), std::string(rows.text(1))}; });
  return out;
}

std::vector<std::int64_t> Tables::mass_chunks(std::int64_t task) {
  std::vector<std::int64_t> out;
  each(mass_.chunks.query(task), [&](const sql::Rows& rows) { out.push_back(rows.integer(0)); });
  return out;
}

void Tables::erase_mass_chunk(std::int64_t task, std::int64_t chunk) { change(mass_.chunk_erase, task, chunk); }

std::vector<std::string> Tables::users_between(AppId app, const UserSpan& span) {
  return users_of(mass_.accounts.query(app.value, span.after, span.upto, span.limit));
}

std::vector<std::string> Tables::users_tagged(AppId app, std::string_view tag, const UserSpan& span) {
  return users_of(mass_.tagged.query(app.value, span.after, span.upto, span.limit, tag));
}

std::vector<std::string> Tables::users_with(AppId app, std::string_view attribute, std::string_view value,
                                            const UserSpan& span) {
  return users_of(mass_.with_attribute.query(app.value, span.after, span.upto, span.limit, attribute, value));
}

std::vector<std::string> Tables::users_of(sql::Rows&& rows) {
  std::vector<std::string> out;
  each(std::move(rows), [&](const sql::Rows& row) { out.emplace_back(row.text(0)); });
  return out;
}

std::map<std::int64_t, std::string> Tables::attribute_names(AppId app) {
  std::map<std::int64_t, std::string> out;
  each(mass_.names.query(app.value), [&](const sql::Rows& rows) { out.emplace(rows.integer(0), rows.text(1)); });
  return out;
}

void Tables::set_attribute_names(AppId app, const std::map<std::int64_t, std::string>& names) {
  change(mass_.names_erase, app.value);
  for (const auto& [place, name] : names) change(mass_.name_set, app.value, place, name);
}

void Tables::drop_attribute(AppId app, std::string_view name) { change(mass_.drop_add, app.value, name); }

bool Tables::is_dropped(AppId app, std::string_view name) {
  bool out = false;
  each(mass_.drop.query(app.value, name), [&](const sql::Rows&) { out = true; });
  return out;
}

bool Tables::prune_dropped_attributes(std::size_t limit) {
  std::optional<std::pair<AppId, std::string>> next;
  each(mass_.drop_next.query(),
       [&](const sql::Rows& rows) { next.emplace(AppId{rows.integer(0)}, std::string(rows.text(1))); });
  if (!next) return false;
  const auto& [app, name] = *next;
  if (static_cast<std::size_t>(changed(mass_.values_erase, app.value, name, limit)) < limit)
    change(mass_.drop_erase, app.value, name);
  return true;
}

void Tables::set_attribute(const UserKey& who, std::string_view name, std::string_view value) {
  change(mass_.attribute_set, who.app.value, who.user, name, value);
}

void Tables::erase_attribute(const UserKey& who, std::string_view name) {
  change(mass_.attribute_erase, who.app.value, who.user, name);
}

std::map<std::string, std::string> Tables::attributes(const UserKey& who) {
  std::map<std::string, std::string> out;
  each(mass_.attributes.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.emplace(rows.text(0), rows.text(1)); });
  return out;
}

void Tables::add_tag(const UserKey& who, std::string_view tag) { change(mass_.tag_add, who.app.value, who.user, tag); }

void Tables::erase_tag(const UserKey& who, std::string_view tag) {
  change(mass_.tag_erase, who.app.value, who.user, tag);
}

void Tables::erase_tags(const UserKey& who) { change(mass_.tags_erase, who.app.value, who.user); }

std::vector<std::string> Tables::tags(const UserKey& who) {
  return users_of(mass_.tags.query(who.app.value, who.user));
}

void Tables::remove_marks(const UserKey& who) {
  erase_tags(who);
  change(mass_.attributes_erase, who.app.value, who.user);
}

}  // namespace nightpost::im
