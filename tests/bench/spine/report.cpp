#include "bench/spine/report.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

namespace nightpost::bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  constexpr std::string_view kKey = "model name\t: ";
  for (std::string line; std::getline(info, line);)
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  return "unknown";
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string shown(const nlohmann::ordered_json& value) {
  if (!value.is_number()) return value.is_string() ? value.get<std::string>() : value.dump();
  const double number = value;
  return number >= 1000 ? fmt::format("{:.0f}", number) : fmt::format("{:.3g}", number);
}

}  // namespace

nlohmann::ordered_json environment() {
  utsname system{};
  ::uname(&system);
  cpu_set_t cores;
  ::sched_getaffinity(0, sizeof cores, &cores);
  struct sysinfo memory{};
  ::sysinfo(&memory);
  double load = 0;
  ::getloadavg(&load, 1);
  return {{"processor", processor()},
          {"cores", CPU_COUNT(&cores)},
          {"memory_mb", memory.totalram * memory.mem_unit >> 20},
          {"system", fmt::format("{} {} {}", system.sysname, system.release, system.machine)},
          {"load_before", load}};
}

Measured median_of(const std::vector<Measured>& runs) {
  Measured median_run;
  for (const auto& [name, first] : runs.at(0).items()) {
    std::vector<double> values;
    for (const Measured& run : runs) values.push_back(run.at(name));
    median_run[name] = median(std::move(values));
  }
  return median_run;
}

nlohmann::ordered_json report(std::string_view what, const nlohmann::ordered_json& environment,
                              const std::vector<Measured>& runs) {
  return {{"what", what}, {"environment", environment}, {"runs", runs}, {"median", median_of(runs)}};
}

std::string as_table(const nlohmann::ordered_json& report) {
  std::string text = report.at("what").get<std::string>() + "\n\n";
  for (const auto& [name, value] : report.at("environment").items())
    text += fmt::format("  {:<24} {}\n", name, shown(value));
  text += fmt::format("\n  {:<24}", "");
  for (std::size_t run = 1; run <= report.at("runs").size(); ++run) text += fmt::format("{:>12}", run);
  text += fmt::format("{:>12}\n", "median");
  for (const auto& [name, median] : report.at("median").items()) {
    text += fmt::format("  {:<24}", name);
    for (const auto& run : report.at("runs")) text += fmt::format("{:>12}", shown(run.at(name)));
    text += fmt::format("{:>12}\n", shown(median));
  }
  return text;
}

}  // namespace nightpost::bench
