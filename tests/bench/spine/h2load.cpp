#include "bench/spine/h2load.h"

#include <fmt/format.h>

#include <regex>
#include <stdexcept>

#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

/// The headers of a push to Apple. As in a worker, authorization (a JWT is about 220 bytes) and :path
/// go literally each time. The two ids do not vary here, so they cost h2load a byte each.
std::vector<std::string> headers() {
  return {"authorization: bearer " + std::string(220, 'j'),
          "apns-topic: com.example.spine",
          "apns-push-type: alert",
          "apns-priority: 10",
          "apns-id: 0c1d1f8e-1111-8222-8333-123456789abc",
          "apns-expiration: 1795312287",
          "apns-collapse-id: 0123456789abcdef0123456789abcdef",
          "content-type: application/json"};
}

}  // namespace

double h2load_per_s(const H2loadPlan& plan, const support::TempFolder& folder) {
  std::string urls;
  for (std::size_t i = 0; i < plan.requests; ++i)
    urls += fmt::format("{}/3/device/{}\n", plan.origin, support::user_token(i));
  std::vector<std::string> argv{"h2load",
                                "--requests=" + std::to_string(plan.requests),
                                "--clients=" + std::to_string(plan.connections),
                                "--max-concurrent-streams=" + std::to_string(plan.streams_each),
                                "--threads=1",
                                "--input-file=" + folder.write("h2load-urls", urls),
                                "--data=" + folder.write("h2load-body", std::string(plan.body_bytes, 'b'))};
  for (const std::string& header : headers()) argv.push_back("--header=" + header);
  const support::Ran ran = support::run_command(argv, support::milliseconds(300'000));

  std::smatch rate, succeeded;
  if (ran.exit_code != 0 || !std::regex_search(ran.out, rate, std::regex(R"(finished in .*, ([0-9.]+) req/s)")) ||
      !std::regex_search(ran.out, succeeded, std::regex(R"(status codes: (\d+) 2xx)")) ||
      std::stoull(succeeded[1]) != plan.requests)
    throw std::runtime_error("h2load: " + ran.out);
  return std::stod(rate[1]);
}

}  // namespace nightpost::bench
