// What dispatch needs of the world. src/app plugs in the real ones, tests/sim the simulated ones. Everything here is
// called on the shard's thread, and every callback comes back on it.
//
// Callbacks rather than coroutines: the pushes in flight are a slab of state machines (dispatcher.h), so a push costs
// no coroutine frame, dispatch needs no event loop, and tests/sim drives it on manual time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/device.h"
#include "core/http.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "dispatch/rule.h"
#include "dispatch/tier.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::dispatch {

/// Names one record of the source until it is released. Opaque here.
enum class RecordId : std::uint64_t {};

/// One record as it came. Views are valid during Dispatcher::accept() only; what must live longer is copied.
struct Record {
  RecordId record_id{};
  std::string_view key;
  std::string_view value;
  std::string_view traceparent;  // empty: none; what is no W3C traceparent counts as none
  std::string_view remainder;    // who is left of it (remainder.h); empty: everybody
  WallTime written_at{};         // into the source, by whatever clock; the epoch: unknown
};

/// The original, whole, for a later try of those left of it.
struct Deferral {
  std::string key;
  std::string value;  // the original bytes
  std::string traceparent;
  std::string remainder;  // who is left (remainder.h)
  Tier tier{};
  WallTime due_at{};  // it comes back no earlier
};

/// The original, whole, and why it could not be finished.
struct DeadLetter {
  std::string key;
  std::string value;  // the original bytes
  std::string traceparent;
  std::string remainder;    // who is left (remainder.h); empty: everybody
  std::string event_id;     // empty if it could not be read
  std::string_view stage;   // static: "decode", "resolve", "plan", "deliver"
  std::string_view reason;  // static: "malformed", "unknown_app", "retries_exhausted", …
  std::string detail;       // where and what, one line: "$.to[3].user_id: missing"
  std::string vendor;       // empty before deliver
  std::string code;
  int attempts = 0;  // of which something went out
};

/// Where outcomes go, and how the source learns that it may forget. For each record: any number of outcome(), then any
/// number of defer() and at most one dead(), then exactly one release(). The source forgets the record once all of it
/// is durable. Or, for a record that was handed back unfinished, any number of outcome(), then exactly one hand_back().
class Settler {
 public:
  virtual ~Settler() = default;
  virtual void outcome(RecordId record_id, std::string_view event_id, std::string_view json) = 0;
  virtual void dead(RecordId record_id, DeadLetter letter) = 0;
  /// To the delay topic of its tier, from which it comes back as a record once it is due.
  virtual void defer(RecordId record_id, Deferral deferral) = 0;
  virtual void release(RecordId record_id) = 0;
  /// Nobody works on it any more and it is not done: it comes again, here or elsewhere. REQUIRED: does not throw.
  virtual void hand_back(RecordId record_id) = 0;
  /// Outcomes that may come before planning should stop. Those of what is open then are taken all the same.
  virtual std::size_t room() const noexcept { return std::numeric_limits<std::size_t>::max(); }
};

/// Receivers and their devices.
class Directory {
 public:
  virtual ~Directory() = default;
  /// One per key, in order; an unknown user is an empty Receiver. Null: this one could not be read for now, others
  /// could. shared_ptr: the cache and the events in flight both hold one. May call back before it returns; `keys` are
  /// valid during this call only. REQUIRED: no call back once the dispatcher is gone.
  using Found = std::move_only_function<void(Result<std::vector<std::shared_ptr<const Receiver>>>)>;
  virtual void find(std::span<const ReceiverKey> keys, Found found) = 0;
  /// Whether the tenant exists at all (has a certificate or a device).
  virtual Result<bool> knows(AppId app) = 0;
  /// Compare-and-delete: only the row with this very token and registration time. Tells once whether a row went, maybe
  /// before it returns; the arguments are valid during this call only. REQUIRED: as find(), no call back once the
  /// dispatcher is gone.
  using Removed = std::move_only_function<void(Result<bool>)>;
  virtual void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) = 0;
};

/// A certificate made ready to send with. Immutable; replaced whole when its certificate changes.
struct Route {
  std::uint64_t id = 0;  // unique in the process, never reused: the key of lanes and breakers
  Certificate certificate;
  std::shared_ptr<const Provider> provider;      // shared by the shards
  std::shared_ptr<const Authorizer> authorizer;  // likewise
};

