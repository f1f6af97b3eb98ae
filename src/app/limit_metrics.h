// The limits that have a gauge of their use, so that a dashboard or an alert can divide the two.
#pragma once

#include "app/config.h"
#include "observe/metrics_page.h"

namespace nightpost::app {

/// A worker's limits, all shards together, as gauges that stay as they are: nightpost_<use>_limit beside
/// nightpost_<use>; and nightpost_shards, nightpost_build_info.
void register_limits(observe::MetricsPage& page, const Config& config);
/// The last of them alone, of a service that is no worker.
void register_build_info(observe::MetricsPage& page);

}  // namespace nightpost::app
