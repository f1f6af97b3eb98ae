#include <algorithm>
#include <tuple>

#include "store/bulk.h"
#include "store/limits.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
Result<void> read_device(const PostgresRows& rows, Device& device) {
  const auto platform = platform_from(rows.text(1));
  const auto kind = token_kind_from(rows.text(4));
  const auto state = device_state_from(rows.text(6));
  if (!platform || !kind || !state) return fail(Errc::Io, "devices: a row holds a word this binary does not know");
  device.device_id = rows.text(0);
  device.platform = *platform;
  device.certificate = {rows.integer(2)};
  device.token = DeviceToken(std::string(rows.text(3)), *kind);
  device.registered_at = wall_from_ms(rows.integer(5));
  device.state = *state;
  device.badge_base = static_cast<std::int32_t>(rows.integer(7));
  device.language = rows.text(8);
  return {};
}

Result<PostgresTransaction> PostgresStore::write_of_user(AppId app, std::string_view user_id) {
  auto transaction = write();
  if (!transaction) return transaction;
  if (auto locked = connection_.query(postgres::kLockUser, app.value, user_id); !locked)
    return std::unexpected(std::move(locked.error()));
  return transaction;
}

Result<void> PostgresStore::set_device(AppId app, std::string_view user_id, const Device& device) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(device); !ok) return ok;
  auto transaction = write_of_user(app, user_id);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto beside = count(connection_.query(postgres::kDevicesBeside, app.value, user_id, device.device_id));
  if (!beside) return std::unexpected(beside.error());
  if (static_cast<std::size_t>(*beside) >= options_.devices_per_user_max)
    return fail(Errc::Malformed, too_many_devices(static_cast<std::size_t>(*beside)));
  if (!device.token.text().empty()) {
    auto old = connection_.query(postgres::kLockToken, app.value, device.certificate.value, device.token.text());
    if (old)
      old = connection_.query(postgres::kTokenTake, app.value, device.certificate.value, device.token.text(), user_id,
                              device.device_id, to_ms(device.registered_at));
    if (!old) return std::unexpected(std::move(old.error()));
    if (old->next() && old->flag(0)) return {};  // registered later by another row
  }
  auto rows = connection_.change(postgres::kDeviceSet, app.value, user_id, device.device_id, name_of(device.platform),
                                 device.certificate.value, device.token.text(), name_of(device.token.kind()),
                                 to_ms(device.registered_at), device.language);
  if (rows)
    rows = connection_.change(postgres::kDeviceStateSet, app.value, user_id, device.device_id, name_of(device.state),
                              device.badge_base);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<void> PostgresStore::remove_device(AppId app, std::string_view user_id, std::string_view device_id) {
  Result<std::int64_t> rows = 0;
  if (is_postgres_text(user_id) && is_postgres_text(device_id)) {
    auto transaction = write();
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    rows = connection_.change(postgres::kDeviceRemove, app.value, user_id, device_id);
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (auto done = transaction->commit(); !done) return done;
  }
  if (*rows == 0) return fail(Errc::NotFound, "devices: this user has none with that id");
  return {};
}

Result<std::vector<Store::DeviceRow>> PostgresStore::devices(AppId app, std::optional<std::string_view> user_id,
                                                             std::size_t limit) {
  if (user_id && !is_postgres_text(*user_id)) return {};
  return reading([&] {
    return read_devices(user_id ? connection_.query(postgres::kDevicesOfUser, app.value, bounded(limit), *user_id)
                                : connection_.query(postgres::kDevicesOfApp, app.value, bounded(limit)));
  });
}

Result<std::vector<Store::DeviceRow>> PostgresStore::devices_with_token(CertificateId certificate,
                                                                        std::string_view token, std::size_t limit) {
  if (!is_postgres_text(token)) return {};
  return reading([&] {
    return read_devices(connection_.query(postgres::kDevicesOfToken, token, certificate.value, bounded(limit)));
  });
}

Result<std::vector<Store::DeviceRow>> PostgresStore::read_devices(Result<PostgresRows> rows) {
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<DeviceRow> out;
  while (rows->next()) {
    DeviceRow& row = out.emplace_back(DeviceRow{{rows->integer(10)}, std::string(rows->text(9)), {}});
    if (auto read = read_device(*rows, row.device); !read) return std::unexpected(std::move(read.error()));
  }
  return out;
}

Result<bool> PostgresStore::remove_token(AppId app, std::string_view user_id, const Device& device) {
  const DeviceRow row{app, std::string(user_id), device};
  const auto gone = remove_tokens({&row, 1});
  if (!gone) return std::unexpected(gone.error());
  return gone->front();
}

