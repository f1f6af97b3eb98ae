// The console's page: the files of src/admin/page, built into the binary (static_files.cmake).
#pragma once

#include <span>
#include <string_view>

namespace nightpost::admin {

struct StaticFile {
  std::string_view path;   // as requested: "/index.html", "/views/trace.js"
  std::string_view type;   // Content-Type
  std::string_view etag;   // strong, quotes included: of the file's bytes
  std::string_view bytes;  // UTF-8
};

/// All of them, sorted by path. Valid for the life of the process.
std::span<const StaticFile> static_files() noexcept;

}  // namespace nightpost::admin
