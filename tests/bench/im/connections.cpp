#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "bench/im/bare_tls.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

constexpr std::size_t kBareConnections = 2'000;

struct Logins {
  double per_s = 0, cpu_us = 0;
};

Logins log_in(const ImPlan& plan, const ImBed& bed, Crowd& crowd, Crowd::Index first) {
  const auto cpu = bed.usage().cpu;
  const auto start = Clock::now();
  crowd.login_all(first, plan.logins_at_once);
  const auto span = std::chrono::duration<double>(Clock::now() - start).count();
  const auto count = static_cast<double>(crowd.size() - first);
  return {count / span, static_cast<double>((bed.usage().cpu - cpu).count()) / count};
}

}  // namespace

void measure_connections(const ImPlan& plan, ImBed& bed, Measured& run) {
  const std::string prefix = bed.tls() ? "tls_" : "";
  Crowd crowd(bed.port(), bed.tls());
  crowd.add("first");  // what is made once is made
  crowd.login_all(0, 1);
  bed.expect_metric("nightpost_im_online", 1);
  const std::uint64_t before_kb = bed.usage().rss_kb;
  for (std::size_t i = 0; i < plan.connections; ++i) crowd.add(fmt::format("idle-{}", i));

  const Logins fresh = log_in(plan, bed, crowd, 1);
  bed.expect_metric("nightpost_im_online", static_cast<double>(crowd.size()));
  const std::uint64_t after_kb = bed.usage().rss_kb;
  run[prefix + "connections"] = plan.connections;
  run[prefix + "rss_bytes_per_connection"] =
      (static_cast<double>(after_kb) - static_cast<double>(before_kb)) * 1'024 / static_cast<double>(plan.connections);
  run[prefix + "first_logins_per_s"] = fresh.per_s;
  run[prefix + "first_login_cpu_us"] = fresh.cpu_us;

  for (Crowd::Index i = 1; i < crowd.size(); ++i) crowd.cut(i);
  bed.expect_metric("nightpost_im_online", 1);
  const Logins again = log_in(plan, bed, crowd, 1);
  bed.expect_metric("nightpost_im_online", static_cast<double>(crowd.size()));
  run[prefix + "logins_per_s"] = again.per_s;
  run[prefix + "login_cpu_us"] = again.cpu_us;
  if (bed.tls()) {
    for (Crowd::Index i = 1; i < crowd.size(); ++i) crowd.cut(i);
    bed.expect_metric("nightpost_im_online", 1);
    crowd.resume_sessions();
    const Logins resumed = log_in(plan, bed, crowd, 1);
    if (crowd.resumed() != plan.connections)
      throw std::runtime_error(fmt::format("{} of {} sessions were resumed", crowd.resumed(), plan.connections));
    bed.expect_metric("nightpost_im_online", static_cast<double>(crowd.size()));
    run[prefix + "resumed_logins_per_s"] = resumed.per_s;
    run[prefix + "resumed_login_cpu_us"] = resumed.cpu_us;
    // The crowd may have all files that the limit leaves, and the clients of the bare server are of this process, too.
    for (Crowd::Index i = 0; i < crowd.size(); ++i) crowd.cut(i);
    const double bare = bare_tls_bytes(std::min(plan.connections, kBareConnections));
    run[prefix + "bare_bytes_per_connection"] = bare;
    run[prefix + "bytes_above_bare"] = run[prefix + "rss_bytes_per_connection"].get<double>() - bare;
  }
  run[prefix + "rss_mb"] = bed.usage().rss_max_kb / 1'024;
}

}  // namespace nightpost::bench
