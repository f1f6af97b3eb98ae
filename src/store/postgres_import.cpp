// All rows in and out: bulk writes, and pages of an export.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "store/bulk.h"
#include "store/limits.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
namespace {

using UserKey = std::pair<AppId, std::string_view>;
using MuteKey = std::pair<std::string, std::string>;  // kind's name, target

template <class Row>
UserKey key_of(const Row& row) {
  return {row.app, row.user_id};
}

/// The users of these rows, each once, as two lists for `unnest`.
struct Users {
  PostgresArray apps, ids;
  bool empty = true;
};

template <class Row, class Wanted>
Users users_of(std::span<const Row> rows, const std::vector<std::size_t>& order, Wanted wanted) {
  Users out;
  const Row* last = nullptr;
  for (const std::size_t at : order) {
    const Row& row = rows[at];
    if (!wanted(row) || (last != nullptr && of_one_user(*last, row))) continue;
    last = &row;
    out.apps.add(row.app.value);
    out.ids.add(row.user_id);
    out.empty = false;
  }
  return out;
}

}  // namespace

Result<PostgresTransaction> PostgresStore::begin_bulk(bool by_app) {
  auto transaction = write();
  if (!transaction) return transaction;
  if (by_app)
    if (auto set = connection_.run("SET LOCAL nightpost.bulk = on", "store"); !set)
      return std::unexpected(std::move(set.error()));
  if (auto locked = connection_.query(postgres::kLockAllUsers); !locked)
    return std::unexpected(std::move(locked.error()));
  return transaction;
}

Result<void> PostgresStore::end_bulk(PostgresTransaction& transaction, const std::set<AppId>& written) {
  for (const AppId app : written)
    if (auto named = connection_.change(postgres::kAppChanged, app.value); !named)
      return std::unexpected(std::move(named.error()));
  return transaction.commit();
}

Result<std::vector<Store::RefusedRow>> PostgresStore::import_devices(std::span<const DeviceRow> rows, ImportMode mode) {
  std::vector<RefusedRow> refused;
  const std::vector<std::size_t> order = good_rows_by_user(rows, refused);
  if (!order.empty()) {
    const bool by_app = rows_written(rows) > options_.import_named_max;
    auto transaction = begin_bulk(by_app);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    std::map<UserKey, std::set<std::string, std::less<>>> ids;  // of the users' devices
    const Users users = users_of(rows, order, [](const DeviceRow&) { return true; });
    auto there = connection_.query(postgres::kDeviceIds, users.apps, users.ids);
    if (!there) return std::unexpected(std::move(there.error()));
    while (there->next())
      ids[UserKey{{there->integer(0)}, there->text(1)}].emplace(there->text(2));  // `there` outlives the map's use
    std::map<std::pair<UserKey, std::string_view>, const DeviceRow*> last;        // of two for one device it wins
    std::set<AppId> written;
    for (const std::size_t at : order) {
      const DeviceRow& row = rows[at];
      auto& mine = ids[key_of(row)];
      const std::size_t beside = mine.size() - (mine.contains(row.device.device_id) ? 1 : 0);
      if (beside >= options_.devices_per_user_max) {
        refused.push_back({at, too_many_devices(beside)});
        continue;
      }
      mine.insert(row.device.device_id);
      last[{key_of(row), row.device.device_id}] = &row;
      if (by_app) written.insert(row.app);
    }
    PostgresArray apps, names, devices, platforms, certificates, tokens, kinds, times, languages, states, badges;
    for (const auto& [key, row] : last) {
      apps.add(row->app.value);
      names.add(row->user_id);
      devices.add(row->device.device_id);
      platforms.add(name_of(row->device.platform));
      certificates.add(row->device.certificate.value);
      tokens.add(row->device.token.text());
      kinds.add(name_of(row->device.token.kind()));
      times.add(to_ms(row->device.registered_at));
      languages.add(row->device.language);
      states.add(name_of(row->device.state));
      badges.add(row->device.badge_base);
    }
    auto done = connection_.change(postgres::kDevicesImport, apps, names, devices, platforms, certificates, tokens,
                                   kinds, times, languages);
    if (done) done = connection_.change(postgres::kDeviceStatesImport, apps, names, devices, states, badges);
    if (done) done = connection_.change(postgres::kTokensTake, apps, certificates, tokens);
    if (!done) return std::unexpected(std::move(done.error()));
    if (mode == ImportMode::Write)
      if (auto ended = end_bulk(*transaction, written); !ended) return std::unexpected(std::move(ended.error()));
  }
  std::ranges::sort(refused, {}, &RefusedRow::row);
  return refused;
}

