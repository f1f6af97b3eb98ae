#include "app/held_removals.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

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

std::vector<HeldRow> held_rows(std::span<const Certificate> certificates, std::span<const store::RemovalHold> holds,
                               std::span<const store::RemovalApproval> approvals, WallTime now) {
  const auto all = summarize(holds);
  std::vector<HeldRow> rows;
  for (const Certificate& certificate : certificates) {
    const auto held = all.find(certificate.id.value);
    const auto word = std::ranges::find_if(approvals, [&](const store::RemovalApproval& each) {
      return each.certificate == certificate.id && each.until > now;
    });
    if (held == all.end() && word == approvals.end()) continue;
    rows.push_back({.certificate = certificate,
                    .held = held == all.end() ? HeldSummary() : held->second,
                    .approved_until = word == approvals.end() ? std::nullopt : std::optional(word->until)});
  }
  return rows;
}

nlohmann::json held_json(const HeldRow& row) {
  const auto time = [](bool known, WallTime at) { return known ? nlohmann::json(to_ms(at)) : nlohmann::json(); };
  const HeldSummary& held = row.held;
  return {{"id", row.certificate.id.value},
          {"app_id", row.certificate.app.value},
          {"vendor", name_of(row.certificate.vendor)},
          {"name", row.certificate.name},
          {"held", held.kept},
          {"unkept", held.unkept},
          {"since", time(held.workers > 0, held.since)},
          {"last", time(held.workers > 0, held.last)},
          {"said_by", held.heard},
          {"code", held.code},
          {"workers", held.workers},
          {"approved_until", time(row.approved_until.has_value(), row.approved_until.value_or(WallTime()))}};
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
  const auto parsed = kafka::parse_start_at(text);
  if (parsed && parsed->from == kafka::StartAt::From::Back && parsed->back >= store::kApprovalMin &&
      parsed->back <= store::kApprovalMax)
    return parsed->back;
  return fail(Errc::Malformed,
              "--for " + printable(text.substr(0, 40)) + ": a time from 1m to 7d is wanted, as 30m, 6h or 2d");
}

}  // namespace nightpost::app
