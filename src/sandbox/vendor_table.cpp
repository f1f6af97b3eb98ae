#include "sandbox/apns_simulator.h"
#include "sandbox/fcm_simulator.h"
#include "sandbox/honor_simulator.h"
#include "sandbox/huawei_simulator.h"
#include "sandbox/meizu_simulator.h"
#include "sandbox/oppo_simulator.h"
#include "sandbox/vendor_simulator.h"
#include "sandbox/vivo_simulator.h"
#include "sandbox/xiaomi_simulator.h"

namespace nightpost::sandbox {
namespace {

struct Row {
  std::string_view vendor;
  std::unique_ptr<VendorSimulator> (*make)(const SimulatorOptions&);
};
constexpr Row kVendors[] = {
    {"apns", make_apns_simulator},   {"fcm", make_fcm_simulator},       {"huawei", make_huawei_simulator},
    {"honor", make_honor_simulator}, {"xiaomi", make_xiaomi_simulator}, {"oppo", make_oppo_simulator},
    {"vivo", make_vivo_simulator},   {"meizu", make_meizu_simulator},
};

}  // namespace

std::unique_ptr<VendorSimulator> make_simulator(std::string_view vendor, const SimulatorOptions& options) {
  for (const Row& row : kVendors)
    if (row.vendor == vendor) return row.make(options);
  return nullptr;
}

std::vector<std::string> simulated_vendors() {
  std::vector<std::string> names;
  for (const Row& row : kVendors) names.emplace_back(row.vendor);
  return names;
}

}  // namespace nightpost::sandbox
