// `device` and `user` `import` and `export` through a console: lines in requests of a bounded size.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "app/export_run.h"
#include "app/import_run.h"
#include "app/remote_api.h"
#include "core/ids.h"
#include "core/result.h"

namespace nightpost::app {

/// As import_devices(); `path`: "/v1/devices" or "/v1/users". What a request that failed held is not stored, or, where
/// the connection was lost, may be: the same lines again give the same state. The exit code where the first request was
/// refused; its words were printed.
std::expected<ImportEnd, int> import_remotely(const RemoteOptions& remote, const std::string& path,
                                              const ImportOptions& options, const ImportHooks& hooks);
/// As export_devices(). What went wrong was printed as well.
Result<std::uint64_t> export_remotely(const RemoteOptions& remote, const std::string& path, std::optional<AppId> app,
                                      const ExportHooks& hooks);

}  // namespace nightpost::app
