#include "chaos/ledger.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <tuple>

#include "core/vendor.h"

namespace nightpost::chaos {
namespace {

constexpr std::size_t kExamplesMax = 5;

void up(std::uint8_t& count) {
  if (count < std::numeric_limits<std::uint8_t>::max()) ++count;
}

void name(std::vector<EventNumber>& examples, EventNumber event) {
  if (examples.size() < kExamplesMax) examples.push_back(event);
}

/// Did anything of the kind happen between the two takes? A line's trouble counts for its own vendor only.
bool between(std::span<const Disturbance> disturbances, Disturbance::What what, VendorNumber vendor, std::int64_t from,
             std::int64_t to) {
  return std::ranges::any_of(disturbances, [&](const Disturbance& d) {
    return d.what == what && d.from_ms <= to && d.to_ms >= from && (!d.vendor || *d.vendor == vendor);
  });
}

/// The doing itself, not what comes of it.
bool changed_hands(std::span<const Disturbance> disturbances, std::int64_t from, std::int64_t to) {
  return std::ranges::any_of(disturbances, [&](const Disturbance& d) {
    return d.what == Disturbance::What::Takeover && d.from_ms <= to && d.struck_ms >= from;
  });
}

}  // namespace

std::string mark_of(EventNumber event) { return std::string(kMark) + std::to_string(event); }

std::optional<EventNumber> event_of(std::string_view mark) {
  if (!mark.starts_with(kMark)) return std::nullopt;
  mark.remove_prefix(kMark.size());
  EventNumber event = 0;
  const auto [end, error] = std::from_chars(mark.data(), mark.data() + mark.size(), event);
  if (error != std::errc() || end != mark.data() + mark.size()) return std::nullopt;
  return event;
}

Heard heard_from(std::string_view outcome) {
  if (outcome == "accepted") return Heard::Accepted;
  if (outcome == "retrying") return Heard::Retrying;
  if (outcome == "dead") return Heard::Dead;
  if (outcome == "expired") return Heard::Expired;
  return Heard::Other;
}

std::size_t Ledger::begin_phase(std::string phase) {
  phases_.push_back(std::move(phase));
  return phases_.size() - 1;
}

EventNumber Ledger::send(std::int64_t due_ms, std::uint32_t conversation, std::span<const VendorNumber> vendors) {
  events_.push_back({.due_ms = due_ms,
                     .first_unit = static_cast<std::uint32_t>(units_.size()),
                     .conversation = conversation,
                     .phase = static_cast<std::uint16_t>(phases_.size() - 1),
                     .units = static_cast<std::uint8_t>(vendors.size())});
  for (const VendorNumber vendor : vendors) units_.push_back({.vendor = vendor});
  return static_cast<EventNumber>(events_.size() - 1);
}

Ledger::Unit* Ledger::find(std::string_view event_id, std::optional<VendorNumber> vendor) {
  const auto event = event_of(event_id);
  if (!event || *event >= events_.size()) return nullptr;
  const Event& known = events_[*event];
  for (std::size_t i = known.first_unit; i < known.first_unit + known.units; ++i)
    if (!vendor || units_[i].vendor == *vendor) return &units_[i];
  return nullptr;
}

void Ledger::outcome(std::string_view event_id, std::string_view vendor, Heard heard, int attempt, std::int64_t at_ms,
                     std::string_view rule) {
  const auto whose = vendor_from(vendor);
  Unit* unit = whose ? find(event_id, static_cast<VendorNumber>(*whose)) : nullptr;
  if (unit == nullptr) {
    ++foreign_;
    return;
  }
  unit->attempts = std::max(unit->attempts, static_cast<std::uint8_t>(std::clamp(attempt, 0, 255)));
  if (heard == Heard::Retrying) {
    unit->retrying = true;
    return;
  }
  up(unit->finals);
  if (unit->end) return;
  ++finished_;
  unit->end = heard;
  unit->end_ms = at_ms;
  unit->rule = rules_.try_emplace(std::string(rule), static_cast<std::uint32_t>(rules_.size())).first->second;
}

void Ledger::letter(std::string_view event_id) {
  const auto event = event_of(event_id);
  if (event && *event < events_.size())
    events_[*event].letter = true;
  else
    ++foreign_;
}

void Ledger::waits(std::string_view event_id) {
  const auto event = event_of(event_id);
  if (event && *event < events_.size())
    events_[*event].waits = true;
  else
    ++foreign_;
}

void Ledger::request(VendorNumber vendor, std::string_view mark, std::uint64_t n, int status, std::int64_t at_ms) {
  Unit* unit = find(mark, vendor);
  if (unit == nullptr) {
    ++foreign_;
    return;
  }
  ++requests_;
  if (unit->first_n == 0) {
    unit->first_n = n;
    unit->first_ms = at_ms;
  }
  if (status == 0) return up(unit->unheard);
  if (status != 200) return up(unit->refused);
  if (unit->taken == 0) unit->first_taken_ms = at_ms;
  unit->last_taken_ms = std::max(unit->last_taken_ms, at_ms);
  up(unit->taken);
}

bool Ledger::repeated_by_us(const Unit& unit) noexcept {
  return unit.retrying || unit.attempts > 1 || unit.unheard > 0 || unit.refused > 0;
}

void Ledger::count_repeats(const Unit& unit, EventNumber event, std::span<const Disturbance> disturbances,
                           Account& account) const {
  using What = Disturbance::What;
  // A request that was taken and not answered may have reached the phone: each one beyond the first is a repeat too.
  const std::uint64_t reached = std::uint64_t{unit.taken} + unit.unheard;
  if (reached < 2) return;
  const std::uint64_t more = reached - 1;
  if (unit.unheard > 0 ||
      (unit.attempts > 1 && between(disturbances, What::Line, unit.vendor, unit.first_taken_ms, unit.last_taken_ms))) {
    account.twice_unheard += more;
  } else if (between(disturbances, What::Takeover, unit.vendor, unit.first_taken_ms, unit.last_taken_ms)) {
    account.twice_takeover += more;
  } else if (between(disturbances, What::Line, unit.vendor, unit.first_taken_ms, unit.last_taken_ms)) {
    account.twice_unheard += more;
  } else {
    account.twice_unexplained += more;
    name(account.unexplained_events, event);
  }
}

void Ledger::count_order(std::span<const Disturbance> disturbances, Account& account) const {
  struct Row {
    std::uint32_t conversation;
    VendorNumber vendor;
    EventNumber event;
    std::uint64_t n;
    std::int64_t ms;
  };
  std::vector<Row> rows;
  for (EventNumber event = 0; event < events_.size(); ++event) {
    const Event& known = events_[event];
    for (std::size_t i = known.first_unit; i < known.first_unit + known.units; ++i)
      if (units_[i].first_n > 0 && !repeated_by_us(units_[i]))
        rows.push_back({known.conversation, units_[i].vendor, event, units_[i].first_n, units_[i].first_ms});
  }
  std::ranges::sort(rows, {}, [](const Row& row) { return std::tuple(row.conversation, row.vendor, row.event); });
  account.ordered = rows.size();
  Row latest{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i].conversation != rows[i - 1].conversation || rows[i].vendor != rows[i - 1].vendor) latest = {};
    if (rows[i].n >= latest.n) {
      latest = rows[i];
      continue;
    }
    const std::int64_t ms = latest.ms - rows[i].ms;
    ++account.overtaken_at[rows[i].vendor];
    account.overtaken_ms = std::max(account.overtaken_ms, ms);
    if (ms <= kTogetherMs) {
      ++account.together;
    } else if (changed_hands(disturbances, rows[i].ms, latest.ms)) {
      ++account.taken_over;
    } else {
      ++account.overtaken;
      name(account.overtaken_events, rows[i].event);
    }
  }
}

