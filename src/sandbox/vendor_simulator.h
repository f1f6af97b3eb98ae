// One vendor's server, simulated: what it takes, refuses and says. Pure: no socket, clock or thread; the sandbox brings
// requests and times. A vendor is one implementation (apns_simulator.cpp) and one line in vendor_table.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "net/http_server.h"

namespace nightpost::sandbox {

struct SimulatorOptions {
  bool accept_any = false;
  std::uint32_t streams_max = 1000;        // announced once a request was authorized
  std::size_t tokens_known_max = 200'000;  // taught device tokens
};

/// What a vendor thinks of a request.
struct Judgement {
  int status = 200;
  std::string reason;       // the vendor's word; empty: accepted
  std::string detail;       // for people, where the word says too little: "$.aps.badge: not an integer"
  std::string token;        // whom it is for, as far as it could be read: fault rules match it
  std::string topic;        // likewise
  std::string id;           // the message id the answer carries
  bool authorized = false;  // the credential was good, whatever the rest
  bool accepted() const noexcept { return reason.empty(); }
};

/// An answer a fault script wants instead.
struct ScriptedAnswer {
  int status = 500;
  std::string reason;
  std::optional<std::int64_t> timestamp_ms;
  std::optional<std::int64_t> retry_after_s;
};

class VendorSimulator {
 public:
  virtual ~VendorSimulator() = default;
  /// Moves the state on (what this connection has shown, which grants were seen): once a request.
  virtual Judgement judge(const net::ServerRequest& request, WallTime now) = 0;
  virtual net::ServerResponse answer(const Judgement& judgement) const = 0;
  virtual net::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const = 0;
  /// SETTINGS due with the answer.
  virtual std::vector<std::pair<std::uint16_t, std::uint32_t>> settings(const net::ServerRequest& request,
                                                                        const Judgement& judgement) = 0;
  virtual void closed(std::uint64_t connection) = 0;
  /// Adds to what is known. Malformed (with JSON path): nothing was added.
  virtual Result<void> teach(const nlohmann::json& credentials) = 0;
  virtual void forget() = 0;  // all that was taught
  virtual std::uint32_t streams_max_first() const noexcept = 0;
  virtual bool asks_client_certificate() const noexcept = 0;
};

/// Null: no such vendor.
std::unique_ptr<VendorSimulator> make_simulator(std::string_view vendor, const SimulatorOptions& options);

}  // namespace nightpost::sandbox
