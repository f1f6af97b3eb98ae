#include "bench/im/bed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "support/test_identity.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

}  // namespace

std::string ImBed::config(const ImGround& ground, const std::string& name) const {
  nlohmann::json im = {{"listen", "127.0.0.1:0"},
                       {"http_listen", "127.0.0.1:0"},
                       {"key_files", {{std::to_string(kApp), folder_.write("app.key", kAppKey)}}}};
  if (tls_) {
    const probe::Identity identity = probe::server_identity();
    im["tls_certificate_file"] = folder_.write("cert.pem", identity.certificate_pem);
    im["tls_key_file"] = folder_.write("key.pem", identity.private_key_pem);
  }
  nlohmann::json changes = {{"im", im}};
  changes.merge_patch(ground.config);
  const support::Nightpost::Names names{
      .group = name, .offline = name + ".offline", .results = name + ".results", .dead = name + ".dead"};
  support::Topics topics(ground.brokers);
  topics.create(names.offline, 8);
  return nightpost_.config("im.json", names, changes);
}

ImBed::ImBed(const ImGround& ground, const std::string& name, bool tls)
    : tls_(tls),
      nightpost_(ground.program, ground.brokers, folder_),
      process_({ground.program, "im", "--config", config(ground, name), "--ready-file", folder_.file("ready")},
               {.environment = {}, .folder = {}, .log_file = folder_.file("im.log")}) {
  const std::string ready_file = folder_.file("ready");
  support::eventually(20s, [&] { return std::filesystem::exists(ready_file) || !process_.running(); });
  if (!std::filesystem::exists(ready_file))
    throw std::runtime_error("nightpost im did not come up:\n" + support::read_file(folder_.file("im.log")));
  const nlohmann::json ready = nlohmann::json::parse(support::read_file(ready_file));
  const std::string url = ready.at("ws");
  port_ = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  http_ = ready.at("http");
}

double ImBed::metric(const std::string& series) const {
  const std::string page = support::run_command({"curl", "--silent", http_ + "/metrics"}, 10s).out;
  const std::size_t at = page.find("\n" + series + " ");
  if (at == std::string::npos) throw std::runtime_error("no series " + series);
  return std::stod(page.substr(at + series.size() + 2));
}

void ImBed::expect_metric(const std::string& series, double value) const {
  double is = 0;
  if (!support::eventually(15s, [&] { return (is = metric(series)) == value; }, 50ms))
    throw std::runtime_error(
        fmt::format("{}: {} instead of {}\n{}", series, is, value, support::read_file(folder_.file("im.log"))));
}

void ImBed::stop() {
  process_.signal(SIGTERM);
  const auto left = process_.wait(30s);
  if (left != 0)
    throw std::runtime_error(fmt::format("nightpost im left with {}\n{}", left ? std::to_string(*left) : "nothing",
                                         support::read_file(folder_.file("im.log"))));
}

double fdatasyncs_per_s(const support::TempFolder& folder, std::chrono::milliseconds span) {
  const std::string path = folder.file("sync");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot open " + path);
  static constexpr std::array<char, 4'096> kPage{};
  const auto start = std::chrono::steady_clock::now();
  auto now = start;
  std::size_t count = 0;
  bool good = true;
  for (; good && now - start < span; ++count, now = std::chrono::steady_clock::now())
    good = ::write(fd, kPage.data(), kPage.size()) == ssize_t(kPage.size()) && ::fdatasync(fd) == 0;
  ::close(fd);
  std::filesystem::remove(path);
  if (!good) throw std::runtime_error("cannot write and sync " + path);
  return static_cast<double>(count) / std::chrono::duration<double>(now - start).count();
}

}  // namespace nightpost::bench
