// Import and export for the admin API, by what `nightpost device` and `user` have: one reader of lines, one writer.
#include "app/console_desks.h"
#include "app/import_run.h"
#include "app/row_line.h"

namespace nightpost::app {

admin::Reply ConsoleRows::import_rows(admin::RowKind kind, std::string_view lines, std::uint64_t from_line,
                                      bool dry_run, const std::function<bool(AppId)>& may_see) {
  nlohmann::json bad = nlohmann::json::array();
  const ImportHooks hooks = {
      .stopped = [] { return false; },
      .progress = [](const ImportTally&) {},
      .bad_line = [&bad](const std::string&, std::uint64_t line,
                         const std::string& why) { bad.push_back({{"line", line}, {"why", why}}); }};
  const ImportOptions options{.files = {}, .from_line = from_line, .dry_run = dry_run, .may_write = may_see};
  const ImportEnd end = kind == admin::RowKind::Devices ? import_device_lines(store_, lines, options, hooks)
                                                        : import_user_lines(store_, lines, options, hooks);
  if (end.error) return admin::refused(*end.error);
  return admin::Answer{200,
                       {{"lines", end.tally.lines},
                        {"written", end.tally.written},
                        {"left_out", end.tally.left_out},
                        {"bad", std::move(bad)}}};
}

admin::Reply ConsoleRows::export_rows(const admin::ExportQuestion& question) {
  std::string lines;
  std::size_t rows = 0;
  nlohmann::json next;
  if (question.kind == admin::RowKind::Devices) {
    const auto page = store_.devices_after(question.after, question.app, question.limit);
    if (!page) return admin::refused(page.error());
    for (const store::Store::DeviceRow& row : *page) append_line(lines, row);
    rows = page->size();
    if (rows > 0)
      next = {
          {"user", page->back().user_id}, {"app", page->back().app.value}, {"device", page->back().device.device_id}};
  } else {
    const auto page =
        store_.users_after({.app = question.after.app, .user_id = question.after.user_id, .settings = {}, .mutes = {}},
                           question.app, question.limit);
    if (!page) return admin::refused(page.error());
    for (const store::Store::UserRow& row : *page) append_line(lines, row);
    rows = page->size();
    if (rows > 0) next = {{"user", page->back().user_id}, {"app", page->back().app.value}};
  }
  return admin::Answer{200, {{"lines", std::move(lines)}, {"rows", rows}, {"next", std::move(next)}}};
}

}  // namespace nightpost::app
