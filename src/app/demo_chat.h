// The demo's second act: two users of the companion over its real protocol, and what each message must lead to.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "kafka/tail.h"
#include "observe/log.h"

namespace nightpost::app::demo {

/// All but the companion itself, which the act starts and ends.
struct ChatStage {
  Config config;  // broker, store, topics
  std::string folder;
  std::string tls_certificate_file, tls_key_file, ca_pem;  // of a server on 127.0.0.1
  CertificateId apns;                                      // of kApp
  const Clock& clock;
  observe::Log& log;
  std::function<std::optional<kafka::TailMessage>(milliseconds wait)> next_outcome;
  std::function<nlohmann::json()> apns_requests;  // the sandbox's log
};

struct ChatLine {
  std::string title, to, outcome, said;
  std::int64_t attempt = 0;
};

/// The token of the phone that is written to.
std::string chat_token();

/// Tells each line as it comes, and returns what was not as expected. An error: the act cannot be played.
Result<std::vector<std::string>> play_chat(ChatStage stage, const std::function<void(ChatLine)>& tell);

}  // namespace nightpost::app::demo
