// What a push to a user would do now, rule by rule, with nothing sent: `nightpost user why`, GET /v1/users/decision.
#pragma once

#include <nlohmann/json.hpp>

#include "admin/ports.h"
#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

/// "rule" and "checks" of the receiver, and in "devices" of each device, up to its certificate and token: all rules in
/// the order in which a worker asks them, each with what it looked at. "rule" is the first that stops, or "none". What
/// only a worker knows (pauses, quotas, breakers) is not among them. Reads the store.
Result<nlohmann::json> push_decision(store::Store& store, const admin::DecisionQuestion& question, WallTime now);

}  // namespace nightpost::app
