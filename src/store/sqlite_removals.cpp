// Removals that are held.
#include <algorithm>
#include <vector>

#include "store/limits.h"
#include "store/sqlite_store.h"

namespace nightpost::store {

Result<void> SqliteStore::keep_removals(const RemovalHold& hold, std::int64_t version,
                                        std::span<const HeldRemoval> removals, const KeptLimits& limits) {
  const std::int64_t id = hold.certificate.value;
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto pruned = queries_.holds_prune.change(to_ms(limits.oldest));
  if (!pruned) return std::unexpected(pruned.error());
  if (*pruned > 0)
    if (auto rows = queries_.held_prune.change(); !rows) return std::unexpected(std::move(rows.error()));
  const auto current = count(queries_.certificate_version.query(id));
  if (!current) return std::unexpected(current.error());
  if (*current != version) return transaction->commit();
  const auto known = count(queries_.held_count.query(id));
  if (!known) return std::unexpected(known.error());
  const std::size_t room = limits.devices_max - std::min(limits.devices_max, static_cast<std::size_t>(*known));
  const std::size_t fits = std::min(room, removals.size());
  for (const HeldRemoval& each : removals.first(fits))
    if (auto rows = queries_.held_add.change(id, hold.worker, each.app.value, each.user_id, each.device_id,
                                             to_ms(each.registered_at));
        !rows)
      return std::unexpected(std::move(rows.error()));
  if (auto rows = queries_.hold_set.change(id, hold.worker, hold.heard, hold.code, to_ms(hold.last),
                                           hold.unkept + removals.size() - fits);
      !rows)
    return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<void> SqliteStore::forget_removals(CertificateId certificate) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  for (Statement* const forget : {&queries_.held_forget, &queries_.holds_remove})
    if (auto rows = forget->change(certificate.value); !rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<RemovalHold>> SqliteStore::removal_holds(std::optional<AppId> app) {
  std::vector<RemovalHold> all;
  Rows rows = app ? queries_.holds.query(app->value) : queries_.holds.query(Null{});
  while (rows.next())
    all.push_back({.certificate = {rows.integer(0)},
                   .worker = std::string(rows.text(1)),
                   .heard = std::string(rows.text(2)),
                   .code = std::string(rows.text(3)),
                   .since = wall_from_ms(rows.integer(4)),
                   .last = wall_from_ms(rows.integer(5)),
                   .kept = static_cast<std::size_t>(rows.integer(7)),
                   .unkept = static_cast<std::size_t>(rows.integer(6))});
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return all;
}

Result<void> SqliteStore::approve_removals(CertificateId certificate, WallTime until) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (const auto owner = owner_of(certificate); !owner) return std::unexpected(owner.error());
  if (auto rows = queries_.approval_set.change(certificate.value, to_ms(until)); !rows)
    return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<RemovalApproval>> SqliteStore::removal_approvals() {
  std::vector<RemovalApproval> all;
  Rows rows = queries_.approvals.query();
  while (rows.next()) all.push_back({{rows.integer(0)}, rows.integer(1), wall_from_ms(rows.integer(2))});
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return all;
}

Result<Store::RemovedHeld> SqliteStore::remove_held(CertificateId certificate, std::size_t limit) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<HeldRemoval> taken;
  {
    Rows rows = queries_.held_take.query(certificate.value, bounded(limit));
    while (rows.next())
      taken.push_back(
          {{rows.integer(0)}, std::string(rows.text(1)), std::string(rows.text(2)), wall_from_ms(rows.integer(3))});
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  }
  RemovedHeld told{.looked_at = taken.size()};
  for (const HeldRemoval& each : taken) {
    const auto gone = queries_.held_device_remove.change(each.app.value, each.user_id, each.device_id,
                                                         to_ms(each.registered_at), certificate.value);
    if (!gone) return std::unexpected(gone.error());
    told.removed += static_cast<std::size_t>(*gone);
    if (auto rows = queries_.held_remove.change(certificate.value, each.app.value, each.user_id, each.device_id); !rows)
      return std::unexpected(std::move(rows.error()));
  }
  if (told.looked_at < limit)
    if (auto rows = queries_.holds_remove.change(certificate.value); !rows)
      return std::unexpected(std::move(rows.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return told;
}

}  // namespace nightpost::store
