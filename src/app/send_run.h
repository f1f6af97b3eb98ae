// One test push through the very dispatcher the worker runs, without Kafka: `nightpost send`, and POST /v1/push.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "admin/ports.h"
#include "app/config.h"
#include "core/result.h"
#include "core/time.h"
#include "resolve/ports.h"
#include "store/store.h"

namespace nightpost::app {

/// A line for people: a host that cannot be reached, a clock that is off.
using SendRemark = std::function<void(const std::string& line)>;

/// An array with an item a device: "device_id", "vendor", "certificate", "request" (secrets redacted; null: a rule
/// stopped it before), "outcome" (null in a dry run with a request), and in a dry run "text": the body as it stands on
/// the wire. A user without devices has one item, with the rule that says so. One attempt, ended by `timeout` a device.
/// Blocks. NotFound: the user has no such device.
Result<nlohmann::json> send_test_push(const Config& config, store::Store& store, const admin::PushQuestion& options,
                                      milliseconds timeout, const Clock& clock, const SendRemark& remark);
/// The same out of any source that answers at once.
Result<nlohmann::json> send_test_push(const Config& config, resolve::Source& source, const admin::PushQuestion& options,
                                      milliseconds timeout, const Clock& clock, const SendRemark& remark);

/// What would become of an event, with nothing sent and nothing changed: "requests", each as an item above with "text",
/// batches as they would go; "outcomes" of those that a rule ends; "dead": why the event is a dead letter, else null.
/// Blocks, at most for `timeout`.
Result<nlohmann::json> dry_run_event(const Config& config, store::Store& store, std::string_view event,
                                     milliseconds timeout, const Clock& clock);

}  // namespace nightpost::app