Result<std::vector<bool>> PostgresStore::remove_tokens(std::span<const DeviceRow> rows) {
  const auto key = [&](std::size_t i) {
    const Device& device = rows[i].device;
    return std::tuple(rows[i].app, std::string_view(rows[i].user_id), std::string_view(device.device_id),
                      std::string_view(device.token.text()), device.registered_at, i);
  };
  std::vector<std::size_t> order;  // by key, so that two who remove the same do not wait for each other in a circle
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (is_postgres_text(rows[i].user_id) && is_postgres_text(rows[i].device.device_id) &&
        is_postgres_text(rows[i].device.token.text()))
      order.push_back(i);
  std::ranges::sort(order, {}, key);
  // Of equal ones the first goes.
  const auto same = [&](std::size_t one, std::size_t two) {
    auto a = key(one), b = key(two);
    std::get<5>(a) = std::get<5>(b);
    return a == b;
  };
  order.erase(std::ranges::unique(order, same).begin(), order.end());
  std::vector<bool> gone(rows.size(), false);
  if (order.empty()) return gone;
  PostgresArray apps, users, ids, tokens, times;
  for (const std::size_t i : order) {
    apps.add(rows[i].app.value);
    users.add(rows[i].user_id);
    ids.add(rows[i].device.device_id);
    tokens.add(rows[i].device.token.text());
    times.add(to_ms(rows[i].device.registered_at));
  }
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto deleted = connection_.query(postgres::kTokensRemove, apps, users, ids, tokens, times);
  if (!deleted) return std::unexpected(std::move(deleted.error()));
  while (deleted->next()) gone.at(order.at(static_cast<std::size_t>(deleted->integer(0)) - 1)) = true;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return gone;
}

Result<bool> PostgresStore::move_token(const DeviceRow& row, const DeviceToken& to, WallTime at) {
  Device moved = row.device;
  moved.token = to;
  moved.registered_at = at;
  if (auto ok = check_user(row.app, row.user_id); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = check(moved); !ok) return std::unexpected(std::move(ok.error()));
  if (!is_postgres_text(row.device.token.text())) return false;
  auto transaction = write_of_user(row.app, row.user_id);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const Device& old = row.device;
  auto others = connection_.query(postgres::kLockToken, row.app.value, old.certificate.value, to.text());
  if (others)
    others = connection_.query(postgres::kTokenTake, row.app.value, old.certificate.value, to.text(), row.user_id,
                               old.device_id, to_ms(at));
  if (!others) return std::unexpected(std::move(others.error()));
  const bool is_old = others->next() && others->flag(0);  // registered later by another row
  auto rows =
      is_old ? connection_.change(postgres::kTokenRemove, row.app.value, row.user_id, old.device_id, old.token.text(),
                                  to_ms(old.registered_at))
             : connection_.change(postgres::kTokenMove, row.app.value, row.user_id, old.device_id, old.token.text(),
                                  to_ms(old.registered_at), to.text(), name_of(to.kind()), to_ms(at));
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (*rows == 0) return false;  // and nobody loses the token to it
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return true;
}

Result<void> PostgresStore::set_settings(AppId app, std::string_view user_id, const PushSettings& settings) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(settings); !ok) return ok;
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = connection_.change(postgres::kSettingsSet, app.value, user_id, settings.enabled, settings.language,
                                 settings.sound_c2c, settings.sound_group, settings.badge);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<void> PostgresStore::set_mute(AppId app, std::string_view user_id, const Mute& mute) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(mute); !ok) return ok;
  auto transaction = write_of_user(app, user_id);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto beside =
      count(connection_.query(postgres::kMutesBeside, app.value, user_id, name_of(mute.kind), mute.target));
  if (!beside) return std::unexpected(beside.error());
  if (static_cast<std::size_t>(*beside) >= options_.mutes_per_user_max)
    return fail(Errc::Malformed, "mutes: this user already has " + std::to_string(*beside) +
                                     ", as many as store.mutes_per_user_max allows");
  auto rows = connection_.change(postgres::kMuteSet, app.value, user_id, name_of(mute.kind), mute.target,
                                 to_ms(mute.until), mute.unless_mentioned);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<void> PostgresStore::remove_mute(AppId app, std::string_view user_id, Mute::Kind kind, std::string_view target) {
  if (!is_postgres_text(user_id) || !is_postgres_text(target)) return {};
  auto transaction = write_of_user(app, user_id);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = connection_.change(postgres::kMuteRemove, app.value, user_id, name_of(kind), target);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::int64_t> PostgresStore::count(Result<PostgresRows> rows) {
  if (!rows) return std::unexpected(std::move(rows.error()));
  return rows->next() ? rows->integer(0) : 0;
}

}  // namespace nightpost::store
