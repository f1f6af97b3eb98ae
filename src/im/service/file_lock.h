// One companion a file: who is connected to another process would hear nothing of what is written here.
#pragma once

#include <string>
#include <utility>

#include "core/result.h"

namespace nightpost::im {

/// Held by an empty file beside the store's, "PATH-im", until it is destroyed or the process ends, however it ends.
class FileLock {
 public:
  /// Overloaded: another process has it. Io: the file cannot be made.
  static Result<FileLock> take(const std::string& store_path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

}  // namespace nightpost::im
