// What is kept of events, looked up: `nightpost trace`, and GET /v1/trace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "core/result.h"
#include "core/time.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// A trace file that is there; opening would make one that is not. NotFound: it is not, with the reason.
Result<std::unique_ptr<store::TraceStore>> open_trace_file(const Config& config);

/// Of the event, and what receipts brought under the tag that vendors send back for it.
Result<std::vector<store::TraceHop>> kept_hops(store::TraceStore& trace, const std::string& event,
                                               const std::string& user);
/// What is not of this device goes; hops of the whole receiver stay. Empty: nothing goes.
void keep_device(std::vector<store::TraceHop>& hops, const std::string& device);

/// Why there may be nothing, a sentence each, for somebody who looks for it. `oldest`: nullopt: the file is empty.
std::vector<std::string> why_nothing_kept(const Config& config, std::optional<WallTime> oldest);

}  // namespace nightpost::app
