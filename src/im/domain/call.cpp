#include "im/domain/call.h"

#include <array>
#include <charconv>

#include "core/text.h"

namespace nightpost::im {
namespace {

// Each as its enum.
constexpr std::array<std::string_view, 5> kCallSteps = {"invite", "cancel", "accept", "reject", "timeout"};
constexpr std::array<std::string_view, kCallStates> kCallStateNames = {"waits", "canceled", "accepted", "rejected",
                                                                       "timed_out"};
constexpr std::string_view kInvite = R"([{"type":"call","step":"invite",)";
constexpr std::string_view kInviteWithTime = R"([{"type":"call","step":"invite","until":)";

}  // namespace

std::string_view name_of(CallStep step) noexcept { return kCallSteps[static_cast<std::size_t>(step)]; }
std::string_view name_of(CallState state) noexcept { return kCallStateNames[static_cast<std::size_t>(state)]; }

CallState state_after(CallStep step) noexcept {
  switch (step) {
    case CallStep::Invite:
      return CallState::Waits;
    case CallStep::Cancel:
      return CallState::Canceled;
    case CallStep::Accept:
      return CallState::Accepted;
    case CallStep::Reject:
      return CallState::Rejected;
    case CallStep::TimeOut:
      break;
  }
  return CallState::TimedOut;
}

std::string call_elements(const CallSignal& signal) {
  std::string out = R"([{"type":"call")";
  append_json_member(out, "step", name_of(signal.step));
  if (signal.until) append_json_member(out, "until", to_ms(*signal.until));
  if (signal.call.seq.value > 0) append_json_member(out, "call", text_of(signal.call));
  out += R"(,"users":[)";
  for (const std::string& user : signal.users) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, user);
    out += '"';
  }
  out += ']';
  if (!signal.data.empty()) append_json_member(out, "data", signal.data);
  if (!signal.desc.empty()) append_json_member(out, "desc", signal.desc);
  return out += "}]";
}

bool is_call_invite(std::string_view elements) noexcept { return elements.starts_with(kInvite); }

bool call_shows(std::string_view elements) noexcept { return elements.contains(R"(,"desc":")"); }

std::optional<WallTime> call_until(std::string_view elements) noexcept {
  if (!elements.starts_with(kInviteWithTime)) return std::nullopt;
  elements.remove_prefix(kInviteWithTime.size());
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(elements.data(), elements.data() + elements.size(), ms);
  if (error != std::errc{} || ms <= 0) return std::nullopt;
  return wall_from_ms(ms);
}

Answer<bool> decide_call(const CallFacts& facts) {
  if (!facts.known) return refuse(Code::CallOver, "call: no such call");
  if (!facts.mine)
    return refuse(Code::CallForbidden, facts.step == CallStep::Cancel ? "call: another user invited to it"
                                                                      : "call: this user is not invited to it");
  if (facts.state != CallState::Waits) {
    if (facts.state == state_after(facts.step) && facts.same_device) return false;
    return refuse(Code::CallOver, "call: it is decided: " + std::string(name_of(facts.state)));
  }
  // Its time-out counts from its moment on, not from when the server comes to say so.
  if (facts.until && facts.now >= *facts.until) return refuse(Code::CallOver, "call: it is decided: timed_out");
  return true;
}

}  // namespace nightpost::im
