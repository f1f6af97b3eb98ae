// Honor Push as a simulator: token endpoint, sendMessage, receipts.
#pragma once

#include <memory>

#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

std::unique_ptr<VendorSimulator> make_honor_simulator(const SimulatorOptions& options);

}  // namespace nightpost::sandbox
