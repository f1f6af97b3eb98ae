#include "support/kafka_broker.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace nightpost::support {
namespace {

constexpr milliseconds kUp{300'000};  // the first one ever fetches the jars
constexpr milliseconds kDown{60'000};
const std::string kScript = NIGHTPOST_SOURCE_DIR "/tests/support/kafka/broker";

}  // namespace

KafkaBroker::KafkaBroker(std::vector<std::string> topics, Options options)
    : topics_(std::move(topics)),
      options_(std::move(options)),
      port_(std::to_string(free_port())),
      address_((options_.user.empty() ? "127.0.0.1:" : "localhost:") + port_) {
  start();
}

KafkaBroker::~KafkaBroker() {
  try {
    stop();
  } catch (const std::runtime_error& error) {  // the script's guard ends it once we are gone
    std::fprintf(stderr, "%s\n", error.what());
  }
}

void KafkaBroker::stop() { run_command({kScript, "down", "--data", folder_.file("data")}, kDown); }

void KafkaBroker::freeze() { signal(SIGSTOP); }
void KafkaBroker::thaw() { signal(SIGCONT); }
void KafkaBroker::signal(int number) const {
  if (::kill(std::stoi(read_file(folder_.file("data/pid"))), number) != 0)
    throw std::runtime_error("kafka: there is none to signal");
}

void KafkaBroker::start() {
  std::vector<std::string> argv = {
      kScript, "up", "--port", port_, "--data", folder_.file("data"), "--owner", std::to_string(getpid())};
  for (const std::string& topic : topics_) argv.insert(argv.end(), {"--topic", topic});
  for (const std::string& setting : options_.settings) argv.insert(argv.end(), {"--set", setting});
  if (!options_.user.empty()) argv.insert(argv.end(), {"--secure", options_.user});
  if (run_command(argv, kUp, {.log_file = folder_.file("up.log")}).exit_code != 0)
    throw std::runtime_error("kafka does not come up: " + read_file(folder_.file("up.log")));
}

}  // namespace nightpost::support
