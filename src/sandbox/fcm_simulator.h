// Firebase Cloud Messaging, HTTP v1, and Google's token endpoint as a simulator.
#pragma once

#include <memory>

#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

std::unique_ptr<VendorSimulator> make_fcm_simulator(const SimulatorOptions& options);

}  // namespace nightpost::sandbox
