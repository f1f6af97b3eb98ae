// Child processes of tests and benchmarks: started, talked to, measured, and ended by their own id. What goes wrong
// here is a broken test machine, so everything throws std::runtime_error.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::support {

using std::chrono::milliseconds;

/// A folder of its own under $TMPDIR, removed with all it holds.
class TempFolder {
 public:
  explicit TempFolder(std::string_view name);
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Writes the file, readable by its owner only, and returns its path.
  std::string write(std::string_view name, std::string_view bytes) const;

 private:
  std::string path_;
};

std::string read_file(const std::string& path);
/// A TCP port of 127.0.0.1 that is free and that no client will be given: for servers that cannot take port 0.
std::uint16_t free_port();

/// What a process has used since its start.
struct Usage {
  std::chrono::microseconds cpu{0};  // user and system, all threads, dead ones included
  std::uint64_t rss_kb = 0;
  std::uint64_t rss_max_kb = 0;
  std::uint64_t files = 0;  // open: descriptors
};

struct ProcessOptions {
  std::vector<std::string> environment;  // "NAME=value", over our own
  std::string folder;                    // working directory; empty: ours
  std::string log_file;                  // stdout (unless `talk`) and stderr are appended here; empty: ours
  bool talk = false;                     // stdin and stdout are ours, for say() and hear()
  bool outlives_us = false;              // if we die, it is not killed: the end of its input tells it
};

/// Ends with its owner: SIGTERM and, 5 s later, SIGKILL; SIGKILL at once if the thread that started it dies.
class Process {
 public:
  /// argv[0] is looked up in PATH unless it has a slash.
  explicit Process(const std::vector<std::string>& argv, const ProcessOptions& options = {});
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const noexcept { return pid_; }
  void signal(int number);  // nothing happens if it has ended
  /// The exit code, or 128 + the signal that ended it; nullopt: still running after `patience`.
  std::optional<int> wait(milliseconds patience);
  bool running() { return !wait(milliseconds(0)); }
  Usage usage() const;  // REQUIRED: running

  void say(std::string_view line);  // REQUIRED: talk; adds the line's end
  void end_input();
  std::string hear(milliseconds patience);  // one line without its end; throws on silence and on the end
  /// All of stdout until it closes.
  std::string hear_all(milliseconds patience);

 private:
  std::optional<std::size_t> fill(std::chrono::steady_clock::time_point until);

  std::string name_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int in_ = -1;   // its stdin
  int out_ = -1;  // its stdout
  std::string heard_;
  std::optional<int> ended_;
};

struct Ran {
  int exit_code = -1;
  std::string out;  // stdout; stderr goes to options.log_file or ours
};
/// Runs a command to its end; throws when it outlasts `patience` (and ends it).
Ran run_command(const std::vector<std::string>& argv, milliseconds patience, ProcessOptions options = {});

void pause_for(milliseconds time);
/// Polls `done` until it says true; false after `patience`. For conditions of other processes, which nobody can signal.
template <class Done>
bool eventually(milliseconds patience, Done done, milliseconds every = milliseconds(20)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    pause_for(every);
  }
  return true;
}

}  // namespace nightpost::support
