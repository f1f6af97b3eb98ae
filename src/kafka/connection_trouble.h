// Brokers that cannot be talked to because of how they and we are set up: credentials, certificates, protocol. Time
// does not heal that, so ops must hear of it; a broker that is merely away is not meant. Pure but for the lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace nightpost::kafka {

enum class ConnectionFault : std::uint8_t {
  Credentials,  // the broker refuses them, or their mechanism
  Untrusted,    // its certificate is signed by nobody we know
  WrongName,    // its certificate is another host's
  Expired,      // its certificate is not valid now
  Protocol,     // one side speaks TLS or SASL and the other does not
  Tls,          // any other failure of TLS
};
std::string_view name_of(ConnectionFault fault) noexcept;  // "credentials", "untrusted", "wrong_name", …

struct ConnectionTrouble {
  std::string broker;  // host:port
  ConnectionFault why = ConnectionFault::Tls;
  std::string words;  // librdkafka's
  std::string todo;   // what ops can do
};
/// What ops can do, one sentence. `library_version` is rd_kafka_version().
std::string remedy_of(ConnectionFault fault, std::string_view words, int library_version);

/// Of an error of librdkafka's by its name ("_AUTHENTICATION") and words, or of its log's words about a connection (no
/// name); nullopt: another kind of failure. A certificate that does not pass is none either: fault_of_certificate()
/// knows more of it.
std::optional<ConnectionFault> connection_fault(std::string_view code, std::string_view words);
/// By OpenSSL's X509_V_ERR_… number, which is not 0.
ConnectionFault fault_of_certificate(int x509_error) noexcept;
/// The host:port that an error's words or a broker's name begin with: "sasl_ssl://a:9093/bootstrap: …" → "a:9093".
/// A log's "[thrd:…]: " before it is passed over.
std::string broker_of(std::string_view words);

/// Thread-safe: librdkafka's threads and ours note, anybody reads. Remembers at most kBrokersMax brokers.
class ConnectionTroubles {
 public:
  static constexpr std::size_t kBrokersMax = 64;
  static constexpr milliseconds kSayAgain{60'000};
  /// A broker that is tried in vain is heard of at least every 40 s: librdkafka waits up to 10 s between two tries, and
  /// is silent for 30 s about an error that it said before. One that is no longer tried is no trouble.
  static constexpr milliseconds kForgetAfter{90'000};

  /// True: shall be logged, for it is new, another fault than before, or was said long ago.
  bool note(const ConnectionTrouble& trouble, MonoTime now);
  /// The broker has answered something beyond the handshake. True: it was in trouble, and that is over.
  bool heard(std::string_view broker_name);
  std::vector<ConnectionTrouble> current(MonoTime now) const;

 private:
  struct Noted {
    ConnectionTrouble trouble;
    MonoTime last, said;
  };
  std::atomic<std::size_t> count_{0};  // so that answers cost nothing while all is well
  mutable std::mutex mutex_;
  std::map<std::string, Noted, std::less<>> by_broker_;
};

}  // namespace nightpost::kafka
