// Which of the companion's events are over: each device that an event names has its final outcome. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost::app {

struct NamedDevice {
  std::string user, device;
  bool operator==(const NamedDevice&) const = default;
};
/// Whom an event of the companion is for.
struct NamedDevices {
  std::string event_id;
  std::vector<NamedDevice> devices;  // of all its receivers
};
/// Malformed: it is none of the companion's events, which name an id, receivers and at least one device of each.
Result<NamedDevices> named_devices(std::string_view event);

/// What of an outcome (config/schemas/outcome.schema.json) is asked for.
struct DeviceOutcome {
  std::string event_id, user_id, device_id;
  OutcomeKind kind = OutcomeKind::Dead;
  milliseconds wait{0};  // of Retrying: nothing is sent for so long after it was said
};
/// Malformed: no outcome, or one of a kind that is not known.
Result<DeviceOutcome> device_outcome(std::string_view outcome);

/// Whether nothing more comes for that device, but what vendors report afterwards.
constexpr bool is_final(OutcomeKind kind) noexcept {
  switch (kind) {
    case OutcomeKind::Accepted:
    case OutcomeKind::TokenRemoved:
    case OutcomeKind::Suppressed:
    case OutcomeKind::Expired:
    case OutcomeKind::Rejected:
    case OutcomeKind::Dead:
      return true;
    case OutcomeKind::Retrying:
    case OutcomeKind::Delivered:
    case OutcomeKind::Clicked:
    case OutcomeKind::Count:
      return false;
  }
  return false;
}

/// Single-threaded. Holds the bytes of the events that it was given until they are over; the caller bounds them.
class OutcomeBook {
 public:
  /// An event that is not heard of for `patience` is published again, and then after twice as long, and so on.
  explicit OutcomeBook(milliseconds patience) : patience_(patience) {}

  struct Event {
    std::string key, bytes;
  };
  /// Of one event id there may be several tickets; none of their devices is the same.
  void add(std::uint64_t ticket, NamedDevices named, Event event, MonoTime now);
  /// The tickets that are over with it, each once. What nobody waits for says nothing.
  std::vector<std::uint64_t> hear(const DeviceOutcome& outcome, MonoTime now);
  /// The event cannot be read by the dispatcher, so none of its devices will have an outcome.
  std::vector<std::uint64_t> give_up(const NamedDevices& named);
  /// To be published again now: lost on the way. REQUIRED: they are; the next time comes later.
  std::vector<const Event*> overdue(MonoTime now);

  std::size_t size() const noexcept { return tickets_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  /// Those of which a device has been neither put off nor finished: the dispatcher is at work on it.
  std::size_t at_work() const noexcept { return at_work_; }

 private:
  struct Device {
    NamedDevice name;
    bool put_off = false;
  };
  struct Ticket {
    std::string event_id;
    std::vector<Device> open;  // without a final outcome
    Event event;
    MonoTime overdue_at{};
    milliseconds patience{0};
    bool at_work() const noexcept;
  };
  using Tickets = std::map<std::uint64_t, Ticket>;
  std::vector<std::uint64_t> end_of(std::string_view event_id, const NamedDevice& device);
  void erase(Tickets::iterator at);
  template <class Change>
  void change(Ticket& ticket, Change change);

  const milliseconds patience_;
  Tickets tickets_;
  std::multimap<std::string, std::uint64_t, std::less<>> of_event_;
  std::size_t bytes_ = 0, at_work_ = 0;
};

}  // namespace nightpost::app
