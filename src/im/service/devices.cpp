#include <algorithm>
#include <limits>
#include <utility>

#include "im/service/commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kOwnersMax = 100;  // of one token, that are looked at

Answer<void> answer_of(const Error& error) {
  if (error.code == Errc::Malformed) return refuse(Code::Malformed, error.detail);
  if (error.code == Errc::Overloaded) return refuse(Code::Busy, "the store is busy: nothing happened, try again");
  return refuse(Code::Internal, "the store is away");
}
Answer<void> answer_of(const Result<void>& result) {
  if (result) return {};
  return answer_of(result.error());
}

std::int32_t clamped(std::int64_t badge) noexcept {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(badge, 0, std::numeric_limits<std::int32_t>::max()));
}

/// The device's token is this user's from here on: whoever had reported it before is not pushed to through it.
Answer<void> bind(store::Store& store, const UserKey& who, const Device& device) {
  auto owners = store.devices_with_token(device.certificate, device.token.text(), kOwnersMax);
  if (!owners) return answer_of(owners.error());
  // First the own row: what it refuses has changed nothing.
  if (auto done = store.set_device(who.app, who.user, device); !done) return answer_of(done);
  for (const store::Store::DeviceRow& owner : *owners) {
    if (owner.app != who.app || (owner.user_id == who.user && owner.device.device_id == device.device_id)) continue;
    const auto removed = store.remove_token(owner.app, owner.user_id, owner.device);
    if (!removed) return answer_of(removed.error());
  }
  return {};
}

}  // namespace

Answer<PushStep> report_token(Work& work, const Terminal& who, const TokenReport& report) {
  const auto row = logged_in(work.tables, who);
  if (!row) return std::unexpected(row.error());
  if (who.platform != Platform::Ios && who.platform != Platform::Android)
    return refuse(Code::Malformed, "token: this platform receives no pushes");
  if (report.token.kind() == TokenKind::Voip)
    return refuse(Code::Malformed, "kind: a VoIP token is a row of its own, which the app's server sets");
  Tables::Unbind earlier{who.user, who.device};
  work.tables.erase_unbind(earlier);
  work.rebound.push_back(std::move(earlier));
  // Never "foreground": whether it has the message is known by its acknowledgement, not by this.
  Device device{.device_id = who.device,
                .platform = who.platform,
                .certificate = report.certificate,
                .token = report.token,
                .registered_at = work.now,
                .state = DeviceState::Background,
                .badge_base = clamped(row->badge),
                .language = row->language};
  return [user = who.user, device = std::move(device)](store::Store& store) { return bind(store, user, device); };
}

Answer<PushStep> report_state(Work& work, const Terminal& who, const AppState& state) {
  auto row = logged_in(work.tables, who);
  if (!row) return std::unexpected(std::move(row.error()));
  row->foreground = state.foreground;
  if (!state.foreground) row->badge = clamped(state.unread);
  work.tables.save_terminal(who.user, *row);
  if (state.foreground) return [](store::Store&) { return Answer<void>(); };
  return [user = who.user, device = who.device, badge = clamped(row->badge)](store::Store& store) -> Answer<void> {
    auto rows = store.devices(user.app, user.user, std::numeric_limits<std::size_t>::max());
    if (!rows) return answer_of(rows.error());
    const auto found =
        std::ranges::find(*rows, device, [](const store::Store::DeviceRow& each) { return each.device.device_id; });
    if (found == rows->end() || found->device.badge_base == badge) return {};
    found->device.badge_base = badge;
    return answer_of(store.set_device(user.app, user.user, found->device));
  };
}

Answer<PushStep> set_push_settings(Work& work, const Terminal& who, const PushSettings& settings) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  return [user = who.user, settings](store::Store& store) {
    return answer_of(store.set_settings(user.app, user.user, settings));
  };
}

Answer<PushStep> set_mute(Work& work, const Terminal& who, const Mute& mute, bool on) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  return [user = who.user, mute, on](store::Store& store) {
    return answer_of(on ? store.set_mute(user.app, user.user, mute)
                        : store.remove_mute(user.app, user.user, mute.kind, mute.target));
  };
}

}  // namespace nightpost::im
