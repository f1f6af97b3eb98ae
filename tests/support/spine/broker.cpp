#include "support/spine/broker.h"

#include <stdexcept>

namespace nightpost::support {

Broker::Broker(const TempFolder& folder)
    : data_(folder.file("kafka")),
      log_file_(folder.file("kafka-command.log")),
      port_(std::to_string(free_port())),
      address_("127.0.0.1:" + port_) {
  if (command("up")) return;
  command("down");
  throw std::runtime_error("kafka does not come up: " + read_file(log_file_));
}

Broker::~Broker() { command("down"); }

void Broker::restart() {
  if (!command("down") || !command("up")) throw std::runtime_error("kafka restart: " + read_file(log_file_));
}

bool Broker::command(const std::string& verb) const {
  Process script({NIGHTPOST_SOURCE "/tests/support/kafka/broker", verb, "--port", port_, "--data", data_},
                 {.environment = {}, .folder = {}, .log_file = log_file_, .talk = false});
  return script.wait(milliseconds(180'000)) == 0;  // the first one ever fetches the jars
}

}  // namespace nightpost::support
