#include "support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

extern "C" {  // glibc 2.36 forgot to say so itself
#include <sys/pidfd.h>
}

namespace nightpost::support {
namespace {

using std::chrono::steady_clock;

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

int poll_ms(steady_clock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 3'600'000));
}

bool readable(int fd, steady_clock::time_point until) {
  for (;;) {
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    const int n = ::poll(&wanted, 1, poll_ms(until));
    if (n > 0) return true;
    if (n == 0) return false;
    if (errno != EINTR) refuse("poll");
  }
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

/// The environment of the child: ours, with `changes` over it.
std::vector<std::string> environment_with(const std::vector<std::string>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view ours(*entry);
    const std::string_view name = ours.substr(0, ours.find('=') + 1);
    const bool changed = std::ranges::any_of(changes, [&](const std::string& c) { return c.starts_with(name); });
    if (!changed) all.emplace_back(ours);
  }
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// VmRSS and VmHWM of /proc/PID/status, proc(5).
std::uint64_t status_kb(const std::string& status, std::string_view key) {
  const std::size_t at = status.find(key);
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + key.size(), nullptr, 10);
}

std::uint64_t open_files(pid_t pid) {
  std::error_code gone;
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd", gone);
  return static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TempFolder::TempFolder(std::string_view name) {
  const char* root = std::getenv("TMPDIR");
  path_ = std::string(root != nullptr && *root != '\0' ? root : "/tmp") + "/nightpost-" + std::string(name) + "-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) refuse("mkdtemp " + path_);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(std::string_view name, std::string_view bytes) const {
  std::string path = file(name);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out || ::chmod(path.c_str(), 0600) != 0 || !out.write(bytes.data(), std::ssize(bytes)) || !out.flush())
    refuse("write " + path);
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || (in.peek() != std::ifstream::traits_type::eof() && !(text << in.rdbuf()))) refuse("read " + path);
  return std::move(text).str();
}

std::uint16_t free_port() {
  // Not one that bind() would pick: those are also what connect() takes, so a client could sit on it a moment later.
  std::uniform_int_distribution<int> below_ephemeral(20'000, 32'000);  // ip(7): from 32768 on
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    const auto port = static_cast<std::uint16_t>(below_ephemeral(random));
    const sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) refuse("socket");
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (bound) return port;
  }
  throw std::runtime_error("no free port");
}

Process::Process(const std::vector<std::string>& argv, const ProcessOptions& options) : name_(argv.at(0)) {
  std::array<int, 2> to_child{-1, -1}, from_child{-1, -1};
  // A socket where we write: send() can be told not to raise SIGPIPE.
  if (options.talk && (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_child.data()) != 0 ||
                       ::pipe2(from_child.data(), O_CLOEXEC) != 0))
    refuse("pipe");
  int log = -1;
  if (!options.log_file.empty()) {
    log = ::open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) refuse("open " + options.log_file);
  }
  // All that allocates happens before fork(): the child of a threaded process may not.
  const std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> envp = pointers(environment), args = pointers(argv);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) refuse("fork");
  if (pid_ == 0) {
    if (!options.outlives_us) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(127);  // died before prctl
    }
    if (options.talk) {
      ::dup2(to_child[0], STDIN_FILENO);
      ::dup2(from_child[1], STDOUT_FILENO);
    }
    if (log >= 0) {
      if (!options.talk) ::dup2(log, STDOUT_FILENO);
      ::dup2(log, STDERR_FILENO);
    }
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(127);
    ::execvpe(args[0], args.data(), envp.data());
    ::_exit(127);
  }
  close_fd(to_child[0]);
  close_fd(from_child[1]);
  close_fd(log);
  in_ = to_child[1];
  out_ = from_child[0];
  pidfd_ = ::pidfd_open(pid_, 0);
  if (pidfd_ < 0) refuse("pidfd_open");
}

Process::Process(Process&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      in_(std::exchange(other.in_, -1)),
      out_(std::exchange(other.out_, -1)),
      heard_(std::move(other.heard_)),
      ended_(other.ended_) {}

Process::~Process() {
  if (pid_ > 0 && !ended_) {
    signal(SIGTERM);
    if (!wait(milliseconds(5'000))) {
      signal(SIGKILL);
      wait(milliseconds(60'000));
    }
  }
  close_fd(pidfd_);
  close_fd(in_);
  close_fd(out_);
}

void Process::signal(int number) {
  // By pidfd: the id of a child that somebody else reaped may name a stranger by now.
  if (!ended_) ::pidfd_send_signal(pidfd_, number, nullptr, 0);
}

std::optional<int> Process::wait(milliseconds patience) {
  if (ended_) return ended_;
  if (!readable(pidfd_, steady_clock::now() + patience)) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) refuse("waitpid");
  ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended_;
}

Usage Process::usage() const {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0) refuse("cpu time of " + name_);
  const std::string status = read_file("/proc/" + std::to_string(pid_) + "/status");
  return {.cpu = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(used.tv_sec) +
                                                                       std::chrono::nanoseconds(used.tv_nsec)),
          .rss_kb = status_kb(status, "\nVmRSS:"),
          .rss_max_kb = status_kb(status, "\nVmHWM:"),
          .files = open_files(pid_)};
}

void Process::say(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  for (std::string_view left = bytes; !left.empty();) {
    const ssize_t n = ::send(in_, left.data(), left.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) refuse("say to " + name_);
    if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Process::end_input() { close_fd(in_); }

/// Reads what is there, waiting until something is: bytes read, 0 at the end, nullopt when time is up.
std::optional<std::size_t> Process::fill(steady_clock::time_point until) {
  if (!readable(out_, until)) return std::nullopt;
  std::array<char, 65'536> bytes;
  const ssize_t n = ::read(out_, bytes.data(), bytes.size());
  if (n < 0) refuse("hear from " + name_);
  heard_.append(bytes.data(), static_cast<std::size_t>(n));
  return static_cast<std::size_t>(n);
}

std::string Process::hear(milliseconds patience) {
  const auto until = steady_clock::now() + patience;
  std::size_t end = 0;
  while ((end = heard_.find('\n')) == std::string::npos) {
    const auto got = fill(until);
    if (!got) throw std::runtime_error(name_ + ": silent");
    if (*got == 0) throw std::runtime_error(name_ + ": closed its output");
  }
  std::string line = heard_.substr(0, end);
  heard_.erase(0, end + 1);
  return line;
}

std::string Process::hear_all(milliseconds patience) {
  const auto until = steady_clock::now() + patience;
  for (;;) {
    const auto got = fill(until);
    if (!got) throw std::runtime_error(name_ + ": still talking");
    if (*got == 0) return std::exchange(heard_, {});
  }
}

Ran run_command(const std::vector<std::string>& argv, milliseconds patience, ProcessOptions options) {
  options.talk = true;
  const auto until = steady_clock::now() + patience;
  Process process(argv, options);
  process.end_input();
  Ran ran{.out = process.hear_all(patience)};
  const auto code = process.wait(std::chrono::ceil<milliseconds>(until - steady_clock::now()) + milliseconds(1'000));
  if (!code) throw std::runtime_error(argv.at(0) + ": does not end");
  ran.exit_code = *code;
  return ran;
}

void pause_for(milliseconds time) { std::this_thread::sleep_for(time); }

}  // namespace nightpost::support
