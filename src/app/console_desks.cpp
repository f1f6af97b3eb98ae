#include "app/console_desks.h"

#include "app/cert_change.h"
#include "app/cert_fields.h"
#include "app/cert_history.h"
#include "app/cert_verify.h"
#include "app/certificate_dates.h"
#include "app/held_removals.h"
#include "app/push_decision.h"
#include "app/send_run.h"
#include "app/trace_advice.h"
#include "app/trace_look.h"
#include "app/trace_story.h"
#include "app/vendors.h"
#include "core/json_members.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kTraceTextDevices = 20;  // devices that the text shows; the JSON has all

}  // namespace

nlohmann::json ConsoleCertificates::vendors() const { return certificate_forms(); }

std::expected<store::NewCertificate, admin::Refusal> ConsoleCertificates::changed(
    store::NewCertificate before, const admin::CertificateChange& change, WallTime now) const {
  if (!is_known(before.facts.vendor)) return admin::invalid("this binary does not know the vendor", "vendor");
  auto made = changed_certificate(std::move(before), change, now);
  if (!made) return admin::invalid(std::move(made.error().message), std::move(made.error().path));
  return *std::move(made);
}

admin::CertificateDesk::Verdict ConsoleCertificates::verify(const store::NewCertificate& certificate) {
  const Verification found = verify_credential(config_, certificate, config_.console.push_timeout, clock_);
  Verdict verdict{.shown = {{"verdict", name_of(found.verdict)},
                            {"rule", found.rule},
                            {"code", found.code},
                            {"reason", found.reason},
                            {"trouble", found.trouble}}};
  if (found.verdict == Verification::Verdict::Accepted) verdict.is = Verdict::Is::Accepted;
  if (found.verdict == Verification::Verdict::Refused) verdict.is = Verdict::Is::Refused;
  return verdict;
}

std::vector<std::string> ConsoleCertificates::warnings(const Certificate& certificate, WallTime now) const {
  return warnings_of(certificate, now);
}

std::optional<WallTime> ConsoleCertificates::ends(const Certificate& certificate) const {
  const auto fact = certificate.facts.find("not_after");
  return fact == certificate.facts.end() ? std::nullopt : time_of_fact(fact->second);
}

bool ConsoleCertificates::sends_receipts(Vendor vendor) const { return receipt_reader_of(vendor) != nullptr; }

std::string ConsoleCertificates::receipt_path(const Certificate& certificate) const {
  return sends_receipts(certificate.vendor) ? app::receipt_path(certificate) : "";
}

std::string ConsoleCertificates::shown_setting(std::string_view value) const { return app::shown_setting(value); }

std::vector<std::string> ConsoleCertificates::changes(const store::NewCertificate& before,
                                                      const store::NewCertificate& after) const {
  return changes_between(before, after);
}

nlohmann::json ConsoleCertificates::held_removals(std::span<const Certificate> certificates,
                                                  std::span<const store::RemovalHold> holds,
                                                  std::span<const store::RemovalApproval> approvals,
                                                  WallTime now) const {
  nlohmann::json items = nlohmann::json::array();
  for (const HeldRow& row : held_rows(certificates, holds, approvals, now)) items.push_back(held_json(row));
  return items;
}

Result<bool> ConsoleCertificates::token_fits(const Certificate& certificate, const CertificateSecret& secret,
                                             const DeviceToken& token) const {
  const auto parts = make_vendor_parts(certificate, secret);
  if (!parts) return std::unexpected(parts.error());
  return parts->provider->well_formed(token);
}

Result<store::TraceStore*> ConsoleTraces::file() {
  if (file_ == nullptr) {
    auto opened = open_trace_file(config_);
    if (!opened) return std::unexpected(opened.error());
    file_ = *std::move(opened);
  }
  return file_.get();
}

std::string ConsoleTraces::trouble() {
  const auto there = file();
  return there ? "" : there.error().detail;
}

admin::Refusal ConsoleTraces::nothing(std::string what) {
  std::optional<WallTime> oldest;
  if (const auto read = file_->oldest()) oldest = *read;
  for (const std::string& why : why_nothing_kept(config_, oldest)) what += "\n" + why;
  return {404, "not_found", std::move(what)};
}

admin::Reply ConsoleTraces::of_event(const EventQuestion& question, WallTime now) {
  const auto trace = file();
  if (!trace) return admin::refused(trace.error());
  auto hops = kept_hops(**trace, question.event, question.user);
  if (!hops) return admin::refused(hops.error());
  std::erase_if(*hops, [&](const store::TraceHop& hop) { return !question.may_see(hop.app); });
  keep_device(*hops, question.device);
  if (hops->empty()) return std::unexpected(nothing("nothing is kept of event " + question.event));
  const TraceStory story = story_of(*hops, now);
  nlohmann::json json = trace_json(story);
  json["text"] = trace_text(story, now, kTraceTextDevices);
  return admin::Answer{200, std::move(json)};
}

admin::Reply ConsoleTraces::of_user(AppId app, const std::string& user, WallTime since, std::size_t limit) {
  const auto trace = file();
  if (!trace) return admin::refused(trace.error());
  const auto found = (*trace)->of_user(app, user, since, limit);
  if (!found) return admin::refused(found.error());
  return admin::Answer{200, {{"items", latest_json(*found)}}};
}

admin::Reply ConsolePushes::push(const admin::PushQuestion& question) {
  nlohmann::json trouble = nlohmann::json::array();
  auto results = send_test_push(config_, store_, question, config_.console.push_timeout, clock_,
                                [&trouble](const std::string& line) { trouble.push_back(line); });
  if (!results) return admin::refused(results.error());
  nlohmann::json items = nlohmann::json::array();
  for (nlohmann::json& result : *results) {
    nlohmann::json& outcome = result["outcome"];
    items.push_back({{"device_id", result["device_id"]},
                     {"vendor", result["vendor"]},
                     {"certificate_id", result["certificate"]},
                     {"request", std::move(result["request"])},
                     {"text", result.contains("text") ? std::move(result["text"]) : nlohmann::json()},
                     {"todo", outcome.is_object() ? advice_of(text_in(outcome, "rule")) : ""},
                     {"outcome", std::move(outcome)}});
  }
  return admin::Answer{200, {{"items", std::move(items)}, {"trouble", std::move(trouble)}}};
}

admin::Reply ConsolePushes::decide(const admin::DecisionQuestion& question, WallTime now) {
  auto decided = push_decision(store_, question, now);
  if (!decided) return admin::refused(decided.error());
  return admin::Answer{200, *std::move(decided)};
}

}  // namespace nightpost::app
