// Huawei Push Kit as a simulator: token endpoint, messages:send v1, v2 and v3, receipts.
#pragma once

#include <memory>

#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

std::unique_ptr<VendorSimulator> make_huawei_simulator(const SimulatorOptions& options);

}  // namespace nightpost::sandbox
