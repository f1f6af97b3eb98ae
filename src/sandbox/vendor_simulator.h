// One vendor's server, simulated: what it takes, refuses and says. Pure: no socket, clock or thread; the sandbox brings
// requests and times. A vendor is one implementation (apns_simulator.cpp) and one line in vendor_table.cpp. It serves
// all of its vendor's hosts on one port and tells them apart by path.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/receipt.h"
#include "server/http_server.h"

namespace nightpost::sandbox {

struct SimulatorOptions {
  bool accept_any = false;
  std::uint32_t streams_max = 1000;        // APNs: announced once a request was authorized; others: from the start
  std::size_t tokens_known_max = 200'000;  // taught device tokens
};

/// One device a request names, and what becomes of it.
struct TokenVerdict {
  std::string_view token;     // good until the simulator's next judge()
  std::string_view reason;    // the vendor's word for this device alone; empty: it gets the message
  std::string_view tag = {};  // Judgement::tag for this one, where messages differ; as long-lived as `token`
  bool receipts = true;       // likewise: false where it asks for none, or was delivered before
};

/// What a vendor thinks of a request.
struct Judgement {
  int status = 200;
  std::string reason;                // the vendor's word for the request as a whole; empty: accepted
  std::string detail;                // for people, where the word says too little: "$.aps.badge: not an integer"
  std::vector<TokenVerdict> tokens;  // whom it is for, as far as they could be read, in order: fault rules match them
  std::string topic;                 // the app it is for (bundle id, project, app id, package), likewise
  std::string id;                    // the message or request id the answer carries
  bool push = true;                  // asks for a push, or prepares one; false: a token endpoint and the like
  bool authorized = false;           // the credential was good, whatever the rest
  std::string body = {};             // the answer's, where judging made it: a grant, a refusal with its particulars
  std::optional<std::int64_t> retry_after_s = {};
  std::string tag = {};    // the sender's own word that receipts repeat (biTag, callback.param)
  int variant = 0;         // which of the vendor's APIs it came by, where answers or receipts differ
  bool receipts = true;    // the vendor would send receipts for it
  std::string shows = {};  // what the phone shows, as JSON; "null": nothing; empty: this simulator does not know
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
  /// Moves the state on (what this connection has shown, which grants were given): once a request.
  virtual Judgement judge(const server::ServerRequest& request, WallTime now) = 0;
  /// The vendor's answer, with the verdicts on single tokens in the vendor's own form. Where all of them were refused
  /// it may differ from an accepted one as the vendor's would.
  virtual server::ServerResponse answer(const Judgement& judgement) const = 0;
  virtual server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const = 0;
  /// Can the answer to `judgement` say `reason` of one token and leave the others alone? If so a fault rule for that
  /// token becomes its verdict, otherwise the answer to the whole request.
  virtual bool tells(const Judgement&, std::string_view /*reason*/) const noexcept { return false; }
  /// SETTINGS due with the answer.
  virtual std::vector<std::pair<std::uint16_t, std::uint32_t>> settings(const server::ServerRequest&,
                                                                        const Judgement&) {
    return {};
  }
  virtual void closed(std::uint64_t /*connection*/) {}
  /// Adds to what is known. Malformed (with JSON path): nothing was added. "vendor" and "receipts" are the sandbox's
  /// and not in it.
  virtual Result<void> teach(const nlohmann::json& credentials) = 0;
  virtual void forget() = 0;  // all that was taught
  /// Does the vendor post receipts?
  virtual bool has_receipts() const noexcept { return false; }
  /// What the vendor posts when it has this to say, in as many requests as it takes. Malformed: `events` hold a status
  /// this vendor has no word for.
  virtual Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> /*events*/,
                                                    const ReceiptSecret& /*secret*/, WallTime /*now*/) {
    return fail(Errc::Malformed, "this vendor sends no receipts");
  }
  virtual std::uint32_t streams_max_first() const noexcept { return 1000; }
  virtual bool asks_client_certificate() const noexcept { return false; }
  virtual bool takes_any_scheme() const noexcept { return true; }  // server::ServerTls::any_scheme
};

/// Null: no such vendor.
std::unique_ptr<VendorSimulator> make_simulator(std::string_view vendor, const SimulatorOptions& options);
/// All there are, in the order they are served.
std::vector<std::string> simulated_vendors();

}  // namespace nightpost::sandbox
