// Apple Push Notification service. What src/app needs of this room; everything else here is its inside.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "providers/authorizer.h"
#include "providers/provider.h"
#include "providers/settings.h"

namespace nightpost::apns {

/// What ops uploaded, read and judged, before it is stored. From `wanted`: name, host_override, and
///   .p8: bundle_id, environment, facts key_id and team_id;
///   .p12: bundle_id if the certificate's topics leave a choice (empty: its Subject UID), environment if it serves
///   both. One for calls alone (topic com.example.app.voip) is taken, too, and has the app's bundle id.
/// `asked`: the environment ops chose, if they chose one; it decides over wanted.environment.
/// The result has bundle_id, environment and facts anew: kind ("p8" | "p12"), fingerprint (SHA-256, hex; of the public
/// key or of the certificate); p8: key_id, team_id; p12: not_after ("2027-01-31T23:59:59Z"), topics (comma-separated).
/// Malformed: what Apple would refuse, or would accept and never deliver; one sentence for ops.
Result<Certificate> inspect(Certificate wanted, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked);

/// None: key id, team id and bundle id are facts of the key.
std::span<const SettingField> settings() noexcept;

/// What the vendor would take at this setting and then cap or drop without a word: a sentence each for ops, which
/// begins with what to change. Of an inspected certificate.
std::vector<std::string> warnings(const Certificate& certificate, WallTime now);

/// Of an inspected certificate. Malformed: it names no usable bundle id or origin.
Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate);

/// Of an inspected certificate and the secret it was inspected with. Malformed: the secret does not open.
/// p8: grants of an hour, renewed at 50 minutes, never within 20; shared by all certificates with the same team, key id
/// and key, whatever their environment. p12: empty grants that never end, and an identity().
Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret);

}  // namespace nightpost::apns