Ledger::Account Ledger::account(std::span<const Disturbance> disturbances) const {
  Account account{
      .events = events_.size(), .units = units_.size(), .requests = requests_, .unseen = unseen_, .foreign = foreign_};
  std::vector<std::string_view> rules(rules_.size());
  for (const auto& [rule, number] : rules_) rules[number] = rule;
  for (EventNumber event = 0; event < events_.size(); ++event) {
    const Event& known = events_[event];
    for (std::size_t i = known.first_unit; i < known.first_unit + known.units; ++i) {
      const Unit& unit = units_[i];
      account.deferred += unit.retrying;
      count_repeats(unit, event, disturbances, account);
      if (!unit.end) {
        account.waiting += known.waits;
        account.lost += !known.waits;
        if (!known.waits) name(account.lost_events, event);
        continue;
      }
      account.finals_repeated += unit.finals - 1u;
      switch (*unit.end) {
        case Heard::Accepted:
          ++account.accepted;
          account.told_never_seen += unit.taken == 0;
          break;
        case Heard::Dead:
          ++account.dead;
          account.dead_without_letter += !known.letter;
          ++account.dead_rules[std::string(rules[unit.rule])];
          break;
        case Heard::Expired:
          ++account.expired;
          break;
        default:
          ++account.other;
      }
    }
  }
  count_order(disturbances, account);
  return account;
}

std::vector<Ledger::Phase> Ledger::phases(std::span<const VendorNumber> vendors, std::int64_t now_ms) const {
  std::vector<Phase> all(phases_.size());
  for (std::size_t i = 0; i < phases_.size(); ++i) all[i].name = phases_[i];
  for (const Event& event : events_)
    for (std::size_t i = event.first_unit; i < event.first_unit + event.units; ++i) {
      const Unit& unit = units_[i];
      Phase& phase = all[event.phase];
      ++phase.units;
      phase.accepted += unit.end == Heard::Accepted;
      phase.dead += unit.end == Heard::Dead;
      phase.deferred += unit.retrying;
      phase.open += !unit.end;
      if (std::ranges::find(vendors, unit.vendor) != vendors.end())
        phase.latency.add((unit.end ? unit.end_ms : now_ms) - event.due_ms);
    }
  return all;
}

}  // namespace nightpost::chaos
