// Secrets at rest: AES-256-GCM with a data key of their own, the data key wrapped by the master key.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::store {

/// Immutable, so thread-safe and shared by every connection that seals or opens. Keys are wiped when it goes.
class Sealer {
 public:
  static constexpr std::size_t kPlainBytesMax = 1 << 20;

  /// 32 bytes as base64 or 64 hex digits, blanks around them ignored. Malformed: anything else.
  static Result<std::shared_ptr<const Sealer>> from_key_text(std::string_view text);
  /// Reads the file (must not be readable by group or others) or, if `file` is empty, environment NIGHTPOST_MASTER_KEY.
  /// NotFound: neither is there. Unauthorized: the file's owner or mode lets others read it, or us not. For start-up:
  /// the environment is read without a lock.
  static Result<std::shared_ptr<const Sealer>> from_file_or_environment(const std::string& file);
  /// A fresh random key as base64 with 44 characters.
  static std::string new_key_text();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;
  ~Sealer();

  /// `context` (app, vendor, certificate name) is authenticated, so that a sealed secret cannot be moved to another
  /// row. Throws length_error above kPlainBytesMax, runtime_error if the system has no randomness to give.
  std::string seal(std::string_view plain, std::string_view context) const;
  /// Unauthorized: another master key, another context, or changed bytes.
  Result<std::string> open(std::string_view sealed, std::string_view context) const;
  /// Tells master keys apart in messages and logs (64 bits of a hash; says nothing about the key).
  const std::string& key_name() const noexcept { return key_name_; }

 private:
  explicit Sealer(std::string key);
  std::string key_;
  std::string key_name_;  // hex
};

/// Overwrites the bytes before they go back to the allocator, in a way the optimiser may not skip.
void wipe(std::string& secret) noexcept;

}  // namespace nightpost::store