Result<std::vector<Store::RefusedRow>> PostgresStore::import_users(std::span<const UserRow> rows, ImportMode mode) {
  std::vector<RefusedRow> refused;
  const std::vector<std::size_t> order = good_rows_by_user(rows, refused);
  if (!order.empty()) {
    const bool by_app = rows_written(rows) > options_.import_named_max;
    auto transaction = begin_bulk(by_app);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    std::map<UserKey, std::set<MuteKey>> mutes;
    const Users users = users_of(rows, order, [](const UserRow& row) { return !row.mutes.empty(); });
    auto there = connection_.query(postgres::kMutesOfUsers, users.apps, users.ids);
    if (!there) return std::unexpected(std::move(there.error()));
    while (there->next()) mutes[UserKey{{there->integer(0)}, there->text(1)}].emplace(there->text(2), there->text(3));
    std::map<UserKey, const PushSettings*> settings;
    std::map<std::pair<UserKey, MuteKey>, const Mute*> last;
    std::set<AppId> written;
    for (const std::size_t at : order) {
      const UserRow& row = rows[at];
      if (!row.mutes.empty()) {
        auto& mine = mutes[key_of(row)];
        std::set<MuteKey> all = mine;
        for (const Mute& mute : row.mutes) all.emplace(name_of(mute.kind), mute.target);
        if (all.size() > options_.mutes_per_user_max) {
          refused.push_back({at, "mutes: this user would have " + std::to_string(all.size()) +
                                     ", more than store.mutes_per_user_max allows"});
          continue;
        }
        mine = std::move(all);
        for (const Mute& mute : row.mutes) last[{key_of(row), {std::string(name_of(mute.kind)), mute.target}}] = &mute;
      }
      if (row.settings) settings[key_of(row)] = &*row.settings;
      if (by_app) written.insert(row.app);
    }
    if (auto done = write_users(settings); !done) return std::unexpected(std::move(done.error()));
    PostgresArray apps, names, kinds, targets, untils, unless;
    for (const auto& [key, mute] : last) {
      apps.add(key.first.first.value);
      names.add(key.first.second);
      kinds.add(name_of(mute->kind));
      targets.add(mute->target);
      untils.add(to_ms(mute->until));
      unless.add(std::int64_t{mute->unless_mentioned});
    }
    if (auto done = connection_.change(postgres::kMutesImport, apps, names, kinds, targets, untils, unless); !done)
      return std::unexpected(std::move(done.error()));
    if (mode == ImportMode::Write)
      if (auto ended = end_bulk(*transaction, written); !ended) return std::unexpected(std::move(ended.error()));
  }
  std::ranges::sort(refused, {}, &RefusedRow::row);
  return refused;
}

Result<void> PostgresStore::write_users(const std::map<std::pair<AppId, std::string_view>, const PushSettings*>& all) {
  PostgresArray apps, names, enabled, languages, c2c, group, badge;
  for (const auto& [key, settings] : all) {
    apps.add(key.first.value);
    names.add(key.second);
    enabled.add(std::int64_t{settings->enabled});
    languages.add(settings->language);
    c2c.add(settings->sound_c2c);
    group.add(settings->sound_group);
    badge.add(std::int64_t{settings->badge});
  }
  auto done = connection_.change(postgres::kSettingsImport, apps, names, enabled, languages, c2c, group, badge);
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

Result<std::vector<Store::DeviceRow>> PostgresStore::devices_after(const DeviceRow& after, std::optional<AppId> app,
                                                                   std::size_t limit) {
  const auto ask = [&](const auto& of) {
    return connection_.query(postgres::kDevicesAfter, after.user_id, after.app.value, after.device.device_id, of,
                             bounded(limit));
  };
  return reading([&] { return read_devices(app ? ask(app->value) : ask(Null{})); });
}

Result<std::vector<Store::UserRow>> PostgresStore::users_after(const UserRow& after, std::optional<AppId> app,
                                                               std::size_t limit) {
  const auto ask = [&](const auto& of) {
    return connection_.query(postgres::kUsersAfter, after.user_id, after.app.value, of, bounded(limit));
  };
  return reading([&]() -> Result<std::vector<UserRow>> {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Snapshot);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    auto rows = app ? ask(app->value) : ask(Null{});
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<UserRow> out;
    PostgresArray apps, names;
    for (std::size_t taken = 0; taken < limit && rows->next();) {
      UserRow& row = out.emplace_back(UserRow{{rows->integer(1)},
                                              std::string(rows->text(0)),
                                              PushSettings{.enabled = rows->flag(2),
                                                           .language = std::string(rows->text(3)),
                                                           .sound_c2c = std::string(rows->text(4)),
                                                           .sound_group = std::string(rows->text(5)),
                                                           .badge = rows->flag(6)},
                                              {}});
      const std::int64_t muted = rows->integer(7);
      taken += 1 + static_cast<std::size_t>(muted);
      if (muted == 0) continue;
      apps.add(row.app.value);
      names.add(row.user_id);
    }
    std::map<std::pair<AppId, std::string_view>, UserRow*> place;
    for (UserRow& row : out) place[{row.app, row.user_id}] = &row;
    auto mutes = connection_.query(postgres::kMutesOfUsers, apps, names);
    if (!mutes) return std::unexpected(std::move(mutes.error()));
    while (mutes->next()) {
      const auto kind = mute_kind_from(mutes->text(2));
      const auto row = place.find({{mutes->integer(0)}, mutes->text(1)});
      if (!kind) return fail(Errc::Io, "mutes: a row holds a word this binary does not know");
      if (row != place.end())
        row->second->mutes.push_back(
            {*kind, std::string(mutes->text(3)), wall_from_ms(mutes->integer(4)), mutes->flag(5)});
    }
    return out;
  });
}

}  // namespace nightpost::store
