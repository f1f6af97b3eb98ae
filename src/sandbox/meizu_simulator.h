// Meizu's (Flyme's) push service as a simulator.
#pragma once

#include <memory>

#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

std::unique_ptr<VendorSimulator> make_meizu_simulator(const SimulatorOptions& options);

}  // namespace nightpost::sandbox
