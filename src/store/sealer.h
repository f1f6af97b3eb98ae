// Secrets at rest: AES-256-GCM with a data key of their own, the data key wrapped by the master key (design.md §5.8).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::store {

class Sealer {
 public:
  /// 32 bytes as base64 or 64 hex digits. Malformed: anything else.
  static Result<std::shared_ptr<const Sealer>> from_key_text(std::string_view text);
  /// Reads the file (must not be readable by group or others) or, if `file` is empty, environment NIGHTPOST_MASTER_KEY.
  static Result<std::shared_ptr<const Sealer>> from_file_or_environment(const std::string& file);
  static std::string new_key_text();
  ~Sealer();

  /// `context` (app, vendor, certificate name) is authenticated, so that a sealed secret cannot be moved to another
  /// row.
  std::string seal(std::string_view plain, std::string_view context) const;
  /// Unauthorized: another master key, another context, or changed bytes.
  Result<std::string> open(std::string_view sealed, std::string_view context) const;

 private:
  explicit Sealer(std::string key);
  std::string key_;
};

}  // namespace nightpost::store
