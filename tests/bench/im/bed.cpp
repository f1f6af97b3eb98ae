#include "bench/im/bed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "im/domain/user_sig.h"
#include "support/postgres_server.h"
#include "support/test_identity.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kAdministrator = "administrator";
constexpr int kNoLimit = 1'000'000;  // of calls a second

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

std::string query_of_administrator() {
  std::string sig =
      im::make_user_sig(AppId{kApp}, kAdministrator, kAppKey,
                        std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()), 24h);
  for (std::size_t at; (at = sig.find('*')) != sig.npos;) sig.replace(at, 1, "%2A");
  return fmt::format("sdkappid={}&identifier={}&usersig={}&contenttype=json", kApp, kAdministrator, sig);
}

}  // namespace

std::string ImBed::config(const ImGround& ground, const std::string& name) {
  const probe::Identity identity = probe::server_identity();
  const std::string certificate = folder_.write("cert.pem", identity.certificate_pem);
  const std::string key = folder_.write("key.pem", identity.private_key_pem);
  nlohmann::json im = {{"listen", "127.0.0.1:0"},
                       {"http_listen", "127.0.0.1:0"},
                       {"key_files", {{std::to_string(kApp), folder_.write("app.key", kAppKey)}}},
                       {"group_members_max", 1'000'000},
                       {"rest",
                        {{"listen", "127.0.0.1:0"},
                         {"tls_certificate_file", certificate},
                         {"tls_key_file", key},
                         {"administrators", {{std::to_string(kApp), kAdministrator}}},
                         {"calls_open_max", 100'000},
                         {"message_calls_per_second", kNoLimit},
                         {"manage_calls_per_second", kNoLimit},
                         {"app_calls_per_second", kNoLimit}}}};
  if (tls_) {
    im["tls_certificate_file"] = certificate;
    im["tls_key_file"] = key;
  }
  nlohmann::json changes = {{"im", im}};
  if (!store_url_.empty()) changes["store"] = {{"url", store_url_}};
  changes.merge_patch(ground.config);
  const support::Nightpost::Names names{
      .group = name, .offline = name + ".offline", .results = name + ".results", .dead = name + ".dead"};
  support::Topics topics(ground.brokers);
  topics.create(names.offline, 8);
  offline_topic_ = names.offline;
  return nightpost_.config("im.json", names, changes);
}

ImBed::ImBed(const ImGround& ground, const std::string& name, bool tls)
    : tls_(tls),
      store_url_(ground.postgres != nullptr ? ground.postgres->new_database() : ""),
      nightpost_(ground.program, ground.brokers, folder_),
      process_({ground.program, "im", "--config", config(ground, name), "--ready-file", folder_.file("ready")},
               {.environment = {}, .folder = {}, .log_file = folder_.file("im.log")}) {
  const std::string ready_file = folder_.file("ready");
  support::eventually(20s, [&] { return std::filesystem::exists(ready_file) || !process_.running(); });
  if (!std::filesystem::exists(ready_file))
    throw std::runtime_error("nightpost im did not come up:\n" + support::read_file(folder_.file("im.log")));
  const nlohmann::json ready = nlohmann::json::parse(support::read_file(ready_file));
  port_ = port_of(ready.at("ws"));
  rest_port_ = port_of(ready.at("rest"));
  http_ = ready.at("http");
  rest_query_ = query_of_administrator();
}

double ImBed::metric(const std::string& series) const {
  const std::string page = support::run_command({"curl", "--silent", http_ + "/metrics"}, 10s).out;
  const std::size_t at = page.find("\n" + series + " ");
  if (at == std::string::npos) throw std::runtime_error("no series " + series);
  return std::stod(page.substr(at + series.size() + 2));
}

void ImBed::expect_metric(const std::string& series, double value, std::chrono::milliseconds patience) const {
  double is = 0;
  if (!support::eventually(patience, [&] { return (is = metric(series)) == value; }, 50ms))
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

double ImBed::bare_commits_per_s(std::chrono::milliseconds span) const {
  if (store_url_.empty()) return fdatasyncs_per_s(folder_, span);
  support::PostgresClient client(store_url_);
  client.run("CREATE TABLE bench_bare (body text)");
  const auto start = std::chrono::steady_clock::now();
  auto now = start;
  std::size_t count = 0;
  for (; now - start < span; ++count, now = std::chrono::steady_clock::now())
    client.run("INSERT INTO bench_bare VALUES (repeat('x', 200))");
  client.run("DROP TABLE bench_bare");
  return static_cast<double>(count) / std::chrono::duration<double>(now - start).count();
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
