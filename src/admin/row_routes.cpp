// Devices, settings and mutes as lines: import and export, a bounded piece a request.
#include <algorithm>

#include "admin/routes.h"

namespace nightpost::admin {
namespace {

constexpr std::ptrdiff_t kImportLinesMax = 50'000;  // of a request: each that is bad is named in the answer

Reply import_lines(Request& request, RowKind kind) {
  const Values& query = request.query;
  const bool dry_run = query.flag("dry_run");
  const auto from_line = static_cast<std::uint64_t>(query.number("from_line", 1));
  if (request.call.body.empty()) return malformed("the body holds no line");
  if (std::ranges::count(request.call.body, '\n') > kImportLinesMax)
    return refused(413, "too_large", "more than " + std::to_string(kImportLinesMax) + " lines");
  request.note = {.made = !dry_run};
  const auto may_see = [&caller = request.caller](AppId app) { return caller.may_see(app); };
  Reply reply = request.tools.rows.import_rows(kind, request.call.body, from_line, dry_run, may_see);
  if (!reply) return reply;
  request.note.after = {{"from_line", from_line},
                        {"written", reply->body.value("written", 0)},
                        {"left_out", reply->body.value("left_out", 0)}};
  reply->body["dry_run"] = dry_run;
  return reply;
}

Reply export_lines(Request& request, RowKind kind) {
  const Values& query = request.query;
  if (!query.has("app") && !request.caller.sees_all())
    return malformed("missing: this token is not for all apps", "query.app");
  if (kind == RowKind::Users && query.has("after_device")) return malformed("users have none", "query.after_device");
  Reply reply = request.tools.rows.export_rows({.kind = kind,
                                                .app = query.has("app") ? std::optional(request.app()) : std::nullopt,
                                                .after = {.app = AppId{query.number("after_app")},
                                                          .user_id = query.text("after_user"),
                                                          .device = {.device_id = query.text("after_device")}},
                                                .limit = static_cast<std::size_t>(query.number("limit", 1'000))});
  if (!reply) return reply;
  request.note = {.made = true, .app = request.app(), .after = {{"rows", reply->body.value("rows", 0)}}};
  return reply;
}

}  // namespace

Reply import_devices(Request& request) { return import_lines(request, RowKind::Devices); }
Reply import_users(Request& request) { return import_lines(request, RowKind::Users); }
Reply export_devices(Request& request) { return export_lines(request, RowKind::Devices); }
Reply export_users(Request& request) { return export_lines(request, RowKind::Users); }

}  // namespace nightpost::admin
