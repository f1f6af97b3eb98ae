#include "store/bulk.h"
#include "store/limits.h"
#include "store/sqlite_store.h"

namespace nightpost::store {

Result<void> read_device(const Rows& rows, Device& device) {
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

Result<void> SqliteStore::set_device(AppId app, std::string_view user_id, const Device& device) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(device); !ok) return ok;
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto beside = count(queries_.devices_beside.query(app.value, user_id, device.device_id));
  if (!beside) return std::unexpected(beside.error());
  if (static_cast<std::size_t>(*beside) >= options_.devices_per_user_max)
    return fail(Errc::Malformed, too_many_devices(static_cast<std::size_t>(*beside)));
  if (auto written = write_device(app, user_id, device); !written) return written;
  return transaction->commit();
}

/// False: somebody has registered the token later.
Result<bool> SqliteStore::take_token(AppId app, std::string_view user_id, const Device& device) {
  if (device.token.text().empty()) return true;
  std::int64_t others = 0, latest = 0;
  Rows rows =
      queries_.token_others.query(device.token.text(), device.certificate.value, app.value, user_id, device.device_id);
  while (rows.next()) {
    others = rows.integer(0);
    latest = rows.integer(1);
  }
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  if (others == 0) return true;
  if (latest > to_ms(device.registered_at)) return false;
  auto gone =
      queries_.token_take.change(device.token.text(), device.certificate.value, app.value, user_id, device.device_id);
  if (!gone) return std::unexpected(std::move(gone.error()));
  return true;
}

Result<void> SqliteStore::write_device(AppId app, std::string_view user_id, const Device& device) {
  const auto taken = take_token(app, user_id, device);
  if (!taken) return std::unexpected(taken.error());
  if (!*taken) return {};
  auto rows = queries_.device_set.change(app.value, user_id, device.device_id, name_of(device.platform),
                                         device.certificate.value, device.token.text(), name_of(device.token.kind()),
                                         to_ms(device.registered_at), name_of(device.state), device.badge_base,
                                         device.language);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<void> SqliteStore::remove_device(AppId app, std::string_view user_id, std::string_view device_id) {
  auto rows = queries_.device_remove.change(app.value, user_id, device_id);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (*rows == 0) return fail(Errc::NotFound, "devices: this user has none with that id");
  return {};
}

Result<std::vector<Store::DeviceRow>> SqliteStore::devices(AppId app, std::optional<std::string_view> user_id,
                                                           std::size_t limit) {
  const auto most = static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
  return read_devices(user_id ? queries_.devices_of_user.query(app.value, most, *user_id)
                              : queries_.devices_of_app.query(app.value, most));
}

Result<std::vector<Store::DeviceRow>> SqliteStore::devices_with_token(CertificateId certificate, std::string_view token,
                                                                      std::size_t limit) {
  const auto most = static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
  return read_devices(queries_.devices_of_token.query(token, certificate.value, most));
}

Result<std::vector<Store::DeviceRow>> SqliteStore::read_devices(Rows&& rows) {
  std::vector<DeviceRow> out;
  while (rows.next()) {
    DeviceRow& row = out.emplace_back(DeviceRow{{rows.integer(10)}, std::string(rows.text(9)), {}});
    if (auto read = read_device(rows, row.device); !read) return std::unexpected(std::move(read.error()));
  }
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<std::vector<bool>> SqliteStore::remove_tokens(std::span<const DeviceRow> rows) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<bool> gone;
  for (const DeviceRow& row : rows) {
    const auto removed = remove_token(row.app, row.user_id, row.device);
    if (!removed) return std::unexpected(removed.error());
    gone.push_back(*removed);
  }
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return gone;
}

Result<bool> SqliteStore::remove_token(AppId app, std::string_view user_id, const Device& device) {
  auto rows = queries_.token_remove.change(app.value, user_id, device.device_id, device.token.text(),
                                           to_ms(device.registered_at));
  if (!rows) return std::unexpected(std::move(rows.error()));
  return *rows > 0;
}

Result<bool> SqliteStore::move_token(const DeviceRow& row, const DeviceToken& to, WallTime at) {
  Device moved = row.device;
  moved.token = to;
  moved.registered_at = at;
  if (auto ok = check(moved); !ok) return std::unexpected(std::move(ok.error()));
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto taken = take_token(row.app, row.user_id, moved);
  if (!taken) return std::unexpected(taken.error());
  const Device& old = row.device;
  auto rows = *taken ? queries_.token_move.change(row.app.value, row.user_id, old.device_id, old.token.text(),
                                                  to_ms(old.registered_at), to.text(), name_of(to.kind()), to_ms(at))
                     : queries_.token_remove.change(row.app.value, row.user_id, old.device_id, old.token.text(),
                                                    to_ms(old.registered_at));
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (*rows == 0) return false;  // and nobody loses the token to it
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return true;
}

Result<void> SqliteStore::set_settings(AppId app, std::string_view user_id, const PushSettings& settings) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(settings); !ok) return ok;
  return write_settings(app, user_id, settings);
}

Result<void> SqliteStore::write_settings(AppId app, std::string_view user_id, const PushSettings& settings) {
  auto rows = queries_.settings_set.change(app.value, user_id, settings.enabled, settings.language, settings.sound_c2c,
                                           settings.sound_group, settings.badge);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<void> SqliteStore::set_mute(AppId app, std::string_view user_id, const Mute& mute) {
  if (auto ok = check_user(app, user_id); !ok) return ok;
  if (auto ok = check(mute); !ok) return ok;
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto beside = count(queries_.mutes_beside.query(app.value, user_id, name_of(mute.kind), mute.target));
  if (!beside) return std::unexpected(beside.error());
  if (static_cast<std::size_t>(*beside) >= options_.mutes_per_user_max)
    return fail(Errc::Malformed, "mutes: this user already has " + std::to_string(*beside) +
                                     ", as many as store.mutes_per_user_max allows");
  if (auto written = write_mute(app, user_id, mute); !written) return written;
  return transaction->commit();
}

Result<void> SqliteStore::write_mute(AppId app, std::string_view user_id, const Mute& mute) {
  auto rows = queries_.mute_set.change(app.value, user_id, name_of(mute.kind), mute.target, to_ms(mute.until),
                                       mute.unless_mentioned);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<void> SqliteStore::remove_mute(AppId app, std::string_view user_id, Mute::Kind kind, std::string_view target) {
  auto rows = queries_.mute_remove.change(app.value, user_id, name_of(kind), target);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

Result<std::int64_t> SqliteStore::count(Rows&& rows) {
  std::int64_t out = 0;
  while (rows.next()) out = rows.integer(0);
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::store
