// Every vendor as a developer without an account has it: a credential that the sandbox takes with --accept-any, and
// device tokens of the vendor's form. Added and bound by the release binary's own commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/device.h"
#include "support/process.h"
#include "support/spine/rig.h"

namespace nightpost::support {

struct VendorKit {
  std::string vendor;
  std::vector<std::string> flags;  // of `nightpost cert add`, beside vendor, app, name, file, host and CA
  std::function<std::string()> secret;
  std::function<std::string(std::size_t user)> token;
  Platform platform = Platform::Android;
};

/// All eight, in the order of the vendor enum.
const std::vector<VendorKit>& vendor_kits();
/// Throws where there is none of that name.
const VendorKit& kit_of(std::string_view vendor);

/// `nightpost sandbox` as a child.
class SandboxProcess {
 public:
  /// `vendors` empty: all. It takes what is well-formed.
  SandboxProcess(const std::string& program, const std::vector<std::string>& vendors, const TempFolder& folder);
  std::string url(std::string_view vendor) const { return ready_.at("vendors").at(std::string(vendor)).at("url"); }
  std::string ca_file() const { return ready_.at("ca_file"); }
  Process& process() noexcept { return process_; }

  /// `/_sandbox/health`, `vendors` member.
  nlohmann::json health() const;
  nlohmann::json requests(std::string_view vendor) const;
  void script(const nlohmann::json& rules) const;  // {"rules": […]}; all vendors

 private:
  std::string call(const std::string& method, const std::string& path, const std::string& body = "") const;

  const TempFolder& folder_;
  std::string ready_file_;
  Process process_;
  nlohmann::json ready_;
};

/// Adds the kit's certificate, sent to `origin`; returns its id. Throws with what the command said.
std::int64_t add_vendor_certificate(const Nightpost& nightpost, const std::string& config, const VendorKit& kit,
                                    const std::string& origin, const std::string& ca_file, const TempFolder& folder);

/// Users [first, first + count), each with one phone of the kit's, bound to `certificate`, in the store at `path`.
void add_vendor_users(const std::string& path, std::int64_t certificate, const VendorKit& kit, std::size_t first,
                      std::size_t count);

/// One group message to users [first, first + count).
std::string group_event_json(std::string_view id, std::size_t first, std::size_t count);

}  // namespace nightpost::support
