#include <map>
#include <optional>

#include "store/certificate_rows.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
namespace {

/// The name's rule is the only one a well-formed certificate can still break.
Error in_postgres_words(Error error, const Certificate& certificate) {
  return error.detail.contains("certificates_name_taken") ? name_taken(certificate) : error;
}

}  // namespace

Result<Certificate> PostgresStore::add_certificate(const NewCertificate& certificate) {
  return insert_certificate(std::nullopt, certificate);
}

Result<Certificate> PostgresStore::put_certificate(CertificateId id, const NewCertificate& certificate) {
  return insert_certificate(id, certificate);
}

Result<Certificate> PostgresStore::insert_certificate(std::optional<CertificateId> id,
                                                      const NewCertificate& certificate) {
  const auto secret = sealed(sealer_.get(), certificate);
  if (!secret) return std::unexpected(secret.error());
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto locked = connection_.query(postgres::kIdsLock); !locked) return std::unexpected(std::move(locked.error()));
  if (id) {
    auto known = connection_.query(postgres::kIdKnown, id->value);
    if (!known) return std::unexpected(std::move(known.error()));
    if (id->value < 1 || !known->next() || known->flag(0)) return std::unexpected(id_taken(*id));
  }
  Certificate added = certificate.facts;
  const auto insert = [&](auto id_value) {
    return connection_.query(postgres::kCertificateAdd, added.app.value, name_of(added.vendor), added.name,
                             added.bundle_id, name_of(added.environment), added.host_override, added.ca_pem,
                             name_of(added.status), Blob{*secret}, author_, id_value);
  };
  auto rows = id ? insert(id->value) : insert(Null{});
  if (!rows) return std::unexpected(in_postgres_words(std::move(rows.error()), added));
  if (!rows->next()) return fail(Errc::Io, "certificates: the server gave no id");
  added.id = CertificateId{rows->integer(0)};
  added.version = 1;
  // An id is never given twice, so the next one is behind this one.
  if (id)
    if (auto moved = connection_.query(postgres::kIdsMove); !moved) return std::unexpected(std::move(moved.error()));
  if (auto set = set_texts(added.id, added); !set) return std::unexpected(std::move(set.error()));
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return added;
}

Result<Certificate> PostgresStore::replace_certificate(CertificateId id, const NewCertificate& certificate,
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
  auto rows = connection_.change(postgres::kCertificateReplace, id.value, facts.name, facts.bundle_id,
                                 name_of(facts.environment), facts.host_override, facts.ca_pem, Blob{*secret}, author_);
  if (!rows) return std::unexpected(in_postgres_words(std::move(rows.error()), facts));
  if (auto set = set_texts(id, facts); !set) return std::unexpected(std::move(set.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto replaced = read_certificate(id);
  if (!replaced) return replaced;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return replaced;
}

Result<Certificate> PostgresStore::set_certificate_status(CertificateId id, CertificateStatus status) {
  if (!certificate_status_from(name_of(status)))
    return fail(Errc::Malformed, "certificate status: not one of the list");
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto rows = connection_.change(postgres::kCertificateStatus, id.value, name_of(status), author_);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (auto kept = prune_versions(id); !kept) return std::unexpected(std::move(kept.error()));
  auto changed = read_certificate(id);
  if (!changed) return changed;
  if (auto done = transaction->commit(); !done) return std::unexpected(std::move(done.error()));
  return changed;
}

Result<void> PostgresStore::remove_certificate(CertificateId id) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto owner = owner_of(id);
  if (!owner) return std::unexpected(owner.error());
  const auto devices = count(connection_.query(postgres::kCertificateDevices, owner->app.value, id.value));
  if (!devices) return std::unexpected(devices.error());
  if (*devices > 0) return std::unexpected(certificate_in_use(id, *devices));
  if (auto rows = connection_.change(postgres::kCertificateRemove, id.value); !rows)
    return std::unexpected(std::move(rows.error()));
  return transaction->commit();
}

Result<std::vector<Certificate>> PostgresStore::certificates(std::optional<AppId> app) {
  return reading([&]() -> Result<std::vector<Certificate>> {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Snapshot);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    return read_certificates(std::nullopt, app);
  });
}

Result<Certificate> PostgresStore::certificate(CertificateId id) {
  return reading([&]() -> Result<Certificate> {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Snapshot);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    return read_certificate(id);
  });
}

Result<CertificateSecret> PostgresStore::secret(CertificateId id) {
  if (!sealer_) return std::unexpected(no_master_key("read"));
  return reading([&]() -> Result<CertificateSecret> {
    auto rows = connection_.query(postgres::kCertificateSecret, id.value);
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (!rows->next()) return std::unexpected(no_certificate(id));
    return opened(*sealer_, id, rows->bytes(3), context_of({rows->integer(0)}, rows->text(1), rows->text(2)));
  });
}

Result<PostgresStore::Owner> PostgresStore::owner_of(CertificateId id) {
  auto rows = connection_.query(postgres::kCertificateOwner, id.value);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (!rows->next()) return std::unexpected(no_certificate(id));
  const auto vendor = vendor_from(rows->text(1));
  if (!vendor) return fail(Errc::Io, "certificates: a row names a vendor this binary does not know");
  return Owner{{rows->integer(0)}, *vendor, rows->integer(2)};
}

Result<void> PostgresStore::set_texts(CertificateId id, const Certificate& certificate) {
  for (const PostgresQuery* clear : {&postgres::kFactsClear, &postgres::kChoicesClear})
    if (auto rows = connection_.change(*clear, id.value); !rows) return std::unexpected(std::move(rows.error()));
  for (const auto& [key, value] : certificate.facts)
    if (auto rows = connection_.change(postgres::kFactAdd, id.value, key, value); !rows)
      return std::unexpected(std::move(rows.error()));
  for (const auto& [key, value] : certificate.settings)
    if (auto rows = connection_.change(postgres::kChoiceAdd, id.value, key, value); !rows)
      return std::unexpected(std::move(rows.error()));
  return {};
}

Result<Certificate> PostgresStore::read_certificate(CertificateId id) {
  auto found = read_certificates(id, std::nullopt);
  if (!found) return std::unexpected(std::move(found.error()));
  if (found->empty()) return std::unexpected(no_certificate(id));
  return std::move(found->front());
}

Result<std::vector<Certificate>> PostgresStore::read_certificates(std::optional<CertificateId> id,
                                                                  std::optional<AppId> app) {
  const auto ask = [&](const PostgresQuery& query) {
    if (id) return connection_.query(query, id->value, Null{});
    return app ? connection_.query(query, Null{}, app->value) : connection_.query(query, Null{}, Null{});
  };
  auto rows = ask(postgres::kCertificates);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<Certificate> out;
  std::map<std::int64_t, std::size_t> place;  // by id
  while (rows->next()) {
    auto found = certificate_in(*rows);
    if (!found) return std::unexpected(std::move(found.error()));
    place[rows->integer(0)] = out.size();
    out.push_back(*std::move(found));
  }
  struct Texts {
    const PostgresQuery* query;
    std::map<std::string, std::string> Certificate::* member;
  };
  for (const Texts& texts :
       {Texts{&postgres::kFacts, &Certificate::facts}, {&postgres::kChoices, &Certificate::settings}}) {
    auto found = ask(*texts.query);
    if (!found) return std::unexpected(std::move(found.error()));
    while (found->next())
      if (const auto at = place.find(found->integer(0)); at != place.end())
        (out[at->second].*texts.member).emplace(found->text(1), found->text(2));
  }
  return out;
}

}  // namespace nightpost::store
