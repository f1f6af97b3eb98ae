// One run of `device import` or `user import`: lines of files to the store, a commit for some thousand of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "store/store.h"

namespace nightpost::app {

inline constexpr std::size_t kImportBatchBytes = 8 << 20;  // of lines in one commit: what a batch takes of memory

struct ImportOptions {
  std::vector<std::string> files;  // "-" is stdin
  std::uint64_t from_line = 1;     // of the first file
  bool dry_run = false;            // check and write nothing
  // In one commit. Tokens are random, so each changes another page of their index: 25,000 rows change it nearly whole,
  // and 5,000 of a million a page each. Others write between two commits only: more would keep them waiting for longer.
  std::size_t batch_lines = 25'000;
  std::function<bool(AppId)> may_write = {};  // lines of other apps are refused; empty: all apps
};

struct ImportTally {
  std::uint64_t lines = 0;     // looked at; blank ones and those before `from_line` do not count
  std::uint64_t written = 0;   // rows; in a dry run: would be
  std::uint64_t left_out = 0;  // lines that were refused
  std::uint64_t bytes = 0;     // of all files so far
};

struct ImportHooks {
  std::function<bool()> stopped;                     // asked between reads
  std::function<void(const ImportTally&)> progress;  // told after each batch
  std::function<void(const std::string& file, std::uint64_t line, const std::string& why)> bad_line;
};

struct ImportEnd {
  ImportTally tally;
  std::optional<Error> error;  // what ended it early
  bool stopped = false;        // by the hook, the lines read by then are stored
  // After an error or a stop: all before this line is stored, nothing of it or behind it.
  std::string file;
  std::uint64_t next_line = 0;
};

/// The next batch is read while one is written, on a thread of its own: `store` is used by one of the two at a time,
/// the hooks are called on the caller's. Blocks until all is read or something ends it. The same lines again give the
/// same state. A device's certificate must be one of its app, as there were when the run began; the form of its token
/// is not looked at.
ImportEnd import_devices(store::Store& store, const ImportOptions& options, const ImportHooks& hooks);
ImportEnd import_users(store::Store& store, const ImportOptions& options, const ImportHooks& hooks);

/// The same for lines in hand, in one commit; `files` is not read.
ImportEnd import_device_lines(store::Store& store, std::string_view lines, const ImportOptions& options,
                              const ImportHooks& hooks);
ImportEnd import_user_lines(store::Store& store, std::string_view lines, const ImportOptions& options,
                            const ImportHooks& hooks);

}  // namespace nightpost::app
