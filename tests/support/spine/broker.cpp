#include "support/spine/broker.h"

#include <signal.h>
#include <unistd.h>

#include <random>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace nightpost::support {
namespace {

constexpr milliseconds kUp{300'000};  // the first one ever fetches the jars
constexpr milliseconds kDown{60'000};
const std::string kScript = NIGHTPOST_SOURCE "/tests/support/kafka/broker";

/// broker script, port, data folder. Says "up" each time it is.
constexpr const char* kGuard = R"(
  broker=$1 port=$2 data=$3
  trap '"$broker" down --data "$data" >&2; rm -rf "$data"' EXIT
  up() { "$broker" up --port "$port" --data "$data" >&2 && echo up; }
  up || exit 1
  while read -r restart; do "$broker" down --data "$data" >&2; up || exit 1; done
)";

std::vector<std::string> guard_command(const std::string& port, const std::string& data) {
  // A session of its own: a terminal's Ctrl-C ends the owner first, then the guard tidies up.
  return {"setsid", "bash", "-c", kGuard, "guard", kScript, port, data};
}

}  // namespace

Broker::Broker(const TempFolder& folder)
    : log_file_(folder.file("kafka-guard.log")),
      address_("127.0.0.1:" + std::to_string(free_port())),
      guard_(guard_command(address_.substr(address_.find(':') + 1), folder.file("kafka")),
             {.environment = {}, .folder = {}, .log_file = log_file_, .talk = true, .outlives_us = true}) {
  expect_up();
}

Broker::~Broker() {
  guard_.end_input();
  guard_.wait(kDown);
}

void Broker::restart() {
  guard_.say("restart");
  expect_up();
}

void Broker::expect_up() {
  try {
    guard_.hear(kUp);
  } catch (const std::runtime_error&) {
    throw std::runtime_error("kafka does not come up: " + read_file(log_file_));
  }
}

Cluster::Cluster(const TempFolder& folder) : folder_(folder) {
  std::random_device random;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // Base64 of 16 bytes: 22 digits, the last of which carries four bits of nothing.
  while (id_.size() < 21) id_ += kDigits[random() % kDigits.size()];
  id_ += 'A';
  if (id_.front() == '-') id_.front() = 'A';
  for (int node = 0; node < kNodes; ++node) {
    ports_.push_back(std::to_string(free_port()));
    controllers_.push_back(std::to_string(free_port()));
  }
  for (int node = 0; node < kNodes; ++node) start(node);
  for (int node = 0; node < kNodes; ++node) expect_up(node);
}

Cluster::~Cluster() {
  for (int node = 0; node < kNodes; ++node) run_command({kScript, "down", "--data", data(node)}, kDown);
}

std::string Cluster::data(int node) const { return folder_.file("kafka-" + std::to_string(node + 1)); }

std::string Cluster::addresses() const {
  std::string all;
  for (const std::string& port : ports_) all += (all.empty() ? "127.0.0.1:" : ",127.0.0.1:") + port;
  return all;
}

void Cluster::start(int node) {
  std::string cluster = id_ + ":" + std::to_string(node + 1) + ":";
  for (const std::string& port : controllers_) cluster += (cluster.ends_with(':') ? "" : ",") + port;
  const Ran ran = run_command({kScript, "up", "--port", ports_[std::size_t(node)], "--data", data(node), "--cluster",
                               cluster, "--owner", std::to_string(::getpid())},
                              kUp, {.environment = {}, .folder = {}, .log_file = folder_.file("kafka-cluster.log")});
  if (ran.exit_code != 0)
    throw std::runtime_error("kafka does not start: " + read_file(folder_.file("kafka-cluster.log")));
}

void Cluster::expect_up(int node) const {
  const std::string address = "127.0.0.1:" + ports_[std::size_t(node)];
  const auto answers = [&] {
    const ProcessOptions quiet{.environment = {}, .folder = {}, .log_file = folder_.file("kafka-cluster.log")};
    const std::string all = " " + std::to_string(kNodes) + " brokers:";
    return run_command({"kcat", "-b", address, "-L", "-m", "1"}, kDown, quiet).out.contains(all);
  };
  if (!eventually(kUp, answers, milliseconds(250)))
    throw std::runtime_error("kafka does not answer: " + read_file(data(node) + "/broker.out"));
}

void Cluster::lose(int node) {
  std::istringstream pid(read_file(data(node) + "/pid"));  // written by the script that started it for us
  pid_t process = 0;
  if (!(pid >> process) || ::kill(process, SIGKILL) != 0) throw std::runtime_error("kafka: no node to lose");
}

void Cluster::back(int node) {
  start(node);
  expect_up(node);
}

}  // namespace nightpost::support
