#include "app/export_run.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "app/row_line.h"

namespace nightpost::app {
namespace {

using store::Store;

template <class Row>
Result<std::uint64_t> export_rows(Store& store, std::optional<AppId> app, const ExportHooks& hooks,
                                  Result<std::vector<Row>> (Store::*page_after)(const Row&, std::optional<AppId>,
                                                                                std::size_t)) {
  std::uint64_t rows = 0;
  std::string lines;
  for (Row last; !hooks.stopped();) {
    auto page = (store.*page_after)(last, app, kExportPageRows);
    if (!page) return std::unexpected(std::move(page.error()));
    if (page->empty()) break;
    lines.clear();
    for (const Row& row : *page) append_line(lines, row);
    if (auto written = hooks.write(lines); !written) return std::unexpected(std::move(written.error()));
    rows += page->size();
    hooks.progress(rows);
    last = std::move(page->back());
  }
  return rows;
}

}  // namespace

PrivateFile::PrivateFile(std::string path, std::string draft, int fd)
    : path_(std::move(path)), draft_(std::move(draft)), fd_(fd) {}

PrivateFile::PrivateFile(PrivateFile&& other) noexcept
    : path_(std::move(other.path_)), draft_(std::move(other.draft_)), fd_(std::exchange(other.fd_, -1)) {}

PrivateFile::~PrivateFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(draft_.c_str());
}

Result<PrivateFile> PrivateFile::create(const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return fail(Errc::Malformed, path + ": is there and is no ordinary file; '-' writes to stdout");
  std::string draft = path + ".XXXXXX";
  const int fd = ::mkostemp(draft.data(), O_CLOEXEC);  // 0600 from the start
  if (fd < 0) return fail(Errc::Io, path + ": cannot be written: " + std::strerror(errno));
  return PrivateFile(path, std::move(draft), fd);
}

Result<void> PrivateFile::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd_, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(Errc::Io, path_ + ": cannot be written: " + std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> PrivateFile::finish() {
  if (::fsync(fd_) != 0 || ::rename(draft_.c_str(), path_.c_str()) != 0)
    return fail(Errc::Io, path_ + ": cannot be written: " + std::strerror(errno));
  ::close(std::exchange(fd_, -1));
  return {};
}

Result<std::uint64_t> export_devices(Store& store, std::optional<AppId> app, const ExportHooks& hooks) {
  return export_rows(store, app, hooks, &Store::devices_after);
}

Result<std::uint64_t> export_users(Store& store, std::optional<AppId> app, const ExportHooks& hooks) {
  return export_rows(store, app, hooks, &Store::users_after);
}

}  // namespace nightpost::app
