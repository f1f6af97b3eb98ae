#include "app/held_removals.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/output.h"
#include "kafka/start_at.h"

namespace nightpost::app {

std::map<std::int64_t, HeldSummary> summarize(std::span<const store::RemovalHold> holds) {
  std::map<std::int64_t, HeldSummary> all;
  for (const store::RemovalHold& each : holds) {
    HeldSummary& held = all[each.certificate.value];
    held.since = held.workers == 0 ? each.since : std::min(held.since, each.since);
    if (held.workers == 0 || each.last >= held.last) {
      held.last = each.last;
      held.code = each.code;
    }
    held.kept += each.kept;
    held.unkept += each.unkept;
    held.heard.insert(each.heard);
    ++held.workers;
  }
  return all;
}

std::string shown_count(const HeldSummary& held) {
  return fmt::format("{}{}", held.kept, held.unkept > 0 ? " and more" : "");
}

std::string sentence_of(const HeldSummary& held) {
  return fmt::format("{} dead {} not removed, since {} (UTC): too many at once, said by {}{}", shown_count(held),
                     held.kept == 1 && held.unkept == 0 ? "token is" : "tokens are", shown_time(to_ms(held.since)),
                     fmt::join(held.heard, " and "),
                     held.code.empty() ? "" : fmt::format(" (last {})", printable(held.code)));
}

std::string warning_of(const HeldSummary& held) { return sentence_of(held) + "; see nightpost cert held"; }

Result<milliseconds> parse_approval(std::string_view text) {
  constexpr milliseconds kLeast = std::chrono::minutes(1), kMost = std::chrono::days(7);
  const auto parsed = kafka::parse_start_at(text);
  if (parsed && parsed->from == kafka::StartAt::From::Back && parsed->back >= kLeast && parsed->back <= kMost)
    return parsed->back;
  return fail(Errc::Malformed,
              "--for " + printable(text.substr(0, 40)) + ": a time from 1m to 7d is wanted, as 30m, 6h or 2d");
}

}  // namespace nightpost::app
