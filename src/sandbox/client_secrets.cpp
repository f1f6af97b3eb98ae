#include "sandbox/client_secrets.h"

#include <algorithm>

#include "sandbox/json_fields.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kAppsMax = 1000;
constexpr std::int64_t kQuotaMax = 1'000'000'000;

template <class Range>
auto* found(Range& apps, std::string App::* key, std::string_view value) {
  const auto place = std::ranges::find_if(apps, [&](const App& app) { return app.*key == value; });
  return place == apps.end() ? nullptr : &*place;
}

}  // namespace

bool App::spend(std::int64_t devices, WallTime now) {
  if (!devices_per_second) return true;
  const std::int64_t second = to_ms(now) / 1000;
  if (second != std::exchange(second_, second)) spent_ = 0;
  if (spent_ + devices > *devices_per_second) return false;
  spent_ += devices;
  return true;
}

Result<std::vector<App>> Apps::read(const json* apps) {
  std::vector<App> read;
  for (std::size_t i = 0; apps && i < apps->size(); ++i) {
    const json& value = (*apps)[i];
    JsonFields fields(value, "$.apps[" + std::to_string(i) + "]");
    App app;
    app.client_id = fields.required_text("client_id");
    app.client_secret = fields.required_text("client_secret");
    app.id = fields.text("app_id").value_or(app.client_id);
    app.project_id = fields.text("project_id").value_or("");
    app.package = fields.text("package").value_or("");
    app.high_priority = !fields.any("high_priority") || fields.flag("high_priority");
    app.devices_per_second = fields.integer("devices_per_second", 1, kQuotaMax);
    if (const json* ids = fields.array("receipt_ids")) {
      for (const json& id : *ids)
        if (id.is_string()) app.receipt_ids.push_back(id.get<std::string>());
      if (app.receipt_ids.size() != ids->size()) fields.fault("receipt_ids", "not an array of strings");
    }
    if (i >= kAppsMax) fields.fault("client_id", "one app too many");
    if (auto done = fields.finish(); !done) return std::unexpected(done.error());
    read.push_back(std::move(app));
  }
  return read;
}

void Apps::add(std::vector<App> apps) {
  for (App& app : apps) {
    if (App* known = found(apps_, &App::id, app.id)) {
      *known = std::move(app);
    } else if (apps_.size() < kAppsMax) {
      apps_.push_back(std::move(app));
    }
  }
}

App* Apps::by_id(std::string_view id) { return found(apps_, &App::id, id); }
App* Apps::by_project(std::string_view project_id) { return found(apps_, &App::project_id, project_id); }
const App* Apps::by_client(std::string_view client_id) const { return found(apps_, &App::client_id, client_id); }

}  // namespace nightpost::sandbox
