// What certificates were, and what of their removals is held.
#include <fmt/format.h>

#include <algorithm>

#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

constexpr std::size_t kHeldAtOnce = 500;  // devices in a commit, so that nobody waits for the store for long
using Versions = std::vector<store::CertificateVersion>;

/// Of the certificate in the path, which may have been removed; the newest first.
std::expected<Versions, Refusal> versions_in_path(const Request& request) {
  const auto id = certificate_id_in_path(request);
  if (!id) return std::unexpected(id.error());
  auto found = request.tools.store.certificate_versions(*id);
  if (!found && found.error().code != Errc::NotFound) return refused(found.error());
  if (!found || !request.may_see(found->front().certificate.app))
    return not_found("no certificate " + request.in_path.at(0));
  return *std::move(found);
}

/// Each with its secret.
Result<std::vector<store::NewCertificate>> opened_versions(store::Store& store, const Versions& versions) {
  std::vector<store::NewCertificate> all;
  all.reserve(versions.size());
  for (const store::CertificateVersion& each : versions) {
    auto secret = store.secret_of_version(each.certificate.id, each.certificate.version);
    if (!secret) return std::unexpected(secret.error());
    all.push_back({each.certificate, *std::move(secret)});
  }
  return all;
}

/// The roll back itself, or the restore, which is one to the last version.
Reply use_version(Request& request, std::int64_t version) {
  const CertificateId id{*certificate_id_in_path(request)};
  const CertificateDesk& desk = request.tools.certificates;
  const auto after = request.tools.store.roll_back_certificate(id, version);
  if (!after) return refused(after.error());
  request.note.after = certificate_note(*after, desk);
  request.note.after["as_version"] = version;
  return Answer{200, certificate_view(*after, desk, request.now)};
}

}  // namespace

Reply list_versions(Request& request) {
  const auto versions = versions_in_path(request);
  if (!versions) return std::unexpected(versions.error());
  const auto opened = opened_versions(request.tools.store, *versions);
  if (!opened) return refused(opened.error());
  const CertificateDesk& desk = request.tools.certificates;
  const store::NewCertificate& last = opened->front();
  nlohmann::json items = nlohmann::json::array();
  for (std::size_t i = 0; i < versions->size(); ++i) {
    const store::CertificateVersion& each = (*versions)[i];
    const bool first = i + 1 == versions->size();
    store::NewCertificate again = (*opened)[i];
    again.facts.status = last.facts.status;  // a roll back leaves it
    items.push_back(
        {{"version", each.certificate.version},
         {"written_at", each.written_at == WallTime() ? nlohmann::json() : nlohmann::json(to_ms(each.written_at))},
         {"written_by", each.written_by},
         {"in_use", each.in_use},
         {"changes", first ? std::vector<std::string>() : desk.changes((*opened)[i + 1], (*opened)[i])},
         {"rollback_changes", desk.changes(last, again)}});
  }
  return Answer{200,
                {{"id", last.facts.id.value},
                 {"app_id", last.facts.app.value},
                 {"removed", !versions->front().in_use},
                 {"items", std::move(items)}}};
}

Reply roll_back_certificate(Request& request) {
  const auto versions = versions_in_path(request);
  if (!versions) return std::unexpected(versions.error());
  const Certificate& now = versions->front().certificate;
  const std::int64_t version = request.body.number("version");
  if (!versions->front().in_use)
    return refused(409, "conflict", fmt::format("certificate {} was removed: restore it first", now.id.value));
  if (now.version == version) return refused(409, "conflict", fmt::format("version {} is in use", version), "version");
  const auto old = std::ranges::find(*versions, version, [](const auto& each) { return each.certificate.version; });
  if (old == versions->end())
    return invalid(fmt::format("certificate {} has no version {}", now.id.value, version), "version");
  request.note = {.made = true,
                  .app = now.app,
                  .object = std::to_string(now.id.value),
                  .before = certificate_note(now, request.tools.certificates)};
  // As an edit: what a shard could not send with (a .p12 that ended since) replaces nothing.
  auto secret = request.tools.store.secret_of_version(now.id, version);
  if (!secret) return refused(secret.error());
  store::NewCertificate again{old->certificate, *std::move(secret)};
  again.facts.status = now.status;
  if (const auto checked = request.tools.certificates.changed(std::move(again), {}, request.now); !checked)
    return refused(checked.error().status, checked.error().code,
                   fmt::format("version {}: {}", version, checked.error().message), "version");
  return use_version(request, version);
}

Reply list_removed_certificates(Request& request) {
  const auto found =
      request.tools.store.removed_certificates(request.query.has("app") ? std::optional(request.app()) : std::nullopt);
  if (!found) return refused(found.error());
  nlohmann::json items = nlohmann::json::array();
  for (const store::CertificateVersion& each : *found)
    if (request.may_see(each.certificate.app))
      items.push_back(certificate_note(each.certificate, request.tools.certificates));
  return Answer{200, {{"items", std::move(items)}}};
}

Reply restore_certificate(Request& request) {
  const auto versions = versions_in_path(request);
  if (!versions) return std::unexpected(versions.error());
  const Certificate& last = versions->front().certificate;
  if (versions->front().in_use)
    return refused(409, "conflict", fmt::format("certificate {} was not removed", last.id.value));
  request.note = {.made = true, .app = last.app, .object = std::to_string(last.id.value)};
  return use_version(request, last.version);
}

Reply list_held_removals(Request& request) {
  store::Store& store = request.tools.store;
  const auto app = request.query.has("app") ? std::optional(request.app()) : std::nullopt;
  auto certificates = store.certificates(app);
  if (!certificates) return refused(certificates.error());
  std::erase_if(*certificates, [&](const Certificate& each) { return !request.may_see(each.app); });
  const auto holds = store.removal_holds(app);
  if (!holds) return refused(holds.error());
  const auto approvals = store.removal_approvals();
  if (!approvals) return refused(approvals.error());
  return Answer{200,
                {{"items", request.tools.certificates.held_removals(*certificates, *holds, *approvals, request.now)}}};
}

Reply approve_removals(Request& request) {
  const auto found = certificate_in_path(request);
  if (!found) return std::unexpected(found.error());
  store::Store& store = request.tools.store;
  const WallTime until = request.now + milliseconds(request.body.number("for_ms", store::kApprovalUsual.count()));
  request.note = {.made = true, .app = found->app, .object = std::to_string(found->id.value)};
  // First the word, then the removal: what workers hold meanwhile they remove themselves.
  if (const auto said = store.approve_removals(found->id, until); !said) return refused(said.error());
  std::size_t looked_at = 0, removed = 0;
  bool stopped = false;
  const auto told = [&] {
    return nlohmann::json{
        {"held", looked_at}, {"removed", removed}, {"stopped", stopped}, {"approved_until", to_ms(until)}};
  };
  for (;;) {
    request.note.after = told();  // what stands, should the next commit fail
    const auto gone = store.remove_held(found->id, kHeldAtOnce);
    if (!gone) return refused(gone.error());
    looked_at += gone->looked_at;
    removed += gone->removed;
    if (gone->looked_at < kHeldAtOnce) break;
    stopped = looked_at >= request.tools.options.held_removed_max;
    if (stopped) break;
  }
  request.note.after = told();
  nlohmann::json answer = told();
  answer["id"] = found->id.value;
  return Answer{200, std::move(answer)};
}

}  // namespace nightpost::admin