class Credentials {
 public:
  virtual ~Credentials() = default;
  /// NotFound: no such certificate of that app. Malformed: it is there and cannot be used (secret does not open, …).
  virtual Result<std::shared_ptr<const Route>> route(AppId app, CertificateId certificate) = 0;
  /// Null: it is being obtained from the vendor; Dispatcher::on_grant(route.id) will say when to ask again.
  virtual Result<std::shared_ptr<const Grant>> grant(const Route& route, WallTime now) = 0;
  /// The vendor called `refused` stale: the newer grant, made now unless somebody already has. Unauthorized: it is too
  /// young to be stale and none may be made. Null: as with grant().
  virtual Result<std::shared_ptr<const Grant>> refresh(const Route& route, const Grant& refused, WallTime now) = 0;
};

struct Reply {
  Result<HttpResponse> response;
  /// After an error: the request may have been processed, so a repeat may duplicate. Without: it surely was not.
  bool maybe_sent = false;
  std::uint64_t connection = 0;  // which connection answered; for drain_connection()
  /// After an error: at least a byte of the request left for the vendor, in whichever of the lane's own tries.
  bool written = false;

  bool reached_wire() const noexcept { return written || maybe_sent || response.has_value(); }
};

struct TaggedReply {
  std::uint64_t tag = 0;
  Reply reply;
};

class ReplyHandler {
 public:
  virtual void on_reply(std::uint64_t tag, Reply reply) = 0;
  /// All that came in one turn, in order. As one call each, but the clocks are read, slots filled and lanes flushed
  /// once.
  virtual void on_replies(std::span<TaggedReply> replies) = 0;

 protected:
  ~ReplyHandler() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends on the route's lane, opening connections as its limits allow, and calls handler.on_reply(tag) exactly once
  /// by `deadline`, never from inside send(). A request surely not processed (refused stream, above a GOAWAY) is
  /// replayed by an HTTP/2 lane itself; libcurl cannot tell, so from its lanes it comes back as maybe sent. Errors:
  /// Timeout, ConnectionLost, Overloaded, Unauthorized (the connection's end blamed the credential), ShuttingDown.
  virtual void send(const std::shared_ptr<const Route>& route, HttpRequest request, MonoTime deadline,
                    std::uint64_t tag, ReplyHandler& handler) = 0;
  /// No new requests on that connection; it ends once its answers are in.
  virtual void drain_connection(const Route& route, std::uint64_t connection) = 0;
  /// Every request of this route (not of others that share its lane) that still waits for a connection is answered with
  /// ConnectionLost, surely not sent; never from inside this call. What is on a connection already goes on.
  virtual void withdraw_queued(const Route& route) = 0;
  /// All that send() queued since the last flush goes out now. Called once per batch.
  virtual void flush() = 0;
};

/// What ops should hear of, as it happens. Views and references live as long as the call; nothing of it is decided by.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// `code` and `meaning`: the vendor's words, or ours where a grant could not be had. The next probe is let through
  /// after `open_for`.
  virtual void breaker_opened(const Route& route, std::string_view code, std::string_view meaning,
                              milliseconds open_for) = 0;
  virtual void breaker_closed(const Route& route) = 0;
  /// The vendor takes nothing of this credential, or of each of its connections, before `pause` is over.
  virtual void credential_throttled(const Route& route, std::string_view code, std::string_view meaning,
                                    milliseconds pause) = 0;
  /// The vendor does not answer anything of the route's signer any more (rule SignerSilent), or fails everything
  /// (SignerFailing). A request tries it after `probe_in`; what comes meanwhile is put off.
  virtual void signer_fell(const Route& route, Rule rule, milliseconds probe_in) = 0;
  virtual void signer_recovered(const Route& route) = 0;
  /// The vendor takes no more of one kind of message, as the provider names it, before `rest` is over; others go on.
  virtual void class_rests(const Route& route, std::string_view kind, std::string_view code, std::string_view meaning,
                           milliseconds rest) = 0;
  /// Too large a share of the answers called tokens dead: none is removed for `period`.
  virtual void removals_held(const Route& route, milliseconds period) = 0;
  /// So many pushes were taken meanwhile that the credential must be right: dead tokens are removed again.
  virtual void removals_released(const Route& route) = 0;
  virtual void dead_letter(const DeadLetter& letter) = 0;
};

}  // namespace nightpost::dispatch
