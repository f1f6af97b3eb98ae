#include "sandbox/apns_authority.h"

#include <algorithm>
#include <chrono>

namespace nightpost::sandbox::apns {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr auto kAgeMax = hours(1);
constexpr auto kRenewalMin = minutes(20);
constexpr auto kSkewMax = minutes(1);  // tolerated between the sender's clock and ours

constexpr Refusal kMissing{403, "MissingProviderToken"};
constexpr Refusal kInvalid{403, "InvalidProviderToken"};
constexpr Refusal kExpired{403, "ExpiredProviderToken"};
constexpr Refusal kTooMany{429, "TooManyProviderTokenUpdates"};

Refusal judge_age(WallTime issued_at, WallTime now) {
  if (issued_at > now + kSkewMax) return kInvalid;
  if (now - issued_at > kAgeMax) return kExpired;
  return {};
}

/// A token is told from another by what was signed: ECDSA signs the same claims differently each time. Two tokens of
/// one key that were issued less than 20 minutes apart are one too many, whoever sends them and in whatever order, and
/// a fleet that rounds `iat` to a common boundary has only one.
bool renewed_too_soon(const ProviderToken& token, State& state, WallTime now) {
  auto& keys = state.tokens_by_key;
  const auto expired = [&](const State::Seen& seen) { return now - seen.issued_at > kAgeMax; };
  std::pair key(token.team_id, token.key_id);
  if (keys.size() >= state.keys_tracked_max && !keys.contains(key)) {
    std::erase_if(keys, [&](const auto& entry) { return std::ranges::all_of(entry.second, expired); });
    if (keys.size() >= state.keys_tracked_max) keys.erase(keys.begin());
  }
  std::vector<State::Seen>& seen = keys[std::move(key)];
  std::erase_if(seen, expired);
  const Hash128 mine = hash128({token.signing_input});
  for (const State::Seen& other : seen) {
    if (other.token.high == mine.high && other.token.low == mine.low) return false;
    if (std::chrono::abs(other.issued_at - token.issued_at) < kRenewalMin) return true;
  }
  seen.push_back({mine, token.issued_at});  // at most four: they are 20 minutes apart within an hour
  return false;
}

/// What stays true of a token on this connection however long it is used.
Refusal judge_anew(const ProviderToken& token, const Knowledge& known, const Connection& connection) {
  const auto key = known.keys.find(token.key_id);
  if (key == known.keys.end()) {
    if (!known.accept_any) return kInvalid;
  } else {
    if (key->second.team_id != token.team_id || !signature_fits(token, *key->second.key)) return kInvalid;
    if (key->second.environment.value_or(known.environment) != known.environment)
      return {403, "BadEnvironmentKeyIdInToken"};
  }
  if (!connection.team_id.empty() && connection.team_id != token.team_id) return {403, "Forbidden"};
  if (!connection.key_id.empty() && connection.key_id != token.key_id) return {403, "UnrelatedKeyIdInToken"};
  return {};
}

}  // namespace

Refusal judge_provider_token(std::string_view authorization, const Knowledge& known, State& state,
                             Connection& connection, WallTime now) {
  if (connection.throttled_until && now < *connection.throttled_until) return kTooMany;
  if (authorization.empty()) return kMissing;
  if (connection.authorization == authorization && connection.generation == known.generation) {
    if (!connection.refused.empty()) return {403, connection.refused};
    return judge_age(connection.issued_at, now);
  }
  const auto token = read_provider_token(authorization);
  const Refusal standing = token ? judge_anew(*token, known, connection) : kInvalid;
  if (!standing) {
    if (const Refusal age = judge_age(token->issued_at, now)) return age;
    if (renewed_too_soon(*token, state, now)) {
      connection.throttled_until = now + kRenewalMin;
      return kTooMany;
    }
    connection.team_id = token->team_id;
    connection.key_id = token->key_id;
    connection.issued_at = token->issued_at;
  }
  connection.authorization = authorization;
  connection.generation = known.generation;
  connection.refused = standing.reason;
  return standing;
}

Refusal judge_certificate(const Connection& connection, const Knowledge& known, WallTime now) {
  const CertificateFacts& facts = *connection.certificate;
  if (facts.bundle_id.empty() && facts.topics.empty()) return {403, "BadCertificate"};
  if (now < facts.not_before || now > facts.not_after) return {403, "BadCertificate"};
  const bool fits = known.environment == Environment::Development ? facts.development : facts.production;
  return fits ? Refusal{} : Refusal{403, "BadCertificateEnvironment"};
}

}  // namespace nightpost::sandbox::apns
