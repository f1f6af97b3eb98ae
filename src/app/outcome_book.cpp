#include "app/outcome_book.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_members.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

std::optional<OutcomeKind> kind_from(std::string_view name) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(OutcomeKind::Count); ++i)
    if (name == name_of(static_cast<OutcomeKind>(i))) return static_cast<OutcomeKind>(i);
  return std::nullopt;
}

}  // namespace

Result<NamedDevices> named_devices(std::string_view event) {
  const auto broken = [] { return fail(Errc::Malformed, "an event that names no id, or not its receivers' devices"); };
  const Json parsed = Json::parse(event, nullptr, false);
  if (!parsed.is_object()) return broken();
  NamedDevices named{.event_id = text_in(parsed, "event_id"), .devices = {}};
  const auto to = parsed.find("to");
  if (named.event_id.empty() || to == parsed.end() || !to->is_array() || to->empty()) return broken();
  for (const Json& receiver : *to) {
    const std::string user = receiver.is_object() ? text_in(receiver, "user_id") : std::string();
    if (user.empty()) return broken();
    const auto devices = receiver.find("devices");
    if (devices == receiver.end() || !devices->is_array() || devices->empty()) return broken();
    for (const Json& device : *devices) {
      if (!device.is_string()) return broken();
      named.devices.push_back({user, device.get<std::string>()});
    }
  }
  return named;
}

Result<DeviceOutcome> device_outcome(std::string_view outcome) {
  const Json parsed = Json::parse(outcome, nullptr, false);
  if (!parsed.is_object()) return fail(Errc::Malformed, "an outcome that is no JSON object");
  const std::string event_id = text_in(parsed, "event_id"), name = text_in(parsed, "outcome");
  const auto kind = kind_from(name);
  if (event_id.empty() || !kind) return fail(Errc::Malformed, "an outcome without an event, or of unknown kind");
  const std::int64_t at = number_in(parsed, "at"), not_before = number_in(parsed, "not_before");
  return DeviceOutcome{.event_id = event_id,
                       .user_id = text_in(parsed, "user_id"),
                       .device_id = text_in(parsed, "device_id"),
                       .kind = *kind,
                       .wait = milliseconds(at > 0 && not_before > at ? not_before - at : 0)};
}

bool OutcomeBook::Ticket::at_work() const noexcept {
  return std::ranges::any_of(open, [](const Device& device) { return !device.put_off; });
}

/// Keeps at_work_ right.
template <class Change>
void OutcomeBook::change(Ticket& ticket, Change change) {
  at_work_ -= ticket.at_work() ? 1 : 0;
  change(ticket);
  at_work_ += ticket.at_work() ? 1 : 0;
}

void OutcomeBook::add(std::uint64_t ticket, NamedDevices named, Event event, MonoTime now) {
  const auto [at, is_new] = tickets_.try_emplace(ticket);
  if (!is_new) return;
  at->second.event_id = named.event_id;
  at->second.event = std::move(event);
  at->second.patience = patience_;
  at->second.overdue_at = now + patience_;
  bytes_ += at->second.event.bytes.size();
  change(at->second, [&](Ticket& one) {
    for (NamedDevice& device : named.devices) one.open.push_back({.name = std::move(device)});
  });
  of_event_.emplace(std::move(named.event_id), ticket);
}

std::vector<std::uint64_t> OutcomeBook::hear(const DeviceOutcome& outcome, MonoTime now) {
  const NamedDevice named{outcome.user_id, outcome.device_id};
  if (is_final(outcome.kind)) return end_of(outcome.event_id, named);
  if (outcome.kind != OutcomeKind::Retrying) return {};
  const auto [first, last] = of_event_.equal_range(outcome.event_id);
  for (auto at = first; at != last; ++at) {
    Ticket& ticket = tickets_.at(at->second);
    const auto device = std::ranges::find(ticket.open, named, &Device::name);
    if (device == ticket.open.end()) continue;
    change(ticket, [&](Ticket&) { device->put_off = true; });
    // A delay topic's wait is less than twice what it is for (dispatch/tier.h).
    ticket.overdue_at = std::max(ticket.overdue_at, now + 2 * outcome.wait + ticket.patience);
  }
  return {};
}

std::vector<std::uint64_t> OutcomeBook::give_up(const NamedDevices& named) {
  std::vector<std::uint64_t> over;
  for (const NamedDevice& device : named.devices) {
    const auto more = end_of(named.event_id, device);
    over.insert(over.end(), more.begin(), more.end());
  }
  return over;
}

std::vector<std::uint64_t> OutcomeBook::end_of(std::string_view event_id, const NamedDevice& device) {
  std::vector<std::uint64_t> over;
  const auto [first, last] = of_event_.equal_range(event_id);
  for (auto at = first; at != last; ++at) {
    Ticket& ticket = tickets_.at(at->second);
    change(ticket,
           [&](Ticket& one) { std::erase_if(one.open, [&](const Device& open) { return open.name == device; }); });
    if (ticket.open.empty()) over.push_back(at->second);
  }
  for (const std::uint64_t ticket : over) erase(tickets_.find(ticket));
  return over;
}

void OutcomeBook::erase(Tickets::iterator at) {
  const auto [first, last] = of_event_.equal_range(at->second.event_id);
  for (auto own = first; own != last; ++own)
    if (own->second == at->first) {
      of_event_.erase(own);
      break;
    }
  bytes_ -= at->second.event.bytes.size();
  tickets_.erase(at);
}

std::vector<const OutcomeBook::Event*> OutcomeBook::overdue(MonoTime now) {
  std::vector<const Event*> lost;
  for (auto& [number, ticket] : tickets_) {
    if (ticket.overdue_at > now) continue;
    ticket.patience *= 2;
    ticket.overdue_at = now + ticket.patience;
    change(ticket, [](Ticket& one) {
      for (Device& device : one.open) device.put_off = false;
    });
    lost.push_back(&ticket.event);
  }
  return lost;
}

}  // namespace nightpost::app
