// Honor push. What src/app needs of this room; everything else here is its inside.
// Source: Honor, Push Kit REST API.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "providers/authorizer.h"
#include "providers/provider.h"
#include "providers/receipt.h"
#include "providers/settings.h"

namespace nightpost::honor {

std::span<const SettingField> settings() noexcept;

/// The secret is the client secret as text, the bundle_id the app's package name. REQUIRED: check_settings() was
/// passed. The result has facts anew: kind ("client_secret"), fingerprint (SHA-256, hex). Environment Development sends
/// Honor's test messages. Malformed, one sentence for ops.
Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked);

/// What the vendor would take at this setting and then cap or drop without a word: a sentence each for ops, which
/// begins with what to change. Of an inspected certificate.
std::vector<std::string> warnings(const Certificate& certificate, WallTime now);

/// Of an inspected certificate. Malformed: it names no usable app id or origin.
Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate);

/// Of an inspected certificate and its secret: asks the token endpoint, renews five minutes early.
Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret);

/// How Honor signs its receipts is not published, so the query's `key` is compared with the certificate's receipt key.
Result<ReceiptBatch> read_receipts(const Certificate& certificate, std::string_view key, const ReceiptCall& call,
                                   WallTime now);

}  // namespace nightpost::honor
