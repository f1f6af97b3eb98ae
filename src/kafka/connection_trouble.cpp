#include "kafka/connection_trouble.h"

#include <algorithm>
#include <charconv>

namespace nightpost::kafka {
namespace {

// X509_V_ERR_… of <openssl/x509_vfy.h>.
constexpr int kNotYetValid = 9;
constexpr int kHasExpired = 10;
constexpr int kHostnameMismatch = 62;
constexpr int kIpAddressMismatch = 64;

/// Until 2.6.1 librdkafka repeats its own nonce in SCRAM's last message; brokers since Kafka 4.0 refuse that.
constexpr int kScramMended = 0x020601ff;
/// A broker that wants SASL closes an unsaid connection at once.
constexpr int kAtOnceMs = 50;

/// "Disconnected… (after 1ms in state UP…": librdkafka 2.0.2 says what that may mean, newer ones do not.
bool closed_at_once(std::string_view words) {
  constexpr std::string_view kAfter = "(after ", kState = "ms in state ";
  const std::size_t after = words.rfind(kAfter), state = words.find(kState, after);
  if (!words.contains("Disconnected") || after == std::string_view::npos || state == std::string_view::npos)
    return false;
  int ms = 0;
  std::from_chars(words.data() + after + kAfter.size(), words.data() + state, ms);
  const std::string_view in = words.substr(state + kState.size());
  return in.starts_with("APIVERSION_QUERY") || (in.starts_with("UP") && ms <= kAtOnceMs);
}

}  // namespace

std::string_view name_of(ConnectionFault fault) noexcept {
  switch (fault) {
    case ConnectionFault::Credentials:
      return "credentials";
    case ConnectionFault::Untrusted:
      return "untrusted";
    case ConnectionFault::WrongName:
      return "wrong_name";
    case ConnectionFault::Expired:
      return "expired";
    case ConnectionFault::Protocol:
      return "protocol";
    case ConnectionFault::Tls:
      break;
  }
  return "tls";
}

std::string remedy_of(ConnectionFault fault, std::string_view words, int library_version) {
  switch (fault) {
    case ConnectionFault::Credentials:
      return std::string(
                 "check sasl.mechanism and sasl.username in kafka.client, the file of sasl.password, and what "
                 "the brokers know of that user") +
             (words.contains("SCRAM") && library_version < kScramMended
                  ? "; if the brokers are Kafka 4.0 or newer: this librdkafka cannot do SCRAM with them, 2.6.1 can"
                  : "");
    case ConnectionFault::Untrusted:
      return "name the CA that signed the broker's certificate in kafka.client, ssl.ca.location";
    case ConnectionFault::WrongName:
      return "use a name that is in the broker's certificate, in kafka.brokers and in its advertised.listeners";
    case ConnectionFault::Expired:
      return "renew the broker's certificate, or set this machine's clock";
    case ConnectionFault::Protocol:
      return "set security.protocol in kafka.client to what the listener speaks: PLAINTEXT, SSL, SASL_PLAINTEXT, "
             "SASL_SSL";
    case ConnectionFault::Tls:
      break;
  }
  return "check ssl.* in kafka.client, and whether the broker demands a client's certificate";
}

std::optional<ConnectionFault> connection_fault(std::string_view code, std::string_view words) {
  if (code == "_AUTHENTICATION") return ConnectionFault::Credentials;
  if (words.contains("certificate verify failed")) return std::nullopt;
  if (words.contains("security.protocol") || words.contains("PLAINTEXT broker listener"))
    return ConnectionFault::Protocol;
  if (closed_at_once(words)) return ConnectionFault::Protocol;
  if (code == "_SSL") return ConnectionFault::Tls;
  return std::nullopt;
}

ConnectionFault fault_of_certificate(int x509_error) noexcept {
  switch (x509_error) {
    case kHostnameMismatch:
    case kIpAddressMismatch:
      return ConnectionFault::WrongName;
    case kNotYetValid:
    case kHasExpired:
      return ConnectionFault::Expired;
    default:
      return ConnectionFault::Untrusted;
  }
}

std::string broker_of(std::string_view words) {
  static constexpr std::string_view kScheme = "://", kEnd = ": ";
  if (const std::size_t end = words.find("]: "); words.starts_with("[thrd:") && end != std::string_view::npos)
    words.remove_prefix(end + 3);
  if (const std::size_t at = words.find(kScheme); at < words.find(' ')) words.remove_prefix(at + kScheme.size());
  const auto first = [](std::string_view text) {
    return text.substr(0, std::min({text.find('/'), text.find(kEnd), text.size()}));
  };
  std::string_view broker = first(words);
  // "GroupCoordinator: host:port: …"
  if (const std::size_t end = words.find(kEnd); !broker.contains(':') && end != std::string_view::npos)
    if (const std::string_view next = first(words.substr(end + kEnd.size())); next.contains(':') && !next.contains(' '))
      broker = next;
  return std::string(broker);
}

bool ConnectionTroubles::note(const ConnectionTrouble& trouble, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(by_broker_, [now](const auto& entry) { return now - entry.second.last > kForgetAfter; });
  const auto known = by_broker_.find(trouble.broker);
  const bool is_new = known == by_broker_.end();
  if (is_new && by_broker_.size() >= kBrokersMax) return false;
  Noted& noted = is_new ? by_broker_[trouble.broker] : known->second;
  const bool says = is_new || noted.trouble.why != trouble.why || now - noted.said >= kSayAgain;
  noted = {.trouble = trouble, .last = now, .said = says ? now : noted.said};
  count_.store(by_broker_.size(), std::memory_order_release);
  return says;
}

bool ConnectionTroubles::heard(std::string_view broker_name) {
  if (count_.load(std::memory_order_acquire) == 0) return false;
  const std::string broker = broker_of(broker_name);
  const std::scoped_lock lock(mutex_);
  const bool was_noted = by_broker_.erase(broker) > 0;
  count_.store(by_broker_.size(), std::memory_order_release);
  return was_noted;
}

std::vector<ConnectionTrouble> ConnectionTroubles::current(MonoTime now) const {
  std::vector<ConnectionTrouble> all;
  const std::scoped_lock lock(mutex_);
  for (const auto& [broker, noted] : by_broker_)
    if (now - noted.last <= kForgetAfter) all.push_back(noted.trouble);
  return all;
}

}  // namespace nightpost::kafka
