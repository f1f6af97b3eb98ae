#include "app/cli_audit.h"

#include "admin/views.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/console_desks.h"
#include "core/time.h"

namespace nightpost::app {

store::AuditEntry cli_entry(std::string what) {
  return {
      .at = SystemClock().wall(), .who = system_user(), .origin = "cli", .what = std::move(what), .outcome = "done"};
}

void note_certificate(store::AuditEntry& entry, const Certificate* before, const Certificate* after) {
  const Config config;
  const SystemClock clock;
  const ConsoleCertificates desk(config, clock);
  if (const Certificate* const any = after != nullptr ? after : before) {
    entry.app = any->app;
    entry.object = std::to_string(any->id.value);
  }
  if (before != nullptr) entry.before = admin::certificate_note(*before, desk).dump();
  if (after != nullptr) entry.after = admin::certificate_note(*after, desk).dump();
}

}  // namespace nightpost::app
