#include <charconv>

#include "admin/routes.h"
#include "admin/views.h"
#include "core/text.h"

namespace nightpost::admin {
namespace {

std::expected<CertificateChange, Refusal> change_in(const Values& body) {
  CertificateChange change{.name = body.text_if("name"),
                           .bundle_id = body.text_if("bundle_id"),
                           .environment = body.text_if("environment"),
                           .host = body.text_if("host"),
                           .ca = body.text_if("ca"),
                           .key_id = body.text_if("key_id"),
                           .team_id = body.text_if("team_id"),
                           .secret = body.text_if("secret"),
                           .password = body.text_if("password"),
                           .receipt_key = body.text_if("receipt_key"),
                           .new_receipt_key = body.flag("new_receipt_key"),
                           .settings = body.options("settings")};
  if (body.has("file")) {
    change.file = from_base64(body.text("file"));
    if (!change.file) return invalid("not Base64", "file");
  }
  if (change.file && change.secret) return malformed("give one of file and secret", "secret");
  return change;
}

bool is_hidden(std::string_view shown) { return shown == "…" || (shown.starts_with("http") && shown.ends_with("?…")); }

/// What a setting shows where part of it is hidden ("https://host/path?…") is no value. Given back as it was shown, it
/// leaves the setting as it is; elsewhere it is a mistake.
std::optional<Refusal> keep_hidden(CertificateChange& change, const Certificate* before, const CertificateDesk& desk) {
  for (auto at = change.settings.begin(); at != change.settings.end();) {
    const auto& [name, value] = *at;
    const std::string* old = nullptr;
    if (before != nullptr)
      if (const auto found = before->settings.find(name); found != before->settings.end()) old = &found->second;
    if (value && old != nullptr && *old != *value && desk.shown_setting(*old) == *value) {
      at = change.settings.erase(at);
    } else if (value && is_hidden(*value)) {
      return Refusal{422, "invalid", "a part of it is hidden, as where it is shown: give all of it",
                     "settings." + name};
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

std::expected<store::NewCertificate, Refusal> new_certificate(const Request& request) {
  auto change = change_in(request.body);
  if (!change) return std::unexpected(change.error());
  if (auto hidden = keep_hidden(*change, nullptr, request.tools.certificates))
    return std::unexpected(*std::move(hidden));
  const auto vendor = vendor_from(request.body.text("vendor"));
  if (!vendor) return invalid("no such vendor", "vendor");
  store::NewCertificate empty{.facts = {.app = {request.body.number("app_id")}, .vendor = *vendor}, .secret = {}};
  return request.tools.certificates.changed(std::move(empty), *change, request.now);
}

/// `verification`: null where nobody asked for it.
Answer certificate_answer(const Request& request, const Certificate& certificate, int status = 200,
                          const nlohmann::json& verification = nullptr) {
  nlohmann::json view = certificate_view(certificate, request.tools.certificates, request.now);
  if (!verification.is_null()) view["verification"] = verification;
  return {status, std::move(view)};
}

/// What the vendor says, where the query asks for it; else null. What it refuses is refused here.
std::expected<nlohmann::json, Refusal> verification_asked(const Request& request, const store::NewCertificate& given,
                                                          bool must_be_good) {
  using Is = CertificateDesk::Verdict::Is;
  if (!request.query.flag("verify")) return nullptr;
  CertificateDesk::Verdict verdict = request.tools.certificates.verify(given);
  const std::string why = verdict.shown.value("code", "") + ": " + verdict.shown.value("reason", "");
  if (verdict.is == Is::Refused)
    return refused(422, "refused_by_vendor", "the vendor refuses the credential: " + why,
                   request.body.has("secret") ? "secret" : "file");
  if (verdict.is == Is::Unknown && must_be_good)
    return refused(502, "vendor",
                   "the vendor gave no answer that tells whether it takes the credential (" + why +
                       "); without verify it is stored all the same");
  return std::move(verdict.shown);
}

std::string verified_word(const nlohmann::json& verification) {
  return verification.is_null() ? "skipped" : verification.value("verdict", "");
}

Reply set_status_of(Request& request, CertificateStatus status) {
  const auto before = certificate_in_path(request);
  if (!before) return std::unexpected(before.error());
  request.note = {.made = true,
                  .app = before->app,
                  .object = std::to_string(before->id.value),
                  .before = {{"status", nightpost::name_of(before->status)}, {"version", before->version}}};
  const auto after = request.tools.store.set_certificate_status(before->id, status);
  if (!after) return refused(after.error());
  request.note.after = {{"status", nightpost::name_of(after->status)}, {"version", after->version}};
  return certificate_answer(request, *after);
}

}  // namespace

std::expected<CertificateId, Refusal> certificate_id_in_path(const Request& request) {
  const std::string& text = request.in_path.at(0);
  CertificateId id;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (error != std::errc{} || end != text.data() + text.size()) return not_found("no certificate " + text);
  return id;
}

std::expected<Certificate, Refusal> certificate_in_path(const Request& request) {
  const auto id = certificate_id_in_path(request);
  if (!id) return std::unexpected(id.error());
  auto found = request.tools.store.certificate(*id);
  if (!found && found.error().code != Errc::NotFound) return refused(found.error());
  if (!found || !request.may_see(found->app)) return not_found("no certificate " + request.in_path.at(0));
  return *std::move(found);
}

Reply vendors(Request& request) { return Answer{200, {{"items", request.tools.certificates.vendors()}}}; }

Reply list_certificates(Request& request) {
  const auto found =
      request.tools.store.certificates(request.query.has("app") ? std::optional(request.app()) : std::nullopt);
  if (!found) return refused(found.error());
  nlohmann::json items = nlohmann::json::array();
  for (const Certificate& certificate : *found)
    if (request.may_see(certificate.app))
      items.push_back(certificate_view(certificate, request.tools.certificates, request.now));
  return Answer{200, {{"items", std::move(items)}}};
}

Reply show_certificate(Request& request) {
  const auto found = certificate_in_path(request);
  if (!found) return std::unexpected(found.error());
  return certificate_answer(request, *found);
}

Reply add_certificate(Request& request) {
  request.note = {.made = true,
                  .app = {request.body.number("app_id")},
                  .object = request.body.text("vendor") + "/" + request.body.text("name")};
  const auto given = new_certificate(request);
  if (!given) return std::unexpected(given.error());
  const auto verification = verification_asked(request, *given, true);
  if (!verification) return std::unexpected(verification.error());
  const auto added = request.tools.store.add_certificate(*given);
  if (!added) return refused(added.error());
  request.note.object = std::to_string(added->id.value);
  request.note.after = certificate_note(*added, request.tools.certificates);
  request.note.after["verification"] = verified_word(*verification);
  return certificate_answer(request, *added, 201, *verification);
}

Reply check_certificate(Request& request) {
  const auto given = new_certificate(request);
  if (!given) return std::unexpected(given.error());
  const auto verification = verification_asked(request, *given, false);
  if (!verification) return std::unexpected(verification.error());
  return certificate_answer(request, given->facts, 200, *verification);
}

Reply change_certificate(Request& request) {
  const auto before = certificate_in_path(request);
  if (!before) return std::unexpected(before.error());
  const bool of_version = request.body.has("of_version");
  if (request.body.size() == (of_version ? 1 : 0)) return malformed("nothing is named that is to change");
  auto change = change_in(request.body);
  if (!change) return std::unexpected(change.error());
  if (auto hidden = keep_hidden(*change, &*before, request.tools.certificates))
    return std::unexpected(*std::move(hidden));
  // Who may not read the secret may not have it sent to where they can.
  const bool elsewhere = change->host && !change->host->empty() && *change->host != before->host_override;
  if (elsewhere && !change->file && !change->secret)
    return invalid("the secret is sent there: give it again with another host", "host");
  const Tools& tools = request.tools;
  request.note = {.made = true,
                  .app = before->app,
                  .object = std::to_string(before->id.value),
                  .before = certificate_note(*before, tools.certificates)};
  auto secret = tools.store.secret(before->id);
  if (!secret) return refused(secret.error());
  auto changed = tools.certificates.changed({*before, *std::move(secret)}, *change, request.now);
  if (!changed) return std::unexpected(std::move(changed.error()));
  const auto verification = verification_asked(request, *changed, true);
  if (!verification) return std::unexpected(verification.error());
  const auto after = tools.store.replace_certificate(before->id, *changed,
                                                     of_version ? request.body.number("of_version") : before->version);
  if (!after) return refused(after.error());
  request.note.after = certificate_note(*after, tools.certificates);
  request.note.after["new_secret"] = change->file || change->secret;
  request.note.after["verification"] = verified_word(*verification);
  return certificate_answer(request, *after, 200, *verification);
}

Reply verify_certificate(Request& request) {
  const auto found = certificate_in_path(request);
  if (!found) return std::unexpected(found.error());
  auto secret = request.tools.store.secret(found->id);
  if (!secret) return refused(secret.error());
  request.note = {.made = true, .app = found->app, .object = std::to_string(found->id.value)};
  const CertificateDesk::Verdict verdict = request.tools.certificates.verify({*found, *std::move(secret)});
  request.note.after = verdict.shown;
  return Answer{200, verdict.shown};
}

Reply disable_certificate(Request& request) { return set_status_of(request, CertificateStatus::Disabled); }
Reply enable_certificate(Request& request) { return set_status_of(request, CertificateStatus::Active); }

Reply remove_certificate(Request& request) {
  const auto before = certificate_in_path(request);
  if (!before) return std::unexpected(before.error());
  request.note = {.made = true,
                  .app = before->app,
                  .object = std::to_string(before->id.value),
                  .before = certificate_note(*before, request.tools.certificates)};
  if (const auto removed = request.tools.store.remove_certificate(before->id); !removed) {
    if (removed.error().code != Errc::Malformed) return refused(removed.error());
    return refused(409, "conflict", removed.error().detail);  // devices use it
  }
  return Answer{204, nullptr};
}

Reply show_receipt_key(Request& request) {
  const auto found = certificate_in_path(request);
  if (!found) return std::unexpected(found.error());
  const auto secret = request.tools.store.secret(found->id);
  if (!secret) return refused(secret.error());
  if (secret->receipt_key.empty()) return not_found("the certificate has no receipt key");
  request.note = {.made = true, .app = found->app, .object = std::to_string(found->id.value)};
  return Answer{
      200, {{"receipt_key", secret->receipt_key}, {"receipt_path", request.tools.certificates.receipt_path(*found)}}};
}

}  // namespace nightpost::admin
