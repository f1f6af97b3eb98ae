#include "chaos/schedule.h"

#include <algorithm>
#include <span>

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;

/// How long a blow takes: what it lasts (in a short form as well), and the rest behind it, in which what it did heals.
struct Kind {
  Blow blow;
  std::string_view name;
  milliseconds lasts, lasts_brief, rest;
};

constexpr std::array kLines = {
    Kind{Blow::Resets, "stream resets", 5s, 2s, 1s},    Kind{Blow::Goaways, "GOAWAY storm", 5s, 2s, 1s},
    Kind{Blow::Cuts, "connection resets", 5s, 2s, 1s},  Kind{Blow::SlowLoris, "slow answers", 8s, 2s, 1s},
    Kind{Blow::Silence, "half-open", 8s, 3s, 1s},       Kind{Blow::Refusals, "refused connections", 5s, 2s, 1s},
    Kind{Blow::Untrusted, "untrusted TLS", 5s, 2s, 1s}, Kind{Blow::Unavailable, "503", 5s, 2s, 1s},
    Kind{Blow::ProxyLoss, "proxy lost", 5s, 2s, 1s},    Kind{Blow::HostFrozen, "host frozen", 5s, 2s, 1s},
};
constexpr std::array kFleet = {
    Kind{Blow::Kill, "kill", 0s, 0s, 3s},
    Kind{Blow::Rebalance, "rebalance", 4s, 3s, 2s},
    Kind{Blow::BrokerRestart, "broker restart", 0s, 0s, 8s},
    Kind{Blow::ResultsRefused, "results refused", 4s, 3s, 2s},
    Kind{Blow::Freeze, "freeze", 12s, 9s, 3s},
    Kind{Blow::StoreLocked, "store locked", 5s, 3s, 1s},
    Kind{Blow::StoreGone, "store gone", 4s, 3s, 3s},
    Kind{Blow::StoreFull, "store full", 4s, 3s, 1s},
};
constexpr std::size_t kApns = 0, kFcm = 1;

/// SplitMix64 (Steele, Lea, Flood 2014). The standard's distributions differ between libraries.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
  }
  template <class T>
  void shuffle(std::span<T> all) {
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[below(i)]);
  }

 private:
  std::uint64_t state_;
};

const Kind& kind_of(Blow blow) {
  const auto in = [&](const auto& kinds) { return std::ranges::find(kinds, blow, &Kind::blow); };
  if (const auto found = in(kLines); found != kLines.end()) return *found;
  return *in(kFleet);
}

/// What HTTP/2 alone can say is said to those that only speak it.
VendorNumber vendor_for(Blow blow, Dice& dice) {
  return static_cast<VendorNumber>(blow == Blow::Goaways ? (dice.below(2) == 0 ? kApns : kFcm) : dice.below(kVendors));
}

