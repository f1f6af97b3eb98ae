// What the console has the companion's IM server do, by its server API: in the name of an administrator of the app,
// signed with the app's key. One thread uses an object of these.
#pragma once

#include <string>
#include <string_view>

#include "admin/ports.h"
#include "app/config.h"
#include "core/time.h"

namespace nightpost::app {

/// Borrows both.
class ConsoleCompanion final : public admin::CompanionDesk {
 public:
  ConsoleCompanion(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}
  Done kick(const im::UserKey& who) override;
  Done silence(const im::UserKey& who, const Silence& silence) override;

 private:
  Done ask(AppId app, std::string_view command, const nlohmann::json& body) const;

  const Config& config_;
  const Clock& clock_;
};

/// Where such a command is sent. 503: the config names no IM server, or nobody of the app whom it would hear. Pure but
/// for the key's file.
std::expected<std::string, admin::Refusal> companion_url(const Config& config, AppId app, std::string_view command,
                                                         WallTime now);
/// What the server API's answer means. Pure.
admin::CompanionDesk::Done companion_answer(int status, std::string_view body);

}  // namespace nightpost::app
