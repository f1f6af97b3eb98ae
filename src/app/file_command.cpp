// nightpost device|user import and export: a whole store's rows as NDJSON, in and out.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli_audit.h"
#include "app/commands.h"
#include "app/export_run.h"
#include "app/import_run.h"
#include "app/output.h"
#include "app/progress_line.h"
#include "app/remote_rows.h"
#include "app/row_line.h"
#include "app/stop_signal.h"

namespace nightpost::app {
namespace {

constexpr std::uint64_t kBadLinesShown = 100;

/// What tells the two commands' files apart.
struct FileKind {
  const char* rows;                       // "devices"
  const char *import_deed, *export_deed;  // in the audit log
  const char* path;                       // of the admin API
  const char* import_what;
  const char* export_what;
  const char* footer;
  ImportEnd (*import)(store::Store&, const ImportOptions&, const ImportHooks&);
  Result<std::uint64_t> (*write_out)(store::Store&, std::optional<AppId>, const ExportHooks&);
};

constexpr FileKind kDevices{
    "devices",
    "device.import",
    "device.export",
    "/v1/devices",
    "Write devices from NDJSON files, one object a line",
    "Print all devices as NDJSON, tokens in full",
    "A line has app_id, user_id, device_id, platform, registered_at (ms since the epoch); certificate_id and token if\n"
    "the device can be pushed to; and optionally token_kind (token; fid, voip), state (offline), badge_base (0),\n"
    "language. The certificate must be there; a token's form is not checked. Devices that no line names stay.\n",
    import_devices,
    export_devices};
constexpr FileKind kUsers{
    "users",
    "user.import",
    "user.export",
    "/v1/users",
    "Write push settings and mutes from NDJSON files, one object a line",
    "Print all push settings and mutes as NDJSON",
    "A line has app_id, user_id; push, badge, language, sound_c2c, sound_group; and mutes, a list of: kind\n"
    "(all, peer, group), target, until (ms since the epoch; null: for good), unless_mentioned. A line without any\n"
    "setting leaves the user's as they are; with one, the others get their defaults. Mutes that no line names stay.\n",
    import_users,
    export_users};

/// "-" as people call it.
std::string shown(const std::string& file) { return file == "-" ? "stdin" : file; }

/// Bytes of all files; 0 where one of them does not say.
Result<std::uint64_t> size_of(const std::vector<std::string>& files) {
  std::uint64_t total = 0;
  bool known = true;
  for (const std::string& file : files) {
    struct stat found{};
    if (file != "-" && (::access(file.c_str(), R_OK) != 0 || ::stat(file.c_str(), &found) != 0))
      return fail(Errc::Malformed, file + ": cannot be read");
    if (file == "-" || !S_ISREG(found.st_mode))
      known = false;
    else
      total += static_cast<std::uint64_t>(found.st_size);
  }
  return known ? total : 0;
}

/// `bytes_total` 0: not known.
std::string progress_text(std::string_view verb, const ImportTally& tally, std::uint64_t bytes_total, double passed_s) {
  std::string line = fmt::format("{} {}, {:.0f}/s", verb, tally.written, static_cast<double>(tally.written) / passed_s);
  if (tally.left_out > 0) line += fmt::format(", {} left out", tally.left_out);
  if (bytes_total == 0 || tally.bytes == 0) return line;
  const double share = static_cast<double>(tally.bytes) / static_cast<double>(bytes_total);
  return line + fmt::format(", {:.0f} %, {:.0f} s left", 100 * share, passed_s / share - passed_s);
}

struct ImportAsked {
  CommonOptions common;
  ImportOptions run;
};

nlohmann::ordered_json as_json(const ImportEnd& end, bool dry_run) {
  const bool early = end.error || end.stopped;
  return {{"dry_run", dry_run},
          {"lines", end.tally.lines},
          {"written", end.tally.written},
          {"left_out", end.tally.left_out},
          {"stopped", end.stopped},
          {"error", end.error ? nlohmann::ordered_json(end.error->detail) : nullptr},
          {"file", early ? nlohmann::ordered_json(end.file) : nullptr},
          {"from_line", early ? nlohmann::ordered_json(end.next_line) : nullptr}};
}

/// Ends the run for people: what was written, and where to go on.
int say_imported(const ImportAsked& asked, const FileKind& kind, const ImportEnd& end, std::uint64_t bad) {
  const ImportOptions& run = asked.run;
  if (bad > kBadLinesShown) say_error(fmt::format("… and {} more bad lines", bad - kBadLinesShown), kNotAllWell);
  if (asked.common.json)
    print_json(as_json(end, run.dry_run));
  else
    fmt::print("{:>10}  {} {}{}\n", end.tally.written, kind.rows, run.dry_run ? "would be written" : "written",
               end.tally.left_out == 0 ? "" : fmt::format(", {} lines left out", end.tally.left_out));
  if (end.error) say_error(*end.error);
  if (end.error || end.stopped)
    say_error(fmt::format("{}: ended before line {}; --from-line {} goes on there{}", shown(end.file), end.next_line,
                          end.next_line, run.files.size() > 1 ? ", then come the files behind it" : ""),
              kNotAllWell);
  if (end.error) return exit_code_of(*end.error);
  return end.stopped || end.tally.left_out > 0 ? kNotAllWell : kDone;
}

int run_import(const ImportAsked& asked, const FileKind& kind) {
  const ImportOptions& run = asked.run;
  if (run.from_line > 1 && run.files.size() > 1)
    return say_error("--from-line: goes with one file; import the others after it", kBadUsage);
  const auto bytes_total = size_of(run.files);
  if (!bytes_total) return say_error(bytes_total.error());
  const SystemClock clock;
  StopSignal signal;
  ProgressLine progress(clock);
  std::uint64_t bad = 0;
  const ImportHooks hooks = {.stopped = [&] { return signal.came(); },
                             .progress =
                                 [&](const ImportTally& tally) {
                                   progress.tell([&](double passed_s) {
                                     return progress_text(run.dry_run ? "checked" : "imported", tally, *bytes_total,
                                                          passed_s);
                                   });
                                 },
                             .bad_line =
                                 [&](const std::string& file, std::uint64_t line, const std::string& why) {
                                   if (++bad > kBadLinesShown) return;
                                   progress.end_line();
                                   say_error(fmt::format("{}:{}: {}", shown(file), line, printable(why)), kNotAllWell);
                                 }};
  if (asked.common.is_remote()) {
    const auto end = import_remotely(asked.common.remote, kind.path, run, hooks);
    progress.end_line();
    return end ? say_imported(asked, kind, *end, bad) : end.error();
  }
  auto store = open_store(asked.common, false);
  if (!store) return store.error();
  const ImportEnd end = kind.import(**store, run, hooks);
  progress.end_line();
  // One entry a run: of what it wrote until it ended, however it ended.
  store::AuditEntry entry = cli_entry(kind.import_deed);
  entry.after = nlohmann::json{{"written", end.tally.written}, {"left_out", end.tally.left_out}}.dump();
  if (end.error) entry.outcome = "failed: " + end.error->detail;
  const auto noted = run.dry_run ? Result<void>() : (*store)->add_audit(entry);
  const int exit_code = say_imported(asked, kind, end, bad);
  if (!noted) return say_error(Error{noted.error().code, "not in the audit log: " + noted.error().detail});
  return exit_code;
}

struct ExportAsked {
  CommonOptions common;
  std::int64_t app = 0;
  std::string file = "-";
};

Result<void> write_stdout(std::string_view lines) {
  if (std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size() && std::fflush(stdout) == 0) return {};
  return fail(Errc::Io, "stdout: cannot be written");
}

int run_export(const ExportAsked& asked, const FileKind& kind) {
  const bool to_stdout = asked.file == "-";
  std::optional<PrivateFile> file;
  std::unique_ptr<store::Store> store;  // null: a server has it
  if (!asked.common.is_remote()) {
    auto opened = open_store(asked.common, false);
    if (!opened) return opened.error();
    store = *std::move(opened);
  }
  if (!to_stdout) {
    auto created = PrivateFile::create(asked.file);
    if (!created) return say_error(created.error());
    file.emplace(*std::move(created));
  }
  if (store) {
    store::AuditEntry entry = cli_entry(kind.export_deed);  // whoever looked is known, even where the end did not come
    entry.app = AppId{asked.app};
    if (const auto noted = store->add_audit(entry); !noted) return say_error(noted.error());
  }
  const SystemClock clock;
  StopSignal signal;
  ProgressLine progress(clock);
  const ExportHooks hooks = {
      .write = [&](std::string_view lines) { return file ? file->write(lines) : write_stdout(lines); },
      .stopped = [&] { return signal.came(); },
      .progress =
          [&](std::uint64_t rows) {
            progress.tell([&](double passed_s) { return progress_text("exported", {.written = rows}, 0, passed_s); });
          }};
  const auto app = asked.app > 0 ? std::optional(AppId{asked.app}) : std::nullopt;
  const auto rows =
      store ? kind.write_out(*store, app, hooks) : export_remotely(asked.common.remote, kind.path, app, hooks);
  progress.end_line();
  if (!rows) return say_error(rows.error());
  if (signal.came())
    return say_error(to_stdout ? std::string("stopped: the lines above are not all")
                               : fmt::format("stopped: {} was not written", asked.file),
                     kNotAllWell);
  if (file)
    if (const auto done = file->finish(); !done) return say_error(done.error());
  if (to_stdout) return say_error(fmt::format("{} {} exported", *rows, kind.rows), kDone);
  if (asked.common.json)
    print_json({{"written", *rows}});
  else
    fmt::print("{:>10}  {} exported\n", *rows, kind.rows);
  return kDone;
}

void add_file_commands(CLI::App& parent, const FileKind& kind, int& exit_code) {
  auto given = std::make_shared<ImportAsked>();
  CLI::App* import = parent.add_subcommand("import", kind.import_what);
  given->common.add_store(*import);
  given->common.add_json(*import);
  import->add_option("file", given->run.files, "NDJSON; - is stdin")->required()->type_name("FILE");
  import->add_option("--from-line", given->run.from_line, "begin at this line of the file")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  import->add_flag("--dry-run", given->run.dry_run, "check every line and write nothing");
  import->footer(fmt::format(
      "{}A line that is refused is left out and named on stderr, the first {} of them; then the exit code is 1. An\n"
      "interruption stores what was read and says the line to go on from. The same file again changes nothing.\n"
      "Examples:\n  nightpost {} import --config config/dev.json {}.ndjson\n"
      "  nightpost {} export --config old.json | nightpost {} import --config new.json -",
      kind.footer, kBadLinesShown, parent.get_name(), kind.rows, parent.get_name(), parent.get_name()));
  import->callback([given, &kind, &exit_code] { exit_code = run_import(*given, kind); });

  auto asked = std::make_shared<ExportAsked>();
  CLI::App* out = parent.add_subcommand("export", kind.export_what);
  asked->common.add_store(*out);
  asked->common.add_json(*out);
  out->add_option("--app", asked->app, "only of this app (tenant); absent: all apps'")->check(CLI::PositiveNumber);
  out->add_option("file", asked->file, "where to; - is stdout")->capture_default_str()->type_name("FILE");
  out->footer(
      fmt::format("One object a line, as import reads it, by user, app{}. {} A file is made readable by you alone\n"
                  "(0600), and has its name only when it is whole. What others write meanwhile may be there or not.\n"
                  "Example:\n  nightpost {} export --config config/dev.json --app 1400000001 {}.ndjson",
                  &kind == &kDevices ? " and device" : "",
                  &kind == &kDevices ? "The lines hold the tokens: whoever has them can address these phones.\n"
                                     : "The lines say who muted whom.\n",
                  parent.get_name(), kind.rows));
  out->callback([asked, &kind, &exit_code] { exit_code = run_export(*asked, kind); });
}

}  // namespace

void add_device_file_commands(CLI::App& device, int& exit_code) { add_file_commands(device, kDevices, exit_code); }
void add_user_file_commands(CLI::App& user, int& exit_code) { add_file_commands(user, kUsers, exit_code); }

}  // namespace nightpost::app
