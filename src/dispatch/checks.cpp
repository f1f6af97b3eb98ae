#include "dispatch/checks.h"

#include <algorithm>

#include "dispatch/decide.h"

namespace nightpost::dispatch {
namespace {

struct MuteRule {
  Mute::Kind kind;
  Rule rule;
};
constexpr MuteRule kMuteRules[] = {
    {Mute::Kind::All, Rule::MutedAll}, {Mute::Kind::Peer, Rule::MutedPeer}, {Mute::Kind::Group, Rule::MutedGroup}};

/// The best answer of the kind's mutes: one that holds, else one that would, else any.
Check mute_check(const MuteRule& of, const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                 WallTime now) {
  Check check{.rule = of.rule, .value = "none"};
  int rank = 0;
  const auto better = [&](int as, const char* value, const Mute& mute) {
    if (as <= rank) return;
    rank = as;
    check.value = value;
    check.mute = &mute;
  };
  for (const Mute& mute : receiver.mutes) {
    if (mute.kind != of.kind) continue;
    if (!is_about(mute, event))
      better(1, "others", mute);
    else if (now >= mute.until)
      better(2, "over", mute);
    else if (!is_muted_by(mute, event, to, now))
      better(3, "mentioned", mute);
    else
      better(4, "muted", mute);
  }
  check.stops = rank == 4;
  return check;
}

const char* on_or_off(bool on) noexcept { return on ? "on" : "off"; }

}  // namespace

std::vector<Check> checks_of_receiver(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                                      WallTime now) {
  const bool badge = event.kind == EventKind::Badge;
  std::vector<Check> all;
  if (!badge) all.push_back({Rule::SenderItself, to.user_id == event.from_user, std::string(event.from_user)});
  all.push_back({Rule::UserPushOff, !receiver.settings.enabled, on_or_off(receiver.settings.enabled)});
  if (badge) {
    all.push_back({Rule::BadgeOff, !receiver.settings.badge, on_or_off(receiver.settings.badge)});
  } else {
    for (const MuteRule& each : kMuteRules) all.push_back(mute_check(each, event, to, receiver, now));
  }
  const auto devices =
      std::ranges::count_if(receiver.devices, [&](const Device& device) { return !is_passed_over(event, device); });
  all.push_back({Rule::NoDevice, devices == 0, std::to_string(devices)});
  return all;
}

std::vector<Check> checks_of_device(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                                    const Device& device) {
  std::vector<Check> all;
  const bool no_screen = device.platform == Platform::Web || device.platform == Platform::MiniProgram;
  const bool has_token = !device.token.text().empty();
  all.push_back({Rule::LoggedOut, device.state == DeviceState::LoggedOut, std::string(name_of(device.state))});
  all.push_back({Rule::Foreground, device.state == DeviceState::Foreground && to.due_count == 0,
                 std::string(name_of(device.state))});
  all.push_back({Rule::WebTerminal, no_screen, std::string(name_of(device.platform))});
  all.push_back({Rule::NoToken, !has_token, has_token ? "there" : "none"});

  // What is said of the text alone: the same platform without any of the reasons above.
  Device able;
  able.platform = no_screen ? Platform::Android : device.platform;
  able.state = DeviceState::Offline;
  able.token = DeviceToken("any");
  const Rule silent = decide_device(event, to, able);
  all.push_back({silent == Rule::None ? Rule::NoContent : silent, silent != Rule::None && !no_screen,
                 silent == Rule::None ? "there" : "none"});

  const bool voip = device.token.kind() == TokenKind::Voip;
  const Rule row = decide_row(event, to, receiver, device);
  all.push_back({Rule::CallsOnly, row == Rule::CallsOnly, std::string(name_of(device.token.kind()))});
  if (!voip) {
    const Device* const other = voip_row_of(receiver, device.device_id);
    all.push_back({Rule::RungByVoip, row == Rule::RungByVoip, other == nullptr ? "none" : other->device_id});
    return all;
  }
  if (!is_voip_id(device.device_id)) return all;
  const auto phone = std::ranges::find(receiver.devices, phone_of(device.device_id), &Device::device_id);
  if (phone == receiver.devices.end()) return all;
  all.push_back({Rule::LoggedOut, row == Rule::LoggedOut, std::string(name_of(phone->state))});
  all.push_back({Rule::Foreground, row == Rule::Foreground, std::string(name_of(phone->state))});
  return all;
}

std::vector<Check> checks_of_certificate(const Device& device, const Certificate& certificate) {
  const bool disabled = certificate.status == CertificateStatus::Disabled;
  Certificate enabled = certificate;
  enabled.status = CertificateStatus::Active;
  return {{Rule::CertificateDisabled, disabled, std::string(name_of(certificate.status))},
          {Rule::WrongVendor, decide_certificate(device, enabled) == Rule::WrongVendor,
           std::string(name_of(certificate.vendor))}};
}

Rule first_stop(std::span<const Check> checks) noexcept {
  const auto stop = std::ranges::find_if(checks, &Check::stops);
  return stop == checks.end() ? Rule::None : stop->rule;
}

}  // namespace nightpost::dispatch
