// Refuses what Apple refuses, in Apple's words: a request, what is known and a time make a verdict. Written from
// Apple's "Sending notification requests to APNs" alone, so that it cannot share a mistake with the sender it checks.
#pragma once

#include <simdjson.h>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/certificate.h"
#include "core/time.h"
#include "core/uuid.h"
#include "sandbox/apns_certificate.h"
#include "sandbox/apns_provider_token.h"
#include "server/http_server.h"

namespace nightpost::sandbox::apns {

struct KnownKey {
  std::string team_id;
  PublicKey key;
  std::optional<Environment> environment;  // nullopt: good for both
};

struct KnownToken {
  std::string topic;                       // bundle id; empty: any
  std::optional<Environment> environment;  // nullopt: this simulator's
};

/// What the simulator was taught.
struct Knowledge {
  Environment environment = Environment::Development;
  bool accept_any = false;  // what was not taught is taken if it is well-formed
  std::map<std::string, KnownKey, std::less<>> keys;
  std::set<std::string, std::less<>> topics;           // bundle ids, without the suffixes of push types
  std::unordered_map<std::string, KnownToken> tokens;  // by lower-case hex
  std::uint64_t generation = 0;                        // rises with every change: what was judged before is stale
};

/// What one connection has shown.
struct Connection {
  std::string authorization;  // the last one judged, and what was found
  std::uint64_t generation = 0;
  std::string_view refused;  // its standing refusal; empty: good while its age is
  WallTime issued_at{};
  std::string team_id;  // the first good token's: no other may follow
  std::string key_id;
  std::optional<WallTime> throttled_until;  // after TooManyProviderTokenUpdates
  std::optional<CertificateFacts> certificate;
  bool raised = false;  // its stream limit
};

/// What all connections together have shown. The connection's entry goes with forget().
struct State {
  std::unordered_map<std::uint64_t, Connection> connections;
  struct Seen {
    Hash128 token;
    WallTime issued_at;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Seen>> tokens_by_key;  // (team, key), not yet expired
  std::size_t keys_tracked_max = 4096;  // then the expired go, and if there are none, any
  simdjson::dom::parser json;           // scratch
};

struct Verdict {
  int status = 200;
  std::string_view reason;  // static; empty: accepted
  std::string detail;       // BadPayload: the JSON path
  std::string token;        // lower-case hex, once the path was right
  std::string_view topic;   // of the request, or the certificate's
  std::string_view id;      // apns-id of the request, if it is a good one
  bool authorized = false;
};

/// Views in the verdict are into `request` and `state`.
Verdict verify(const server::ServerRequest& request, const Knowledge& known, State& state, WallTime now);

/// Canonical: 8-4-4-4-12 lower-case hex digits.
bool is_uuid(std::string_view text) noexcept;

}  // namespace nightpost::sandbox::apns
