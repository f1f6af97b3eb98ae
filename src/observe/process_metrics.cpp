#include "observe/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <system_error>

namespace nightpost::observe {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The nth (from 0) of the words between single spaces, as a number.
std::optional<std::uint64_t> number_at(std::string_view text, std::size_t nth) {
  for (; nth > 0; --nth) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end == text.data() + text.size() || *end == ' ' || *end == '\n';
  return error == std::errc() && whole ? std::optional(number) : std::nullopt;
}

double resident_bytes() {
  const auto pages = resident_pages(text_of("/proc/self/statm"));
  return pages ? double(*pages) * double(::sysconf(_SC_PAGESIZE)) : kUnknown;
}

double cpu_seconds() {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return kUnknown;
  const auto in_seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

double open_descriptors() {
  std::error_code error;
  double count = -1;  // the one that reads the folder
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
    ++count;
  return error ? kUnknown : count;
}

double descriptors_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity() : double(limit.rlim_cur);
}

double started_at() {
  const auto ticks = start_ticks(text_of("/proc/self/stat"));
  const auto boot = boot_time(text_of("/proc/stat"));
  return ticks && boot ? double(*boot) + double(*ticks) / double(::sysconf(_SC_CLK_TCK)) : kUnknown;
}

}  // namespace

std::optional<std::uint64_t> resident_pages(std::string_view statm) { return number_at(statm, 1); }

std::optional<std::uint64_t> start_ticks(std::string_view stat) {
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  return number_at(stat.substr(name_end + 2), 22 - 3);  // what follows the name is field 3
}

std::optional<std::uint64_t> boot_time(std::string_view stat) {
  constexpr std::string_view kKey = "\nbtime ";
  const std::size_t at = stat.find(kKey);
  return at == std::string_view::npos ? std::nullopt : number_at(stat.substr(at + kKey.size()), 0);
}

void add_process_metrics(MetricsPage& page) {
  page.add_gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {}, resident_bytes);
  page.add_counter("process_cpu_seconds_total", "User and system CPU time spent in seconds.", {}, cpu_seconds);
  page.add_gauge("process_open_fds", "Open file descriptors.", {}, open_descriptors);
  page.add_gauge("process_max_fds", "Most file descriptors the process may open.", {}, descriptors_max);
  page.add_gauge("process_start_time_seconds", "Start of the process in seconds since the Unix epoch.", {},
                 [start = started_at()] { return start; });
}

}  // namespace nightpost::observe
