// What ops read of removals that are held: one line a certificate, of all workers together. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

struct HeldSummary {
  std::size_t kept = 0;    // devices that can be removed
  std::size_t unkept = 0;  // removals beyond those; a device may be in it often
  WallTime since{}, last{};
  std::string code;             // the vendor's, of the last
  std::set<std::string> heard;  // "answers", "receipts"
  std::size_t workers = 0;
};

/// By certificate.
std::map<std::int64_t, HeldSummary> summarize(std::span<const store::RemovalHold> holds);
/// Of one certificate: what is held, ops' word that is not over, or both.
struct HeldRow {
  Certificate certificate;
  HeldSummary held;  // no workers: nothing
  std::optional<WallTime> approved_until;
};

/// Of those of `certificates` that have either, in their order.
std::vector<HeldRow> held_rows(std::span<const Certificate> certificates, std::span<const store::RemovalHold> holds,
                               std::span<const store::RemovalApproval> approvals, WallTime now);
nlohmann::json held_json(const HeldRow& row);

/// "12", or "10000 and more": of how many devices the removal is held.
std::string shown_count(const HeldSummary& held);
/// What is the matter, in one sentence.
std::string sentence_of(const HeldSummary& held);
/// Likewise, and what to do about it.
std::string warning_of(const HeldSummary& held);

/// How long ops' word holds: "90s", "1h", "7d", at least a minute and at most a week. Malformed.
Result<milliseconds> parse_approval(std::string_view text);

}  // namespace nightpost::app
