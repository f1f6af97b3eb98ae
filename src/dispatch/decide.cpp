#include "dispatch/decide.h"

#include <algorithm>

#include "dispatch/content.h"

namespace nightpost::dispatch {
namespace {

/// What to call the silence of elements that say nothing.
Rule silence_of(const OfflineEvent& event) noexcept {
  for (const Element& element : event.elements)
    if (element.type == ElementType::Custom || element.type == ElementType::Other) return Rule::CustomWithoutDesc;
  return Rule::NoContent;
}

Rule rule_of(Mute::Kind kind) noexcept {
  switch (kind) {
    case Mute::Kind::All:
      return Rule::MutedAll;
    case Mute::Kind::Peer:
      return Rule::MutedPeer;
    case Mute::Kind::Group:
      return Rule::MutedGroup;
  }
  return Rule::None;
}

/// A cancel, a badge and a call have their own to say, whatever the elements.
bool speaks(const OfflineEvent& event) noexcept {
  return event.kind == EventKind::Cancel || event.kind == EventKind::Badge || event.is_call() || elements_speak(event);
}

const Device* device_with(const Receiver& receiver, std::string_view device_id) noexcept {
  const auto found = std::ranges::find(receiver.devices, device_id, &Device::device_id);
  return found == receiver.devices.end() ? nullptr : &*found;
}

bool is_voip(const Device& device) noexcept { return device.token.kind() == TokenKind::Voip; }

bool has_none_for(const OfflineEvent& event, const Receiver& receiver) noexcept {
  return std::ranges::all_of(receiver.devices, [&](const Device& device) { return is_passed_over(event, device); });
}

}  // namespace

bool is_about(const Mute& mute, const OfflineEvent& event) noexcept {
  switch (mute.kind) {
    case Mute::Kind::All:
      return true;
    case Mute::Kind::Peer:
      return !event.in_group() && mute.target == event.from_user;
    case Mute::Kind::Group:
      return event.in_group() && mute.target == event.group_id;
  }
  return false;
}

bool is_muted_by(const Mute& mute, const OfflineEvent& event, const EventReceiver& to, WallTime now) noexcept {
  if (now >= mute.until || (mute.unless_mentioned && to.mentioned)) return false;
  return is_about(mute, event);
}

bool is_passed_over(const OfflineEvent& event, const Device& device) noexcept {
  return is_voip(device) && !event.is_call();
}

const Device* voip_row_of(const Receiver& receiver, std::string_view phone_id) noexcept {
  const auto found = std::ranges::find_if(receiver.devices, [&](const Device& row) {
    return is_voip(row) && is_voip_id(row.device_id) && phone_of(row.device_id) == phone_id &&
           !row.token.text().empty() && row.state != DeviceState::LoggedOut;
  });
  return found == receiver.devices.end() ? nullptr : &*found;
}

Rule decide_row(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                const Device& device) noexcept {
  if (is_passed_over(event, device)) return Rule::CallsOnly;
  if (!is_voip(device)) {
    const bool ended = event.kind == EventKind::Cancel && event.cancel == CancelReason::CallEnded;
    return (event.is_call() || ended) && voip_row_of(receiver, device.device_id) != nullptr ? Rule::RungByVoip
                                                                                            : Rule::None;
  }
  const Device* const phone =
      is_voip_id(device.device_id) ? device_with(receiver, phone_of(device.device_id)) : nullptr;
  if (phone == nullptr) return Rule::None;
  if (phone->state == DeviceState::LoggedOut) return Rule::LoggedOut;
  return phone->state == DeviceState::Foreground && to.due_count == 0 ? Rule::Foreground : Rule::None;
}

Rule decide_event(const OfflineEvent& event, WallTime now, milliseconds age_max) noexcept {
  if (event.push_disabled) return Rule::PushDisabled;
  if (event.online_only) return Rule::OnlineOnly;
  if (event.kind == EventKind::System) return Rule::SystemMessage;
  const bool described = !event.common.desc.empty() || !event.apns.desc.empty() || !event.android.desc.empty();
  if (!described && !speaks(event)) return silence_of(event);
  if (now >= event.expires_at) return Rule::Expired;
  if (age_max > milliseconds(0) && now - event.occurred_at > age_max) return Rule::TooOld;
  // It only ends what still waits: there is nothing to show in its place.
  if (event.kind == EventKind::Cancel && event.cancel == CancelReason::Read) return Rule::ReadElsewhere;
  return Rule::None;
}

Rule decide_receiver(const OfflineEvent& event, const EventReceiver& to, const Receiver& receiver,
                     WallTime now) noexcept {
  const bool badge = event.kind == EventKind::Badge;
  if (to.user_id == event.from_user && !badge) return Rule::SenderItself;
  if (!receiver.settings.enabled) return Rule::UserPushOff;
  // A number rings nobody, so no mute holds it back.
  if (badge && !receiver.settings.badge) return Rule::BadgeOff;
  if (badge) return has_none_for(event, receiver) ? Rule::NoDevice : Rule::None;
  Rule first = Rule::None;
  for (const Mute& mute : receiver.mutes)
    if (is_muted_by(mute, event, to, now) && (first == Rule::None || rule_of(mute.kind) < first))
      first = rule_of(mute.kind);
  if (first != Rule::None) return first;
  return has_none_for(event, receiver) ? Rule::NoDevice : Rule::None;
}

Rule decide_device(const OfflineEvent& event, const EventReceiver& to, const Device& device) noexcept {
  if (device.state == DeviceState::LoggedOut) return Rule::LoggedOut;
  if (device.state == DeviceState::Foreground && to.due_count == 0) return Rule::Foreground;
  if (device.platform == Platform::Web || device.platform == Platform::MiniProgram) return Rule::WebTerminal;
  if (device.token.text().empty()) return Rule::NoToken;
  if (desc_for(event, device.platform).empty() && !speaks(event)) return silence_of(event);
  return Rule::None;
}

Rule decide_certificate(const Device& device, const Certificate& certificate) noexcept {
  if (certificate.status == CertificateStatus::Disabled) return Rule::CertificateDisabled;
  const bool apple = device.platform == Platform::Ios;
  if (certificate.vendor == Vendor::Apns && device.platform == Platform::Android) return Rule::WrongVendor;
  if (is_voip(device) && certificate.vendor != Vendor::Apns) return Rule::WrongVendor;
  if (apple && certificate.vendor != Vendor::Apns && certificate.vendor != Vendor::Fcm) return Rule::WrongVendor;
  return Rule::None;
}

}  // namespace nightpost::dispatch
