#include <optional>

#include "store/certificate_rows.h"
#include "store/limits.h"
#include "store/sqlite_store.h"

namespace nightpost::store {
namespace {

/// The name's rule is the only one a well-formed certificate can still break.
Error in_sqlite_words(Error error, const Certificate& certificate) {
  return error.detail.contains("UNIQUE") ? name_taken(certificate) : error;
}

}  // namespace

Result<Certificate> SqliteStore::add_certificate(const NewCertificate& certificate) {
  return insert_certificate(std::nullopt, certificate);
}

Result<Certificate> SqliteStore::put_certificate(CertificateId id, const NewCertificate& certificate) {
  return insert_certificate(id, certificate);
}

Result<Certificate> SqliteStore::insert_certificate(std::optional<CertificateId> id,
                                                    const NewCertificate& certificate) {
  const auto secret = sealed(sealer_.get(), certificate);
  if (!secret) return std::unexpected(secret.error());
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (id) {
    const auto known = count(queries_.id_known.query(id->value));
    if (!known) return std::unexpected(known.error());
    if (*known != 0 || id->value < 1) return std::unexpected(id_taken(*id));
  }
  Certificate added = certificate.facts;
  const auto insert = [&](auto id_value) {
    return queries_.certificate_add.change(added.app.value, name_of(added.vendor), added.name, added.bundle_id,
                                           name_of(added.environment), added.host_override, added.ca_pem,
                                           name_of(added.status), Blob{*secret}, author_, id_value);
  };
  auto rows = id ? insert(id->value) : insert(Null{});
  if (!rows) return std::unexpected(in_sqlite_words(std::move(rows.error()), added));
  added.id = CertificateId{sqlite3_last_insert_rowid(connection_.get())};
  added.version = 1;
  if (auto set = set_texts(added.id, added); !set) return std::unexpected(std::move(set.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return added;
}

Result<Certificate> SqliteStore::replace_certificate(CertificateId id, const NewCertificate& certificate,
                                                     std::optional<std::int64_t> made_of) {
  const auto secret = sealed(sealer_.get(), certificate);
  if (!secret) return std::unexpected(secret.error());
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto owner = owner_of(id);
  if (!owner) return std::unexpected(owner.error());
  const Certificate& facts = certificate.facts;
  if (owner->app != facts.app || owner->vendor != facts.vendor)
    return fail(Errc::Malformed, "certificates: an edit cannot move one to another app or vendor; add a new one");
  if (made_of && *made_of != owner->version) return std::unexpected(edited_meanwhile(id, *made_of, owner->version));
  auto rows = queries_.certificate_replace.change(id.value, facts.name, facts.bundle_id, name_of(facts.environment),
                                                  facts.host_override, facts.ca_pem, Blob{*secret}, author_);
  if (!rows) return std::unexpected(in_sqlite_words(std::move(rows.error()), facts));
  if (auto set = set_texts(id, facts); !set) return std::unexpected(std::move(set.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto replaced = read_certificate(id);
  if (!replaced) return replaced;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return replaced;
}

Result<Certificate> SqliteStore::set_certificate_status(CertificateId id, CertificateStatus status) {
  if (!certificate_status_from(name_of(status)))
    return fail(Errc::Malformed, "certificate status: not one of the list");
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = queries_.certificate_status.change(id.value, name_of(status), author_);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto changed = read_certificate(id);
  if (!changed) return changed;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return changed;
}

Result<void> SqliteStore::remove_certificate(CertificateId id) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto owner = owner_of(id);
  if (!owner) return std::unexpected(owner.error());
  const auto devices = count(queries_.certificate_devices.query(owner->app.value, id.value));
  if (!devices) return std::unexpected(devices.error());
  if (*devices > 0) return std::unexpected(certificate_in_use(id, *devices));
  if (auto rows = queries_.certificate_remove.change(id.value); !rows) return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<Certificate>> SqliteStore::certificates(std::optional<AppId> app) {
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<CertificateId> ids;
  {
    Rows rows = app ? queries_.certificate_ids.query(app->value) : queries_.certificate_ids.query(Null{});
    while (rows.next()) ids.push_back({rows.integer(0)});
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  }
  std::vector<Certificate> out;
  out.reserve(ids.size());
  for (const CertificateId id : ids) {
    auto one = read_certificate(id);
    if (!one) return std::unexpected(std::move(one.error()));
    out.push_back(std::move(*one));
  }
  return out;
}

Result<Certificate> SqliteStore::certificate(CertificateId id) {
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  return read_certificate(id);
}

Result<CertificateSecret> SqliteStore::secret(CertificateId id) {
  if (!sealer_) return std::unexpected(no_master_key("read"));
  Rows rows = queries_.certificate_secret.query(id.value);
  if (!rows.next()) {
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
    return std::unexpected(no_certificate(id));
  }
  return opened(*sealer_, id, rows.text(3), context_of({rows.integer(0)}, rows.text(1), rows.text(2)));
}

Result<SqliteStore::Owner> SqliteStore::owner_of(CertificateId id) {
  Rows rows = queries_.certificate_owner.query(id.value);
  if (!rows.next()) {
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
    return std::unexpected(no_certificate(id));
  }
  const auto vendor = vendor_from(rows.text(1));
  if (!vendor) return fail(Errc::Io, "certificates: a row names a vendor this binary does not know");
  return Owner{{rows.integer(0)}, *vendor, rows.integer(2)};
}

Result<void> SqliteStore::set_texts(CertificateId id, const Certificate& certificate) {
  if (auto rows = queries_.facts_clear.change(id.value); !rows) return std::unexpected(std::move(rows.error()));
  if (auto rows = queries_.choices_clear.change(id.value); !rows) return std::unexpected(std::move(rows.error()));
  for (const auto& [key, value] : certificate.facts)
    if (auto rows = queries_.fact_add.change(id.value, key, value); !rows)
      return std::unexpected(std::move(rows.error()));
  for (const auto& [key, value] : certificate.settings)
    if (auto rows = queries_.choice_add.change(id.value, key, value); !rows)
      return std::unexpected(std::move(rows.error()));
  return {};
}

Result<Certificate> SqliteStore::read_certificate(CertificateId id) {
  Certificate out;
  {
    Rows rows = queries_.certificate.query(id.value);
    if (!rows.next()) {
      if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
      return std::unexpected(no_certificate(id));
    }
    auto found = certificate_in(rows);
    if (!found) return found;
    out = *std::move(found);
  }
  Rows facts = queries_.facts.query(id.value);
  while (facts.next()) out.facts.emplace(facts.text(0), facts.text(1));
  if (auto done = facts.done(); !done) return std::unexpected(std::move(done.error()));
  Rows choices = queries_.choices.query(id.value);
  while (choices.next()) out.settings.emplace(choices.text(0), choices.text(1));
  if (auto done = choices.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::store
