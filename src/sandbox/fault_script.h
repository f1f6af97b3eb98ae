// Faults on demand: rules tried in order. The JSON is described by config/schemas/sandbox-script.schema.json. Equal
// requests in an equal order meet equal faults.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/vendor_simulator.h"
#include "server/fault_injection.h"
#include "server/http_server.h"

namespace nightpost::sandbox {

/// What a rule looks at.
struct FaultSubject {
  std::string_view vendor;
  std::span<const TokenVerdict> tokens;  // one with a reason is refused already: no rule sees it
  std::string_view topic;
  std::string_view target = "/";
  bool push = true;
  /// VendorSimulator::tells of this request; empty: no.
  std::function<bool(std::string_view reason)> tells = {};
};

struct FaultMatch {
  std::string vendor, token, token_prefix, topic;  // empty: any
  std::string path_prefix;                         // empty: every push; else what begins so, token endpoints too
  double share = 1;                                // of the tokens, or of the requests
  bool share_of_requests = false;
  std::string seed;                    // another seed, another share
  std::optional<std::uint64_t> nth;    // only the n-th that matches the above, from 1
  std::uint64_t after = 0;             // not the first ones
  std::optional<std::uint64_t> times;  // at most as often

  /// Chooses devices and not requests: it counts them, and its answer is theirs alone where the vendor can say that.
  bool by_token() const noexcept {
    return !share_of_requests && (!token.empty() || !token_prefix.empty() || share < 1);
  }
};

struct FaultAct {
  milliseconds latency_least{0}, latency_most{0};
  std::optional<ScriptedAnswer> answer;  // instead of the simulator's own
  std::optional<std::uint32_t> reset;
  std::optional<server::ServerGoaway> goaway;
  std::vector<std::pair<std::uint16_t, std::uint32_t>> settings;
  bool hang = false;
  bool drop = false;
};

/// What a request meets. The pointers are good as long as the script.
struct Faults {
  const FaultAct* request = nullptr;  // the whole request: its answer, reset, hang or drop; or only the below
  struct OnToken {
    std::size_t index;  // in FaultSubject::tokens
    const ScriptedAnswer* answer;
  };
  std::vector<OnToken> tokens;                 // none if the whole request is answered so
  std::vector<const FaultAct*> on_connection;  // acts with goaway or settings, in order
  milliseconds latency{0};                     // drawn; the longest where several rules act
  bool any() const noexcept { return request || !tokens.empty(); }
};

class FaultScript {
 public:
  /// Malformed, with the JSON path.
  static Result<FaultScript> parse(std::string_view json);

  /// Each device meets the first rule that acts on it; the first that acts on the request as a whole ends the search.
  /// Counts: call it once a request. Costs what matches, not tokens times rules, except for shares of tokens.
  Faults pick(const FaultSubject& subject);
  /// To be done once, on every open connection, when the script is set.
  const std::optional<FaultAct>& now() const noexcept { return now_; }
  bool empty() const noexcept { return rules_.empty(); }

 private:
  struct Rule {
    FaultMatch match;
    FaultAct act;
    std::uint64_t seen = 0;  // requests or tokens that matched but for nth, after and times
    std::uint64_t acted = 0;
    bool fires();
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using RulesByText = std::unordered_map<std::string, std::vector<std::uint32_t>, Hash, std::equal_to<>>;
  struct Hit {
    std::uint32_t rule;
    std::uint32_t token;
    auto operator<=>(const Hit&) const = default;
  };

  void index(std::uint32_t number);
  void find_named(std::span<const TokenVerdict> tokens);
  bool apply(Rule& rule, const FaultSubject& subject, std::span<const Hit> candidates, Faults& faults);

  std::vector<Rule> rules_;
  std::vector<std::uint32_t> unnamed_;                          // rules that name no token, in order
  RulesByText by_token_;                                        // rules that name one
  std::vector<std::pair<std::size_t, RulesByText>> by_prefix_;  // rules that name a beginning, by its length
  std::optional<FaultAct> now_;
  std::vector<Hit> hits_;       // scratch of pick()
  std::vector<Hit> everybody_;  // likewise
  std::vector<bool> settled_;   // likewise
};

}  // namespace nightpost::sandbox
