// Secrets at rest: AES-256-GCM with a data key of their own, the data key wrapped by the master key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace nightpost::store {

/// Master keys: the first seals, each opens what it sealed, so a key is changed by putting a new one in front.
/// Thread-safe, shared by every connection that seals or opens. A key file that has changed is read again by the next
/// call, so a key that was taken away opens nothing any more; what cannot be read then changes nothing. Keys are wiped
/// when they go.
class Sealer {
 public:
  static constexpr std::size_t kPlainBytesMax = 1 << 20;
  static constexpr std::size_t kKeysMax = 16;

  /// A key a line, each 32 bytes as base64 or 64 hex digits, blanks around them ignored. Malformed: anything else, a
  /// key twice, more than kKeysMax.
  static Result<std::shared_ptr<const Sealer>> from_key_text(std::string_view text);
  /// Reads the file (must not be readable by group or others) or, if `file` is empty, environment NIGHTPOST_MASTER_KEY.
  /// NotFound: neither is there. Unauthorized: the file's owner or mode lets others read it, or us not. For start-up:
  /// the environment is read without a lock.
  static Result<std::shared_ptr<const Sealer>> from_file_or_environment(const std::string& file);
  /// A fresh random key as base64 with 44 characters.
  static std::string new_key_text();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  /// `context` (app, vendor, certificate name) is authenticated, so that a sealed secret cannot be moved to another
  /// row. Throws length_error above kPlainBytesMax, runtime_error if the system has no randomness to give.
  std::string seal(std::string_view plain, std::string_view context) const;
  /// Unauthorized: a master key that is not here, another context, or changed bytes.
  Result<std::string> open(std::string_view sealed, std::string_view context) const;
  /// Whether the key that seals now has sealed it.
  bool is_current(std::string_view sealed) const;
  /// Tells master keys apart in messages and logs (64 bits of a hash; says nothing about the key): the one that seals.
  std::string key_name() const;

 private:
  struct Key;
  using Keys = std::list<Key>;  // a key that moved would leave a copy behind
  /// When the key file was written, and how long it is.
  struct Stamp {
    std::int64_t written = 0;
    std::uintmax_t bytes = 0;
    bool operator==(const Stamp&) const = default;
  };
  explicit Sealer(std::shared_ptr<const Keys> keys) : keys_(std::move(keys)) {}
  static Result<std::shared_ptr<const Keys>> keys_in(std::string_view text);
  static Result<std::shared_ptr<const Keys>> keys_in_file(const std::string& file);
  static Stamp stamp_of(const std::string& file);
  std::shared_ptr<const Keys> keys() const;

  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Keys> keys_;  // never empty
  mutable Stamp stamp_;                       // of the file when it was read
  std::string file_;                          // empty: the keys stay as they are
};

/// Overwrites the bytes before they go back to the allocator, in a way the optimiser may not skip.
void wipe(std::string& secret) noexcept;

}  // namespace nightpost::store
