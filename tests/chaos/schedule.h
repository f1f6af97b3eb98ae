// What is done to whom, when: drawn from a seed. Pure; equal seeds and forms give equal schedules on every machine.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chaos/ledger.h"

namespace nightpost::chaos {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Blow {
  // to a vendor or the line to it
  Resets,       // a third of the requests is reset (RST_STREAM; the connection, over HTTP/1.1)
  Goaways,      // GOAWAY on every connection, twice a second
  Cuts,         // every connection is reset, again and again
  SlowLoris,    // answers come a byte at a time
  Silence,      // connections stay and carry nothing, new ones too
  Refusals,     // no connection can be made
  Untrusted,    // a server with another authority's certificate
  Unavailable,  // 503 to everything
  // to what stands between all vendors and a worker
  ProxyLoss,   // the proxy of one worker ends its tunnels and opens none
  HostFrozen,  // the host of all vendors stands still
  // to the fleet
  Kill,            // SIGKILL, and started again
  Rebalance,       // a worker comes and goes
  Freeze,          // SIGSTOP for longer than a session, then SIGCONT
  BrokerRestart,   // in good order, on the same data
  ResultsRefused,  // the results topic takes no outcome
  StoreLocked,     // another process holds the store's write lock while tokens are to be removed
  StoreGone,       // the store's file is not there while a worker starts
  StoreFull,       // the store's disk is full while tokens are to be removed
  Count
};
std::string_view name_of(Blow blow);
/// Whether the blow meets one vendor.
bool on_one_vendor(Blow blow);

struct Act {
  Blow blow = Blow::Kill;
  std::optional<VendorNumber> vendor = {};
  milliseconds at{0};     // from the beginning of its part
  milliseconds lasts{0};  // of what has an end of its own; 0: as long as it takes
};

struct Form {
  std::string name;
  // The parts, in this order. 0: left out.
  seconds warm_up{10}, calm{60}, trouble{30}, recovery{60}, lines{150}, workers{180};
  seconds outage{0};         // one vendor answers nothing but 503
  seconds settle{120};       // the waiting for the last outcomes
  double per_s = 400;        // events, in lines and workers
  double busy_per_s = 3000;  // from warm-up to recovery
  bool cluster = false;      // three brokers, of which one is lost where else the only one restarts
  std::size_t kills = 0;     // so many in `workers` instead of blows of every kind
  bool soak = false;         // `lines` is all, every event is traced, and what grows is judged
  bool brief = false;        // blows are shorter, and the worker's limits a fraction of their defaults (stage.cpp), so
                             // that what fills up in minutes otherwise does so in time
};
/// About 80 s, for continuous integration.
Form short_form();
/// `whole`: the time from the first event to the last, at least three minutes.
Form form_of(seconds whole);
/// With a vendor that is down for five minutes, and three brokers.
Form long_form(seconds whole);

/// Nothing but the fleet, in which so many workers are killed, by kill_acts(): some 3.5 s each.
Form kill_form(std::size_t kills, std::uint64_t seed);

/// Blows to the lines for so long, one after the other, and no worker is killed, so what one holds can be compared.
Form soak_form(seconds whole);

/// Blows to the vendors' lines within `part`, one after the other with a rest between; each kind comes once before any
/// comes twice. Empty if `part` holds none.
std::vector<Act> line_acts(std::uint64_t seed, seconds part, bool brief = false);
/// Blows to the fleet, likewise, a kill and a rebalance first of all; beyond one of each kind half of them are kills.
std::vector<Act> fleet_acts(std::uint64_t seed, seconds part, bool brief = false);
/// So many kills, a rebalance for five of them and a broker restart for fifty, at least one of each, in any order.
std::vector<Act> kill_acts(std::uint64_t seed, std::size_t kills);
/// The kinds of both lists that are not in `acts`.
std::vector<Blow> left_out(const std::vector<Act>& lines, const std::vector<Act>& fleet);

}  // namespace nightpost::chaos
