// Removals that are held.
#include <algorithm>
#include <vector>

#include "store/limits.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {

Result<void> PostgresStore::keep_removals(const RemovalHold& hold, std::int64_t version,
                                          std::span<const HeldRemoval> removals, const KeptLimits& limits) {
  const std::int64_t id = hold.certificate.value;
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto locked = connection_.query(postgres::kHoldsLockOld, id, to_ms(limits.oldest)); !locked)
    return std::unexpected(std::move(locked.error()));
  const auto pruned = connection_.change(postgres::kHoldsPrune, to_ms(limits.oldest));
  if (!pruned) return std::unexpected(pruned.error());
  if (*pruned > 0)
    if (auto rows = connection_.change(postgres::kHeldPrune); !rows) return std::unexpected(std::move(rows.error()));
  auto known = connection_.query(postgres::kHoldsLock, id);
  if (!known) return std::unexpected(std::move(known.error()));
  if (!known->next() || known->integer(0) != version) return transaction->commit();
  std::size_t room = limits.devices_max - std::min(limits.devices_max, static_cast<std::size_t>(known->integer(1)));
  std::size_t unkept = hold.unkept;
  PostgresArray apps, users, devices, times;
  for (const HeldRemoval& each : removals) {
    if (room == 0 || !is_postgres_text(each.user_id) || !is_postgres_text(each.device_id)) {
      ++unkept;
      continue;
    }
    --room;
    apps.add(each.app.value);
    users.add(each.user_id);
    devices.add(each.device_id);
    times.add(to_ms(each.registered_at));
  }
  const std::string code = is_postgres_text(hold.code) ? hold.code : std::string();
  auto rows = connection_.change(postgres::kHeldAdd, id, hold.worker, apps, users, devices, times);
  if (rows) rows = connection_.change(postgres::kHoldSet, id, hold.worker, hold.heard, code, to_ms(hold.last), unkept);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<void> PostgresStore::forget_removals(CertificateId certificate) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto locked = connection_.query(postgres::kHoldsLock, certificate.value); !locked)
    return std::unexpected(std::move(locked.error()));
  for (const PostgresQuery* forget : {&postgres::kHeldForget, &postgres::kHoldsRemove})
    if (auto rows = connection_.change(*forget, certificate.value); !rows)
      return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<RemovalHold>> PostgresStore::removal_holds(std::optional<AppId> app) {
  return reading([&]() -> Result<std::vector<RemovalHold>> {
    auto rows = app ? connection_.query(postgres::kHolds, app->value) : connection_.query(postgres::kHolds, Null{});
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<RemovalHold> all;
    while (rows->next())
      all.push_back({.certificate = {rows->integer(0)},
                     .worker = std::string(rows->text(1)),
                     .heard = std::string(rows->text(2)),
                     .code = std::string(rows->text(3)),
                     .since = wall_from_ms(rows->integer(4)),
                     .last = wall_from_ms(rows->integer(5)),
                     .kept = static_cast<std::size_t>(rows->integer(7)),
                     .unkept = static_cast<std::size_t>(rows->integer(6))});
    return all;
  });
}

Result<void> PostgresStore::approve_removals(CertificateId certificate, WallTime until) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (const auto owner = owner_of(certificate); !owner) return std::unexpected(owner.error());
  if (auto rows = connection_.change(postgres::kApprovalSet, certificate.value, to_ms(until)); !rows)
    return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<RemovalApproval>> PostgresStore::removal_approvals() {
  return reading([&]() -> Result<std::vector<RemovalApproval>> {
    auto rows = connection_.query(postgres::kApprovals);
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<RemovalApproval> all;
    while (rows->next()) all.push_back({{rows->integer(0)}, rows->integer(1), wall_from_ms(rows->integer(2))});
    return all;
  });
}

Result<Store::RemovedHeld> PostgresStore::remove_held(CertificateId certificate, std::size_t limit) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  // One after the other, so that nobody takes rows that another has in hand for the end of all.
  if (auto locked = connection_.query(postgres::kHoldsLock, certificate.value); !locked)
    return std::unexpected(std::move(locked.error()));
  auto rows = connection_.query(postgres::kHeldRemove, certificate.value, bounded(limit));
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (!rows->next()) return fail(Errc::Io, "held_removals: the server gave no count");
  const RemovedHeld told{static_cast<std::size_t>(rows->integer(0)), static_cast<std::size_t>(rows->integer(1))};
  if (told.looked_at < limit)
    if (auto gone = connection_.change(postgres::kHoldsRemove, certificate.value); !gone)
      return std::unexpected(std::move(gone.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return told;
}

}  // namespace nightpost::store
