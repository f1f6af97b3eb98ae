// Faults on demand: rules tried in order, the first that matches acts. The JSON is described by
// config/schemas/sandbox-script.schema.json. Equal requests in an equal order meet equal faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "net/http_server.h"
#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

/// What a rule looks at.
struct FaultSubject {
  std::string_view vendor;
  std::string_view token;
  std::string_view topic;
};

struct FaultMatch {
  std::string vendor, token, token_prefix, topic;  // empty: any
  double share = 1;                                // of the tokens, or of the requests
  bool share_of_requests = false;
  std::string seed;                    // another seed, another share
  std::optional<std::uint64_t> nth;    // only the n-th request that matches the above, from 1
  std::uint64_t after = 0;             // not the first ones
  std::optional<std::uint64_t> times;  // at most as often
};

struct FaultAct {
  milliseconds latency_least{0}, latency_most{0};
  std::optional<ScriptedAnswer> answer;  // instead of the simulator's own
  std::optional<std::uint32_t> reset;
  std::optional<net::ServerAction::Goaway> goaway;
  std::vector<std::pair<std::uint16_t, std::uint32_t>> settings;
  bool hang = false;
  bool drop = false;
};

/// A rule that fires: what to do, and the latency drawn for this request.
struct Fault {
  const FaultAct* act;  // valid as long as the script
  milliseconds latency{0};
};

class FaultScript {
 public:
  /// Malformed, with the JSON path.
  static Result<FaultScript> parse(std::string_view json);

  /// nullopt: no rule matches. Counts: call it once a request.
  std::optional<Fault> pick(const FaultSubject& subject);
  /// To be done once, on every open connection, when the script is set.
  const std::optional<FaultAct>& now() const noexcept { return now_; }
  bool empty() const noexcept { return rules_.empty(); }

 private:
  struct Rule {
    FaultMatch match;
    FaultAct act;
    std::uint64_t seen = 0;  // requests that matched but for nth, after and times
    std::uint64_t acted = 0;
  };
  std::vector<Rule> rules_;
  std::optional<FaultAct> now_;
};

}  // namespace nightpost::sandbox
