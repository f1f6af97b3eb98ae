#include "support/redis_server.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace nightpost::support {
namespace {

constexpr milliseconds kRedisPatience{30'000};
const std::string kRedisScript = NIGHTPOST_SOURCE_DIR "/tests/support/redis/server";

}  // namespace

RedisServer::RedisServer(std::vector<std::string> settings) : settings_(std::move(settings)) { start(); }

RedisServer::~RedisServer() {
  try {
    stop();
  } catch (const std::runtime_error& error) {  // the script's guard ends it once we are gone
    std::fprintf(stderr, "%s\n", error.what());
  }
}

void RedisServer::start() {
  std::vector<std::string> argv = {kRedisScript, "up",           "--port",  std::to_string(port_),
                                   "--data",     folder_.path(), "--owner", std::to_string(::getpid())};
  for (const std::string& setting : settings_) argv.insert(argv.end(), {"--set", setting});
  const Ran ran = run_command(argv, kRedisPatience, {.log_file = folder_.file("up.log")});
  if (ran.exit_code != 0) throw std::runtime_error("Redis does not come up: " + read_file(folder_.file("up.log")));
}

void RedisServer::stop() {
  const Ran ran = run_command({kRedisScript, "down", "--now", "--data", folder_.path()}, kRedisPatience);
  if (ran.exit_code != 0) throw std::runtime_error("Redis does not stop");
}

void RedisServer::pause() { signal(SIGSTOP); }
void RedisServer::resume() { signal(SIGCONT); }

void RedisServer::signal(int number) {
  if (::kill(std::stoi(read_file(folder_.file("pid"))), number) != 0)
    throw std::runtime_error("Redis cannot be signalled");
}

}  // namespace nightpost::support
