// One run of `device export` or `user export`: all rows as lines, a page at a time. The lines hold device tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/result.h"
#include "store/store.h"

namespace nightpost::app {

inline constexpr std::size_t kExportPageRows = 1'000;  // each page is a read transaction of its own

/// A file that takes its name only when it is whole, readable by its owner alone from the first byte on.
class PrivateFile {
 public:
  /// Malformed: there is something of that name which is no ordinary file. Io: the folder refuses.
  static Result<PrivateFile> create(const std::string& path);
  PrivateFile(PrivateFile&& other) noexcept;
  PrivateFile& operator=(PrivateFile&&) = delete;
  ~PrivateFile();  // without finish(): nothing is left

  Result<void> write(std::string_view text);
  Result<void> finish();

 private:
  PrivateFile(std::string path, std::string draft, int fd);
  std::string path_, draft_;
  int fd_;  // -1: moved away or finished
};

struct ExportHooks {
  std::function<Result<void>(std::string_view lines)> write;
  std::function<bool()> stopped;  // asked between pages
  std::function<void(std::uint64_t rows)> progress;
};

/// How many rows were written; less than there are if `stopped` said so. What others change meanwhile is there or not;
/// what they leave alone is there once. `app`: only this app's.
Result<std::uint64_t> export_devices(store::Store& store, std::optional<AppId> app, const ExportHooks& hooks);
Result<std::uint64_t> export_users(store::Store& store, std::optional<AppId> app, const ExportHooks& hooks);

}  // namespace nightpost::app