/// `first`: so many of `kinds` come before all others, for the shortest run has them too.
std::vector<Act> acts_of(std::span<const Kind> kinds, std::size_t first, std::optional<Blow> favourite,
                         std::uint64_t seed, seconds part, bool brief) {
  Dice dice(seed);
  std::vector<Act> acts;
  std::vector<Blow> bag;
  for (milliseconds at{0};;) {
    if (bag.empty()) {
      for (const Kind& kind : kinds) bag.push_back(kind.blow);
      // From the second round on the favourite is half of all.
      if (favourite && !acts.empty()) bag.insert(bag.end(), kinds.size() - 1, *favourite);
      dice.shuffle(std::span(bag).subspan(acts.empty() ? first : 0));
    }
    const auto fits = std::ranges::find_if(bag, [&](Blow blow) {
      const Kind& kind = kind_of(blow);
      return at + (brief ? kind.lasts_brief : kind.lasts) + kind.rest <= part;
    });
    if (fits == bag.end()) return acts;
    const Kind& kind = kind_of(*fits);
    const milliseconds lasts = brief ? kind.lasts_brief : kind.lasts;
    bag.erase(fits);
    acts.push_back({.blow = kind.blow, .vendor = std::nullopt, .at = at, .lasts = lasts});
    if (on_one_vendor(kind.blow)) acts.back().vendor = vendor_for(kind.blow, dice);
    at += lasts + kind.rest + milliseconds(dice.below(brief ? 200 : 1'000));
  }
}

}  // namespace

std::string_view name_of(Blow blow) { return kind_of(blow).name; }

bool on_one_vendor(Blow blow) { return blow < Blow::ProxyLoss; }

Form short_form() {
  return {.name = "short",
          .warm_up = 3s,
          .calm = 7s,
          .trouble = 6s,
          .recovery = 9s,
          .lines = 22s,
          .workers = 26s,
          .settle = 60s,
          .per_s = 200,
          .busy_per_s = 800,
          .brief = true};
}

Form form_of(seconds whole) {
  whole = std::max<seconds>(whole, 180s);
  // 10 s and 60 s are enough to warm up and to know calm; of the rest a third goes to isolation.
  const seconds rest = whole - 70s;
  const seconds isolation = std::min<seconds>(rest / 3, 240s);
  Form form{.name = "whole", .trouble = isolation / 5, .recovery = isolation - 3 * (isolation / 5)};
  form.lines = std::min<seconds>((rest - isolation) / 2, 240s);
  form.workers = rest - isolation - form.lines;
  return form;
}

Form long_form(seconds whole) {
  Form form = form_of(whole);
  form.name = "long";
  form.outage = 300s;
  form.settle = 900s;
  form.cluster = true;
  return form;
}

std::vector<Act> line_acts(std::uint64_t seed, seconds part, bool brief) {
  return acts_of(kLines, 0, std::nullopt, seed, part, brief);
}

std::vector<Act> fleet_acts(std::uint64_t seed, seconds part, bool brief) {
  return acts_of(kFleet, 2, Blow::Kill, seed + 1, part, brief);
}

std::vector<Act> kill_acts(std::uint64_t seed, std::size_t kills) {
  Dice dice(seed);
  std::vector<Blow> blows(kills, Blow::Kill);
  blows.insert(blows.end(), std::max<std::size_t>(kills / 5, 1), Blow::Rebalance);
  blows.insert(blows.end(), std::max<std::size_t>(kills / 50, 1), Blow::BrokerRestart);
  dice.shuffle(std::span(blows));
  std::vector<Act> acts;
  milliseconds at{0};
  for (const Blow blow : blows) {
    const Kind& kind = kind_of(blow);
    acts.push_back({.blow = blow, .vendor = std::nullopt, .at = at, .lasts = kind.lasts_brief});
    // Two workers share the partitions: some kills come while the one before is still being made good, most do not.
    const milliseconds rest = blow == Blow::Kill ? milliseconds(500 + dice.below(3'000)) : kind.rest;
    at += kind.lasts_brief + rest;
  }
  return acts;
}

Form kill_form(std::size_t kills, std::uint64_t seed) {
  const std::vector<Act> acts = kill_acts(seed, kills);
  Form form{.name = "kills",
            .warm_up = 0s,
            .calm = 0s,
            .trouble = 0s,
            .recovery = 0s,
            .lines = 0s,
            .workers = std::chrono::ceil<seconds>(2 * acts.back().at) + 60s,  // what a blow takes comes on top
            .settle = 240s,
            .per_s = 200};
  form.kills = kills;
  return form;
}

Form soak_form(seconds whole) {
  return {.name = "soak",
          .warm_up = 0s,
          .calm = 0s,
          .trouble = 0s,
          .recovery = 0s,
          .lines = whole,
          .workers = 0s,
          .settle = 240s,
          .soak = true};
}

std::vector<Blow> left_out(const std::vector<Act>& lines, const std::vector<Act>& fleet) {
  std::vector<Blow> missing;
  for (std::size_t i = 0; i < std::size_t(Blow::Count); ++i) {
    const auto blow = static_cast<Blow>(i);
    const auto is_there = [&](const std::vector<Act>& acts) {
      return std::ranges::find(acts, blow, &Act::blow) != acts.end();
    };
    if (!is_there(lines) && !is_there(fleet)) missing.push_back(blow);
  }
  return missing;
}

}  // namespace nightpost::chaos
