#include "app/trace_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "app/output.h"
#include "app/trace_advice.h"
#include "core/json_members.h"
#include "dispatch/tier.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
using store::TraceHop;

Json facts_of(const TraceHop& hop) {
  Json facts = Json::parse(hop.facts, nullptr, false);
  return facts.is_object() ? facts : Json::object();
}

/// Foreign text, so that nothing in it moves the terminal's cursor.
std::string printable_in(const Json& facts, const char* key) {
  const auto found = facts.find(key);
  return found != facts.end() && found->is_string() ? printable(found->get<std::string>()) : std::string();
}

std::optional<std::int64_t> number_if(const Json& facts, const char* key) {
  const auto found = facts.find(key);
  if (found == facts.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string clock_time(std::int64_t ms) { return shown_time(ms) + " UTC"; }

bool is_outcome(const TraceHop& hop) noexcept { return hop.hop == "outcome" || hop.hop == "receipt"; }

/// How far a state is the end of the story: a receipt tells more than what came before it.
int rank_of(std::string_view state) noexcept {
  if (state == "waiting") return 0;
  if (state == "retrying") return 1;
  if (state == "delivered") return 3;
  return state == "clicked" ? 4 : 2;
}

/// The last word about the device, and what to do about it.
void conclude(TracedDevice& device, WallTime now) {
  device.state = "waiting";
  std::optional<std::int64_t> next;
  std::string where = "It is tried again";
  for (const TraceHop* hop : device.hops) {
    const Json facts = facts_of(*hop);
    if (hop->hop == "attempt") {
      next = number_if(facts, "retry_at");
      where = "It is tried again";
      continue;
    }
    if (!is_outcome(*hop)) continue;
    std::string state = printable_in(facts, "outcome");
    if (state == "retrying") {
      next = number_if(facts, "not_before");
      const auto wait = next ? wall_from_ms(*next) - hop->at : milliseconds(0);
      where = fmt::format("It waits in the {} delay topic", name_of(dispatch::tier_for(wait)));
    }
    // A remainder that comes back ends anew, but nothing takes back what a receipt said.
    if (rank_of(state) < rank_of(device.state) && rank_of(device.state) > 2) continue;
    device.state = std::move(state);
    device.rule = printable_in(facts, "rule");
  }
  if (device.state == "clicked") {
    device.todo = "It arrived and was tapped on.";
  } else if (device.state == "delivered") {
    device.todo = "It arrived: the vendor reports that the phone has it.";
  } else if (device.state == "waiting" || device.state == "retrying") {
    if (!next)
      device.todo = "It is not over: no outcome yet.";
    else if (wall_from_ms(*next) > now)
      device.todo =
          fmt::format("{}: next try at {}, in {}.", where, clock_time(*next), shown_span(wall_from_ms(*next) - now));
    else
      device.todo = fmt::format("{}: the next try was due at {}. If that is long ago, look at the lag of the worker.",
                                where, clock_time(*next));
  } else if (device.rule == "receipt") {
    device.todo = device.state == "token_removed"
                      ? "The app must register again: the vendor reports that the token is gone."
                      : "The vendor took it and reports that it was not shown; its words above say why.";
  } else if (const std::string_view known = advice_of(device.rule); !known.empty()) {
    device.todo = known;
  } else {
    device.todo = "See the reason above.";
  }
  if (device.state == "dead")
    device.todo +=
        fmt::format(" The event is in the dead topic: nightpost dlq show {0}, nightpost dlq replay --event {0}.",
                    printable(device.hops.front()->event_id));
}

void line(std::string& out, const TraceStory& story, WallTime at, std::string_view what) {
  out += fmt::format("{:>14}  {}\n", shown_offset(at - story.start), what);
}

std::string consumed_line(const Json& facts, bool again) {
  std::string out = again ? "consumed again" : "consumed";
  if (const std::string worker = printable_in(facts, "worker"); !worker.empty()) out += " by worker " + worker;
  const auto partition = number_if(facts, "partition"), offset = number_if(facts, "offset");
  if (partition && offset)
    out += fmt::format(" ({} partition {} offset {})", printable_in(facts, "topic"), *partition, *offset);
  return out;
}

std::string settled_line(const Json& facts) {
  std::string out = "done";
  if (const auto outcomes = facts.find("outcomes"); outcomes != facts.end() && outcomes->is_object()) {
    const char* before = ": ";
    for (const auto& [name, n] : outcomes->items())
      if (n.is_number_integer())
        out += fmt::format("{}{} {}", std::exchange(before, ", "), n.get<std::int64_t>(), name);
  }
  if (const auto letter = facts.find("dead_letter"); letter != facts.end() && letter->is_object())
    out += fmt::format("; in the dead topic ({}: {})", printable_in(*letter, "stage"), printable_in(*letter, "reason"));
  return out;
}

/// "apns, certificate 12, push id 5f0c…"
std::string sent_line(const Json& facts) {
  const std::string vendor = printable_in(facts, "vendor");
  std::string out = "sent to " + (vendor.empty() ? "the vendor" : vendor);
  if (const auto certificate = number_if(facts, "certificate_id")) out += fmt::format(", certificate {}", *certificate);
  if (const std::string push_id = printable_in(facts, "push_id"); !push_id.empty()) out += ", push id " + push_id;
  return out;
}

/// What the vendor said, or the line: "503, ServiceUnavailable".
std::string words_of(const Json& facts) {
  const std::string code = printable_in(facts, "code"), reason = printable_in(facts, "reason");
  if (code.empty() || reason.contains(code)) return reason;
  return reason.empty() ? code : fmt::format("{} ({})", reason, code);
}

/// `sent`: a request went out for it.
std::string attempt_line(const TraceStory& story, const Json& facts, bool sent) {
  std::string out = sent ? fmt::format("try {} failed", number_if(facts, "attempt").value_or(1)) : "could not be sent";
  if (const std::string words = words_of(facts); !words.empty()) out += ": " + words;
  if (const auto retry = number_if(facts, "retry_at"))
    out += "; next try at " + shown_offset(wall_from_ms(*retry) - story.start);
  return out;
}

std::string outcome_line(const TraceHop& hop, const Json& facts) {
  std::string out = printable_in(facts, "outcome");
  if (hop.hop == "receipt") out = "receipt: " + out;
  if (const std::string words = words_of(facts); !words.empty()) out += ": " + words;
  if (const auto until = number_if(facts, "not_before")) out += "; waits until " + clock_time(*until);
  if (const std::string id = printable_in(facts, "vendor_id"); !id.empty()) out += ", vendor's id " + id;
  return out;
}

void device_lines(std::string& out, const TraceStory& story, const TracedDevice& device) {
  out += "\n" + printable(device.user_id);
  out += device.device_id.empty() ? std::string("\n") : ", device " + printable(device.device_id) + "\n";
  std::int64_t sent_before = 0;
  for (const TraceHop* hop : device.hops) {
    const Json facts = facts_of(*hop);
    const auto sent_at = number_if(facts, "sent_at");
    const bool sent = sent_at && *sent_at != std::exchange(sent_before, *sent_at);
    if (sent) line(out, story, wall_from_ms(*sent_at), sent_line(facts));
    if (hop->hop == "attempt")
      line(out, story, hop->at, attempt_line(story, facts, sent));
    else if (is_outcome(*hop))
      line(out, story, hop->at, outcome_line(*hop, facts));
  }
  out += "  => " + device.todo + "\n";
}

std::string header(const TraceStory& story, WallTime now) {
  std::string out = fmt::format("event {} of app {}\n", printable(story.event_id), story.app.value);
  const Json& event = story.event;
  if (event.empty()) return out + "  what it is was not kept; this is what became of it\n";
  const std::string kind = printable_in(event, "kind");
  out += kind == "group" ? "  a group message" : kind == "system" ? "  a system message" : "  a one-to-one message";
  if (const std::string id = printable_in(event, "message_id"); !id.empty()) out += " (" + id + ")";
  if (const std::string from = printable_in(event, "from"); !from.empty()) out += " from " + from;
  if (const std::string group = printable_in(event, "group"); !group.empty()) out += " in group " + group;
  if (const std::string to = printable_in(event, "to"); !to.empty())
    out += " to " + to;
  else if (const auto receivers = number_if(event, "receivers"))
    out += " to " + counted(static_cast<std::size_t>(*receivers), "user");
  out += '\n';
  if (const auto at = number_if(event, "occurred_at"))
    out += fmt::format("  published {}, {} ago\n", clock_time(*at), shown_span(now - wall_from_ms(*at)));
  if (const auto until = number_if(event, "expires_at")) {
    const bool over = wall_from_ms(*until) <= now;
    out += fmt::format("  {} {}\n", over ? "not to be pushed since" : "to be pushed until", clock_time(*until));
  }
  if (const std::string parent = printable_in(event, "traceparent"); parent.size() > 35)
    out += "  trace id " + parent.substr(3, 32) + "\n";
  return out;
}

}  // namespace

std::string shown_span(milliseconds span) {
  const std::int64_t ms = std::max<std::int64_t>(span.count(), 0);
  if (ms < 60'000) return fmt::format("{}.{:03} s", ms / 1000, ms % 1000);
  if (ms < 3'600'000) return fmt::format("{} min {} s", ms / 60'000, ms / 1000 % 60);
  if (ms < 48 * 3'600'000LL) return fmt::format("{} h {} min", ms / 3'600'000, ms / 60'000 % 60);
  return fmt::format("{} days {} h", ms / 86'400'000, ms / 3'600'000 % 24);
}

std::string shown_offset(milliseconds since_start) {
  return (since_start < milliseconds(0) ? "-" : "+") + shown_span(std::chrono::abs(since_start));
}

TraceStory story_of(std::span<const TraceHop> hops, WallTime now) {
  TraceStory story;
  story.event_id = hops.front().event_id;
  story.app = hops.front().app;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> known;
  WallTime first = WallTime::max();
  for (const TraceHop& hop : hops) {
    first = std::min(first, hop.at);
    if (hop.app.value != 0) story.app = hop.app;
    if (hop.hop == "consumed" && story.event.empty()) story.event = facts_of(hop);
    if (hop.hop == "settled")
      story.left_out +=
          static_cast<std::size_t>(std::max<std::int64_t>(number_if(facts_of(hop), "left_out").value_or(0), 0));
    const bool of_event = hop.user_id.empty() && hop.device_id.empty() && !is_outcome(hop);
    if (of_event) {
      story.whole.push_back(&hop);
      continue;
    }
    const auto [at, added] = known.try_emplace({hop.user_id, hop.device_id}, story.devices.size());
    if (added) story.devices.push_back({.user_id = hop.user_id, .device_id = hop.device_id});
    story.devices[at->second].hops.push_back(&hop);
  }
  // Hops of one moment stay in the order in which they were written: that of their span.
  const auto by_time = [](const TraceHop* a, const TraceHop* b) { return std::pair(a->at, a) < std::pair(b->at, b); };
  std::ranges::sort(story.whole, by_time);
  for (TracedDevice& device : story.devices) {
    std::ranges::sort(device.hops, by_time);
    conclude(device, now);
    if (device.user_id.empty())
      device.user_id = story.event.empty() || printable_in(story.event, "to").empty() ? "nobody by name"
                                                                                      : printable_in(story.event, "to");
  }
  const auto published = number_if(story.event, "occurred_at");
  story.start = published ? wall_from_ms(*published) : first;
  return story;
}

std::string trace_text(const TraceStory& story, WallTime now, std::size_t devices_max) {
  std::string out = header(story, now) + "\n";
  if (number_if(story.event, "occurred_at")) line(out, story, story.start, "published");
  bool again = false;
  for (const TraceHop* hop : story.whole) {
    const Json facts = facts_of(*hop);
    if (hop->hop == "consumed")
      line(out, story, hop->at, consumed_line(facts, std::exchange(again, true)));
    else if (hop->hop == "resolved")
      line(out, story, hop->at,
           counted(static_cast<std::size_t>(number_if(facts, "devices").value_or(0)), "device") + " of " +
               counted(static_cast<std::size_t>(number_if(facts, "receivers").value_or(0)), "user") + " found");
    else if (hop->hop == "settled")
      line(out, story, hop->at, settled_line(facts));
  }
  std::vector<const TracedDevice*> shown;
  for (const TracedDevice& device : story.devices) shown.push_back(&device);
  const auto is_fine = [](const TracedDevice* device) {
    return device->state == "accepted" || device->state == "delivered" || device->state == "clicked";
  };
  const auto wrong_first = [&](const TracedDevice* a, const TracedDevice* b) {
    return std::pair(is_fine(a), a) < std::pair(is_fine(b), b);
  };
  if (shown.size() > devices_max) std::ranges::sort(shown, wrong_first);
  for (std::size_t i = 0; i < std::min(devices_max, shown.size()); ++i) device_lines(out, story, *shown[i]);
  if (shown.size() > devices_max)
    out +=
        fmt::format("\n{} more are not shown: name one with --user\n", counted(shown.size() - devices_max, "device"));
  if (story.left_out > 0)
    out += fmt::format("\nthe event has so many receivers that {} were not kept\n", counted(story.left_out, "hop"));
  if (shown.empty()) out += "\nno receiver has an outcome yet, or none that is kept\n";
  return out;
}

Json trace_json(const TraceStory& story) {
  const auto hop_json = [](const TraceHop& hop) {
    Json out = {{"hop", hop.hop}, {"at", to_ms(hop.at)}, {"facts", facts_of(hop)}};
    if (!hop.user_id.empty()) out["user_id"] = hop.user_id;
    if (!hop.device_id.empty()) out["device_id"] = hop.device_id;
    return out;
  };
  Json whole = Json::array(), devices = Json::array();
  for (const TraceHop* hop : story.whole) whole.push_back(hop_json(*hop));
  for (const TracedDevice& device : story.devices) {
    Json hops = Json::array();
    for (const TraceHop* hop : device.hops) hops.push_back(hop_json(*hop));
    devices.push_back({{"user_id", device.user_id},
                       {"device_id", device.device_id},
                       {"state", device.state},
                       {"rule", device.rule},
                       {"todo", device.todo},
                       {"hops", hops}});
  }
  return {{"event_id", story.event_id},
          {"app_id", story.app.value},
          {"start", to_ms(story.start)},
          {"event", story.event},
          {"hops", whole},
          {"devices", devices},
          {"left_out", story.left_out}};
}

Json latest_json(std::span<const store::TraceHop> hops) {
  Json all = Json::array();
  for (const store::TraceHop& hop : hops) {
    const Json facts = facts_of(hop);
    const std::string outcome = text_in(facts, "outcome");
    all.push_back({{"event_id", hop.event_id},
                   {"device_id", hop.device_id},
                   {"at", to_ms(hop.at)},
                   {"last", hop.hop == "attempt" ? "being tried again"
                            : outcome.empty()    ? hop.hop
                                                 : outcome},
                   {"rule", text_in(facts, "rule")},
                   {"reason", text_in(facts, "reason")}});
  }
  return all;
}

}  // namespace nightpost::app
