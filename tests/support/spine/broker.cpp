#include "support/spine/broker.h"

#include <stdexcept>

namespace nightpost::support {
namespace {

constexpr milliseconds kUp{300'000};  // the first one ever fetches the jars
constexpr milliseconds kDown{60'000};

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
  return {"setsid", "bash", "-c", kGuard, "guard", NIGHTPOST_SOURCE "/tests/support/kafka/broker", port, data};
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

}  // namespace nightpost::support
