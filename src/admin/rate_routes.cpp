// The last hour, for the charts of the first page.
#include <cmath>

#include "admin/rate_book.h"
#include "admin/routes.h"

namespace nightpost::admin {
namespace {

/// By name, without those that are zero.
template <class Kind, std::size_t N>
nlohmann::json rates_view(const std::array<double, N>& rates) {
  nlohmann::json out = nlohmann::json::object();
  for (std::size_t i = 0; i < N; ++i)
    if (rates[i] > 0) out[std::string(name_of(static_cast<Kind>(i)))] = std::round(rates[i] * 1'000) / 1'000;
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
                      {"outcomes", rates_view<OutcomeKind>(each.rates.outcomes)},
                      {"errors", rates_view<Vendor>(each.rates.errors)},
                      {"lag", each.lagging > 0 ? nlohmann::json(each.rates.lag) : nlohmann::json()}});
  return Answer{200,
                {{"every_ms", kRatesEvery.count()}, {"workers", std::move(workers)}, {"points", std::move(points)}}};
}

}  // namespace nightpost::admin
