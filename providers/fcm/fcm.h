// Firebase Cloud Messaging, HTTP v1. What src/app needs of this room; everything else here is its inside.
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

namespace nightpost::fcm {

/// channel_id, collapse_key, click, click_target. None is required: the key file says the rest.
std::span<const SettingField> settings() noexcept;

/// The service-account file read and judged. The result's facts: kind ("service_account"), project_id, client_email,
/// private_key_id, token_uri, fingerprint (SHA-256 of the public key, hex). `asked` is ignored: FCM has one
/// environment. Malformed, one sentence for ops: the old server key, another of Google's files, a token_uri that is not
/// Google's (unless host_override replaces it), a key that cannot sign.
Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked);

/// What the vendor would take at this setting and then cap or drop without a word: a sentence each for ops, which
/// begins with what to change. Of an inspected certificate.
std::vector<std::string> warnings(const Certificate& certificate, WallTime now);

/// Of an inspected certificate. Malformed: it names no project or no usable origin.
Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate);

/// Of an inspected certificate and the secret it was inspected with: an access token of about an hour from the token
/// endpoint, renewed 5 minutes before it ends, shared by all certificates of one file.
Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret);

}  // namespace nightpost::fcm
