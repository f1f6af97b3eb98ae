#include "app/push_decision.h"

#include <expected>
#include <map>

#include "admin/views.h"
#include "app/vendors.h"
#include "dispatch/checks.h"
#include "dispatch/decide.h"

namespace nightpost::app {
namespace {

using dispatch::Check;

/// A certificate as a worker would load it: made ready, or the rule that says why it is not.
struct LoadedCertificate {
  dispatch::Rule rule = dispatch::Rule::None;
  std::string why;
  Certificate certificate;
  resolve::VendorParts parts;
};

Result<LoadedCertificate> loaded_certificate(store::Store& store, AppId app, CertificateId id) {
  auto certificate = store.certificate(id);
  if (!certificate && certificate.error().code != Errc::NotFound) return std::unexpected(certificate.error());
  if (!certificate || certificate->app != app)
    return LoadedCertificate{.rule = dispatch::Rule::CertificateMissing, .why = std::to_string(id.value)};
  const auto secret = store.secret(id);
  if (!secret) return LoadedCertificate{.rule = dispatch::Rule::CertificateUnusable, .why = secret.error().detail};
  auto parts = make_vendor_parts(*certificate, *secret);
  if (!parts) return LoadedCertificate{.rule = dispatch::Rule::CertificateUnusable, .why = parts.error().detail};
  return LoadedCertificate{.certificate = *std::move(certificate), .parts = *std::move(parts)};
}

/// As dispatch's Attempts::find_route asks.
void add_certificate_checks(std::vector<Check>& to, const LoadedCertificate& loaded, const Device& device,
                            dispatch::EventKind kind) {
  using dispatch::Rule;
  const bool missing = loaded.rule == Rule::CertificateMissing;
  to.push_back({Rule::CertificateMissing, missing, std::to_string(device.certificate.value)});
  if (missing) return;
  const bool unusable = loaded.rule == Rule::CertificateUnusable;
  to.push_back({Rule::CertificateUnusable, unusable, unusable ? loaded.why : "usable"});
  if (unusable) return;
  for (Check& each : dispatch::checks_of_certificate(device, loaded.certificate)) to.push_back(std::move(each));
  const bool fits = loaded.parts.provider->well_formed(device.token);
  to.push_back({Rule::TokenMalformed, !fits, fits ? "fits" : "misfit"});
  if (kind != dispatch::EventKind::Badge) return;
  const bool takes = loaded.parts.provider->takes_badge_only(device.platform);
  to.push_back({Rule::NoBadgeOnly, !takes, takes ? "yes" : "no"});
}

nlohmann::json checks_json(const std::vector<Check>& checks, WallTime now) {
  nlohmann::json all = nlohmann::json::array();
  for (const Check& each : checks)
    all.push_back({{"rule", dispatch::name_of(each.rule)},
                   {"stops", each.stops},
                   {"why", each.stops ? dispatch::sentence_of(each.rule) : ""},
                   {"value", each.value},
                   {"mute", each.mute == nullptr ? nlohmann::json() : admin::mute_view(*each.mute, now)}});
  return all;
}

dispatch::EventKind event_kind_of(const admin::DecisionQuestion& question) {
  if (question.kind == "call") return dispatch::EventKind::Call;
  if (question.kind == "badge") return dispatch::EventKind::Badge;
  return question.group.empty() ? dispatch::EventKind::C2c : dispatch::EventKind::Group;
}

}  // namespace

Result<nlohmann::json> push_decision(store::Store& store, const admin::DecisionQuestion& question, WallTime now) {
  const ReceiverKey key{question.app, question.user};
  const auto found = store.receivers({&key, 1});
  if (!found) return std::unexpected(found.error());
  const Receiver& receiver = found->front();

  dispatch::OfflineEvent event;
  event.app = question.app;
  event.kind = event_kind_of(question);
  event.occurred_at = now;
  event.from_user = question.from;
  event.group_id = question.group;
  event.elements = {{dispatch::ElementType::Text, "…"}};
  const dispatch::EventReceiver to{.user_id = question.user, .unread = 1, .mentioned = question.mentioned};

  const std::vector<Check> of_receiver = dispatch::checks_of_receiver(event, to, receiver, now);
  nlohmann::json devices = nlohmann::json::array();
  std::map<std::int64_t, LoadedCertificate> certificates;
  for (const Device& device : receiver.devices) {
    std::vector<Check> checks = dispatch::checks_of_device(event, to, receiver, device);
    // A device that gets no push for other reasons may have none.
    if (device.certificate.value != 0) {
      auto known = certificates.find(device.certificate.value);
      if (known == certificates.end()) {
        auto loaded = loaded_certificate(store, question.app, device.certificate);
        if (!loaded) return std::unexpected(loaded.error());
        known = certificates.emplace(device.certificate.value, *std::move(loaded)).first;
      }
      add_certificate_checks(checks, known->second, device, event.kind);
    }
    devices.push_back({{"device_id", device.device_id},
                       {"platform", name_of(device.platform)},
                       {"certificate_id", device.certificate.value},
                       {"passed_over", dispatch::is_passed_over(event, device)},
                       {"rule", dispatch::name_of(dispatch::first_stop(checks))},
                       {"checks", checks_json(checks, now)}});
  }
  return nlohmann::json{{"app_id", question.app.value},
                        {"user_id", question.user},
                        {"rule", dispatch::name_of(dispatch::first_stop(of_receiver))},
                        {"checks", checks_json(of_receiver, now)},
                        {"devices", std::move(devices)}};
}

}  // namespace nightpost::app
