// Any text as the target and the body of a call of the admin API, or as what the IM server answers it, and any bytes as
// a credential that is uploaded: each is read or refused with a status and a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "admin/routes.h"
#include "admin/target.h"
#include "app/console_companion.h"
#include "app/console_desks.h"

using namespace nightpost;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
void must_explain(const admin::Refusal& refusal, int status) {
  must(refusal.status == status && !refusal.code.empty() && !refusal.message.empty());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto target = admin::read_target("/" + text);
  if (!target) must_explain(target.error(), 400);
  for (const admin::Route& route : admin::routes()) {
    if (target) {
      (void)admin::match_path(route.path, target->segments);
      if (const auto query = admin::typed_query(target->query, route.query); !query) must_explain(query.error(), 400);
    }
    if (const auto body = admin::read_members(text, route.body); !body) must_explain(body.error(), 400);
  }
  if (const auto done = app::companion_answer(200, text); !done) must_explain(done.error(), 502);
  const auto vendor = static_cast<Vendor>(data[0] % std::size_t(Vendor::Count));
  static const app::Config kConfig;
  static const SystemClock kClock;
  const app::ConsoleCertificates desk(kConfig, kClock);
  const admin::CertificateChange change{.name = "shop",
                                        .bundle_id = "com.example.shop",
                                        .key_id = vendor == Vendor::Apns ? std::optional("ABC123DEFG") : std::nullopt,
                                        .team_id = vendor == Vendor::Apns ? std::optional("DEF123GHIJ") : std::nullopt,
                                        .file = text,
                                        .password = "secret",
                                        .settings = {{"app_id", "100000001"}}};
  const auto made = desk.changed({.facts = {.app = {1}, .vendor = vendor}, .secret = {}}, change, WallTime{});
  if (!made) must_explain(made.error(), 422);
  return 0;
}
