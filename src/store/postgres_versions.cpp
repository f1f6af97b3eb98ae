#include <utility>

#include "store/certificate_rows.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {

Result<void> PostgresStore::prune_versions(CertificateId id) {
  const auto kept = static_cast<std::int64_t>(options_.certificate_versions_max);
  auto rows = connection_.change(postgres::kVersionsPrune, id.value, kept);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return {};
}

/// REQUIRED: inside a transaction.
Result<std::vector<CertificateVersion>> PostgresStore::read_versions(CertificateId id) {
  auto rows = connection_.query(postgres::kVersions, id.value);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<CertificateVersion> out;
  while (rows->next()) {
    auto certificate = certificate_in(*rows);
    if (!certificate) return std::unexpected(std::move(certificate.error()));
    out.push_back({.certificate = *std::move(certificate),
                   .written_at = wall_from_ms(rows->integer(10)),
                   .written_by = std::string(rows->text(11)),
                   .in_use = rows->integer(12) != 0});
  }
  if (out.empty()) return std::unexpected(no_certificate(id));
  auto texts = connection_.query(postgres::kVersionTexts, id.value);
  if (!texts) return std::unexpected(std::move(texts.error()));
  while (texts->next()) add_text(out, texts->integer(0), texts->text(1), texts->text(2), texts->text(3));
  return out;
}

Result<std::vector<CertificateVersion>> PostgresStore::certificate_versions(CertificateId id) {
  return reading([&]() -> Result<std::vector<CertificateVersion>> {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Snapshot);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    return read_versions(id);
  });
}

Result<std::vector<CertificateVersion>> PostgresStore::removed_certificates(std::optional<AppId> app) {
  return reading([&]() -> Result<std::vector<CertificateVersion>> {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Snapshot);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    auto rows =
        app ? connection_.query(postgres::kRemovedIds, app->value) : connection_.query(postgres::kRemovedIds, Null{});
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<CertificateVersion> out;
    while (rows->next()) {
      auto versions = read_versions({rows->integer(0)});
      if (!versions) return versions;
      out.push_back(std::move(versions->front()));
    }
    return out;
  });
}

Result<CertificateSecret> PostgresStore::secret_of_version(CertificateId id, std::int64_t version) {
  if (!sealer_) return std::unexpected(no_master_key("read"));
  return reading([&]() -> Result<CertificateSecret> {
    auto rows = connection_.query(postgres::kVersionSecret, id.value, version);
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (!rows->next()) return std::unexpected(no_version(id, version));
    return opened(*sealer_, id, rows->bytes(3), context_of({rows->integer(0)}, rows->text(1), rows->text(2)));
  });
}

Result<Certificate> PostgresStore::roll_back_certificate(CertificateId id, std::int64_t version) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto owner = owner_of(id); !owner && owner.error().code != Errc::NotFound)  // locks the row, if there is one
    return std::unexpected(std::move(owner.error()));
  const auto versions = read_versions(id);
  if (!versions) return std::unexpected(versions.error());
  const auto old = version_in(*versions, id, version);
  if (!old) return std::unexpected(old.error());
  const PostgresQuery& statement = versions->front().in_use ? postgres::kVersionUse : postgres::kVersionRestore;
  if (auto rows = connection_.change(statement, id.value, version, author_); !rows)
    return std::unexpected(rows.error().detail.contains("certificates_name_taken") ? name_taken(**old)
                                                                                   : std::move(rows.error()));
  if (auto set = set_texts(id, **old); !set) return std::unexpected(std::move(set.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto changed = read_certificate(id);
  if (!changed) return changed;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return changed;
}

Result<std::size_t> PostgresStore::purge_certificate(CertificateId id) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = connection_.change(postgres::kVersionsPurge, id.value);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return static_cast<std::size_t>(*rows);
}

Result<Rekeyed> PostgresStore::rekey_certificates() {
  if (!sealer_) return std::unexpected(no_master_key("sealed"));
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = connection_.query(postgres::kSecretsLock);
  if (rows) rows = connection_.query(postgres::kSecretsAll);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<SealedRow> sealed;
  while (rows->next())
    sealed.push_back({.id = {rows->integer(0)},
                      .version = rows->integer(1),
                      .context = context_of({rows->integer(2)}, rows->text(3), rows->text(4)),
                      .secret = rows->bytes(5)});
  Rekeyed out = rekey(*sealer_, sealed);
  for (const SealedRow& row : sealed) {
    auto done = row.version == 0
                    ? connection_.change(postgres::kSecretSet, row.id.value, Blob{row.secret})
                    : connection_.change(postgres::kVersionSecretSet, row.id.value, row.version, Blob{row.secret});
    if (!done) return std::unexpected(std::move(done.error()));
  }
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::store
