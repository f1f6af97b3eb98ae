#include "providers/provider.h"

namespace nightpost {

Result<std::vector<Planned>> Provider::build_mixed(std::span<const Letter>, const Grant&) const {
  return fail(Errc::Malformed, "this vendor takes one content a request");
}

std::optional<std::vector<Planned>> Provider::address(const Notification&, std::span<const DeviceToken>,
                                                      const HttpResponse&, const Grant&) const {
  return std::nullopt;
}

std::string Provider::quota_class(const Notification&) const { return {}; }

std::optional<WallTime> Provider::closed_until(const Notification&, WallTime) const { return std::nullopt; }

bool Provider::goodbye_names_credential(std::string_view) const noexcept { return false; }

}  // namespace nightpost
