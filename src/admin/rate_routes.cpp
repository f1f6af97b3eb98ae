// What workers' /metrics said: the last hour, for the charts of the first page; and how each worker stands.
#include <cmath>

#include "admin/rate_book.h"
#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

double thousandths(double value) { return std::round(value * 1'000) / 1'000; }

/// By name, without those that are zero.
template <std::size_t N>
nlohmann::json rates_view(const std::array<double, N>& rates, auto name) {
  nlohmann::json out = nlohmann::json::object();
  for (std::size_t i = 0; i < N; ++i)
    if (rates[i] > 0) out[std::string(name(i))] = thousandths(rates[i]);
  return out;
}

std::string_view outcome_word(std::size_t i) { return name_of(static_cast<OutcomeKind>(i)); }
std::string_view vendor_word(std::size_t i) { return name_of(static_cast<Vendor>(i)); }
std::string_view put_off_word(std::size_t i) { return kPutOffReasons[i]; }

nlohmann::json known(const std::optional<double>& number) {
  return number ? nlohmann::json(thousandths(*number)) : nlohmann::json();
}

nlohmann::json vendor_state_view(Vendor vendor, const VendorState& state, const std::optional<WorkerCounts>& rates) {
  nlohmann::json signers = nlohmann::json::object(), quotas = nlohmann::json::array();
  for (std::size_t i = 0; i < kSignerStates.size(); ++i)
    if (state.signers[i]) signers[std::string(kSignerStates[i])] = *state.signers[i];
  for (std::size_t i = 0; i < kQuotaPeriods.size(); ++i)
    if (const auto& [used, left] = state.quotas[i]; used || left)
      quotas.push_back({{"per", kQuotaPeriods[i]}, {"used", known(used)}, {"left", known(left)}});
  const auto at = static_cast<std::size_t>(vendor);
  const auto rate_of = [&](const auto& member) {
    return rates ? nlohmann::json(thousandths(((*rates).*member)[at])) : nlohmann::json();
  };
  return {{"vendor", name_of(vendor)},
          {"signers", std::move(signers)},
          {"quotas", std::move(quotas)},
          {"holds", state.holds},
          {"held_certificates", state.held},
          {"requests", rate_of(&WorkerCounts::requests)},
          {"errors", rate_of(&WorkerCounts::errors)}};
}

/// Of vendors that the worker has had to do with.
nlohmann::json worker_state_view(const WorkerState& state, const std::optional<WorkerCounts>& rates) {
  nlohmann::json out = {{"outcomes", rates ? rates_view(rates->outcomes, outcome_word) : nlohmann::json()},
                        {"put_off", rates ? rates_view(rates->put_off, put_off_word) : nlohmann::json()},
                        {"vendors", nlohmann::json::array()}};
  for (std::size_t i = 0; i < kWorkerNumbers.size(); ++i)
    out[std::string(kWorkerNumbers[i].group)][std::string(kWorkerNumbers[i].member)] = known(state.numbers[i]);
  for (std::size_t i = 0; i < state.vendors.size(); ++i) {
    nlohmann::json one = vendor_state_view(static_cast<Vendor>(i), state.vendors[i], rates);
    const bool used = state.counts.requests[i] > 0 || state.counts.errors[i] > 0 || state.vendors[i].holds > 0;
    if (used || !one["signers"].empty() || !one["quotas"].empty()) out["vendors"].push_back(std::move(one));
  }
  return out;
}

}  // namespace

Reply show_rates(Request& request) {
  if (!request.caller.sees_all()) return refused(403, "wrong_app", "workers count all apps together");
  nlohmann::json workers = nlohmann::json::array(), points = nlohmann::json::array();
  for (const RateBook::Source& each : request.tools.rates.sources())
    workers.push_back({{"name", each.name}, {"trouble", each.trouble}});
  for (const RatePoint& each : request.tools.rates.points())
    points.push_back({{"at", to_ms(each.at)},
                      {"workers", each.workers},
                      {"outcomes", rates_view(each.rates.outcomes, outcome_word)},
                      {"errors", rates_view(each.rates.errors, vendor_word)},
                      {"lag", each.lagging > 0 ? nlohmann::json(each.rates.lag) : nlohmann::json()}});
  return Answer{200,
                {{"every_ms", kRatesEvery.count()}, {"workers", std::move(workers)}, {"points", std::move(points)}}};
}

Reply show_workers(Request& request) {
  if (!request.caller.sees_all()) return refused(403, "wrong_app", "workers work for all apps together");
  nlohmann::json items = nlohmann::json::array();
  for (const RateBook::Source& each : request.tools.rates.sources())
    items.push_back({{"name", each.name},
                     {"trouble", each.trouble},
                     {"looked_at", time_or_null(each.looked_at)},
                     {"answered_at", time_or_null(each.answered_at)},
                     {"state", each.state ? worker_state_view(*each.state, each.rates) : nlohmann::json()}});
  return Answer{200, {{"every_ms", kRatesEvery.count()}, {"now", to_ms(request.now)}, {"items", std::move(items)}}};
}

}  // namespace nightpost::admin
