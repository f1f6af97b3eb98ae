#include "sandbox/taught_devices.h"

#include "sandbox/json_fields.h"

namespace nightpost::sandbox {

Result<TaughtDevices::Read> TaughtDevices::read(const nlohmann::json* tokens, std::size_t known_max) const {
  Read devices;
  if (!tokens) return devices;
  if (tokens->size() + devices_.size() > known_max)
    return fail(Errc::Malformed, "$.tokens: more than " + std::to_string(known_max) + " in all");
  devices.reserve(tokens->size());
  for (const nlohmann::json& value : *tokens) {
    JsonFields fields(value, "$.tokens[" + std::to_string(devices.size()) + "]");
    std::string token = fields.required_text("token");
    Device device{.app = fields.text("app").value_or(""),
                  .gone = fields.flag("gone"),
                  .muted = fields.flag("muted"),
                  .test = fields.flag("test"),
                  .api = fields.text("api").value_or(""),
                  .platform = fields.text("platform").value_or("")};
    if (!device.platform.empty() && device.platform != "ios" && device.platform != "android")
      fields.fault("platform", "neither ios nor android");
    if (auto done = fields.finish(); !done) return std::unexpected(done.error());
    devices.emplace_back(std::move(token), std::move(device));
  }
  return devices;
}

void TaughtDevices::add(Read devices) {
  for (auto& [token, device] : devices) devices_.insert_or_assign(std::move(token), std::move(device));
}

const Device* TaughtDevices::find(std::string_view token) const {
  const auto found = devices_.find(token);
  return found == devices_.end() ? nullptr : &found->second;
}

}  // namespace nightpost::sandbox
