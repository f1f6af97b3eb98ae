#include "app/remote_rows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "app/line_reader.h"
#include "app/output.h"
#include "app/row_line.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kPieceBytes = 48 << 10;        // of lines in one request: the least that a console may take
constexpr const char* kExportPageRowsText = "2000";  // of one answer

/// Lines until they are a request.
struct RemotePiece {
  std::string lines;
  std::uint64_t first = 0;  // number of the first
  std::uint64_t last = 0;
};

/// False: the server refused it, which was printed.
bool send_piece(const RemoteOptions& remote, const std::string& path, const ImportOptions& options,
                const ImportHooks& hooks, const RemotePiece& piece, ImportEnd& end, int& exit_code) {
  if (piece.lines.empty()) return true;
  const auto heard = ask_server_lines(remote, "POST",
                                      target_of(path + "/import", {{"from_line", std::to_string(piece.first)},
                                                                   {"dry_run", options.dry_run ? "true" : "false"}}),
                                      piece.lines);
  if (!heard) {
    exit_code = heard.error();
    end.next_line = piece.first;
    return false;
  }
  const auto json = nlohmann::json::parse(*heard);
  end.tally.lines += json.at("lines").get<std::uint64_t>();
  end.tally.written += json.at("written").get<std::uint64_t>();
  end.tally.left_out += json.at("left_out").get<std::uint64_t>();
  for (const nlohmann::json& bad : json.at("bad"))
    hooks.bad_line(end.file, bad.at("line").get<std::uint64_t>(), bad.at("why").get<std::string>());
  end.next_line = piece.last + 1;
  hooks.progress(end.tally);
  return true;
}

/// False: `end` says why it ended early.
bool import_file(const RemoteOptions& remote, const std::string& path, const ImportOptions& options,
                 const ImportHooks& hooks, std::uint64_t from, ImportEnd& end, int& exit_code) {
  auto reader = LineReader::open(end.file, kRowLineBytesMax, hooks.stopped);
  if (!reader) {
    end.error = reader.error();
    return false;
  }
  const std::uint64_t bytes_before = end.tally.bytes;
  RemotePiece piece;
  for (;;) {
    const auto line = reader->next();
    if (!line) {
      end.error = line.error();
      return false;
    }
    end.tally.bytes = bytes_before + reader->bytes_read();
    const bool over = !*line;
    const bool is_taken = !over && (*line)->number >= from;
    const std::size_t more = is_taken ? (*line)->text.size() + 1 : 0;
    // A line that alone is longer than a piece goes alone; so does one that is too long, as what it is: refused there.
    if (over || (is_taken && !piece.lines.empty() && piece.lines.size() + more > kPieceBytes)) {
      if (!send_piece(remote, path, options, hooks, piece, end, exit_code)) return false;
      piece = {};
      if (hooks.stopped()) {
        end.stopped = true;
        return false;
      }
    }
    if (over) return true;
    if (!is_taken) continue;
    if ((*line)->too_long) {
      if (!send_piece(remote, path, options, hooks, piece, end, exit_code)) return false;
      piece = {};
      ++end.tally.lines;
      ++end.tally.left_out;
      hooks.bad_line(end.file, (*line)->number, fmt::format("longer than {} bytes", kRowLineBytesMax));
      end.next_line = (*line)->number + 1;
      continue;
    }
    if (piece.lines.empty()) piece.first = (*line)->number;
    piece.last = (*line)->number;
    piece.lines += (*line)->text;
    piece.lines += '\n';
  }
}

}  // namespace

std::expected<ImportEnd, int> import_remotely(const RemoteOptions& remote, const std::string& path,
                                              const ImportOptions& options, const ImportHooks& hooks) {
  ImportEnd end;
  std::uint64_t from = options.from_line;
  int exit_code = kDone;
  for (const std::string& file : options.files) {
    end.file = file;
    end.next_line = from;
    if (!import_file(remote, path, options, hooks, from, end, exit_code)) break;
    from = 1;
  }
  if (exit_code == kDone) return end;
  if (end.tally.lines == 0) return std::unexpected(exit_code);
  end.error = Error{exit_code == kUnreachable ? Errc::Io : Errc::Malformed, "the server took no more lines"};
  return end;
}

Result<std::uint64_t> export_remotely(const RemoteOptions& remote, const std::string& path, std::optional<AppId> app,
                                      const ExportHooks& hooks) {
  std::uint64_t rows = 0;
  std::string user, of_app, device;
  while (!hooks.stopped()) {
    const auto page = ask_server(remote, "GET",
                                 target_of(path + "/export", {{"app", app ? std::to_string(app->value) : ""},
                                                              {"after_user", user},
                                                              {"after_app", of_app},
                                                              {"after_device", device},
                                                              {"limit", kExportPageRowsText}}));
    if (!page) return fail(page.error() == kUnreachable ? Errc::Io : Errc::Malformed, "the server gave no more rows");
    const nlohmann::json& next = page->at("next");
    if (next.is_null()) break;
    if (auto written = hooks.write(page->at("lines").get<std::string>()); !written)
      return std::unexpected(std::move(written.error()));
    rows += page->at("rows").get<std::uint64_t>();
    hooks.progress(rows);
    user = next.at("user").get<std::string>();
    of_app = next.at("app").dump();
    device = next.value("device", "");
  }
  return rows;
}

}  // namespace nightpost::app
