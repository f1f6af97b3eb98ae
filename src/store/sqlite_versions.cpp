#include <utility>

#include "store/certificate_rows.h"
#include "store/sqlite_store.h"

namespace nightpost::store {

Result<void> SqliteStore::prune_versions(CertificateId id) {
  const auto kept = static_cast<std::int64_t>(options_.certificate_versions_max);
  auto rows = queries_.versions_prune.change(id.value, kept);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

/// REQUIRED: inside a transaction.
Result<std::vector<CertificateVersion>> SqliteStore::read_versions(CertificateId id) {
  std::vector<CertificateVersion> out;
  {
    Rows rows = queries_.versions.query(id.value);
    while (rows.next()) {
      auto certificate = certificate_in(rows);
      if (!certificate) return std::unexpected(std::move(certificate.error()));
      out.push_back({.certificate = *std::move(certificate),
                     .written_at = wall_from_ms(rows.integer(10)),
                     .written_by = std::string(rows.text(11)),
                     .in_use = rows.integer(12) != 0});
    }
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  }
  if (out.empty()) return std::unexpected(no_certificate(id));
  Rows texts = queries_.version_texts.query(id.value);
  while (texts.next()) add_text(out, texts.integer(0), texts.text(1), texts.text(2), texts.text(3));
  if (auto done = texts.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<std::vector<CertificateVersion>> SqliteStore::certificate_versions(CertificateId id) {
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  return read_versions(id);
}

Result<std::vector<CertificateVersion>> SqliteStore::removed_certificates(std::optional<AppId> app) {
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<CertificateId> ids;
  {
    Rows rows = app ? queries_.removed_ids.query(app->value) : queries_.removed_ids.query(Null{});
    while (rows.next()) ids.push_back({rows.integer(0)});
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  }
  std::vector<CertificateVersion> out;
  out.reserve(ids.size());
  for (const CertificateId id : ids) {
    auto versions = read_versions(id);
    if (!versions) return versions;
    out.push_back(std::move(versions->front()));
  }
  return out;
}

Result<CertificateSecret> SqliteStore::secret_of_version(CertificateId id, std::int64_t version) {
  if (!sealer_) return std::unexpected(no_master_key("read"));
  Rows rows = queries_.version_secret.query(id.value, version);
  if (!rows.next()) {
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
    return std::unexpected(no_version(id, version));
  }
  return opened(*sealer_, id, rows.text(3), context_of({rows.integer(0)}, rows.text(1), rows.text(2)));
}

Result<Certificate> SqliteStore::roll_back_certificate(CertificateId id, std::int64_t version) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto versions = read_versions(id);
  if (!versions) return std::unexpected(versions.error());
  const auto old = version_in(*versions, id, version);
  if (!old) return std::unexpected(old.error());
  Statement& statement = versions->front().in_use ? queries_.version_use : queries_.version_restore;
  if (auto rows = statement.change(id.value, version, author_); !rows)
    return std::unexpected(rows.error().detail.contains("UNIQUE") ? name_taken(**old) : std::move(rows.error()));
  if (auto set = set_texts(id, **old); !set) return std::unexpected(std::move(set.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto changed = read_certificate(id);
  if (!changed) return changed;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return changed;
}

Result<std::size_t> SqliteStore::purge_certificate(CertificateId id) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = queries_.versions_purge.change(id.value);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return static_cast<std::size_t>(*rows);
}

Result<Rekeyed> SqliteStore::rekey_certificates() {
  if (!sealer_) return std::unexpected(no_master_key("sealed"));
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<SealedRow> sealed;
  {
    Rows rows = queries_.secrets_all.query();
    while (rows.next())
      sealed.push_back({.id = {rows.integer(0)},
                        .version = rows.integer(1),
                        .context = context_of({rows.integer(2)}, rows.text(3), rows.text(4)),
                        .secret = std::string(rows.text(5))});
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  }
  Rekeyed out = rekey(*sealer_, sealed);
  for (const SealedRow& row : sealed) {
    auto done = row.version == 0 ? queries_.secret_set.change(row.id.value, Blob{row.secret})
                                 : queries_.version_secret_set.change(row.id.value, row.version, Blob{row.secret});
    if (!done) return std::unexpected(std::move(done.error()));
  }
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::store
