// vivo Push, which also serves iQOO. What src/app needs of this room; the rest is its inside.
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

namespace nightpost::vivo {

/// app_id, app_key and category are required; see README.md for each.
std::span<const SettingField> settings() noexcept;

/// The secret is the AppSecret, one line. REQUIRED: check_settings() took claimed.settings. The result has facts anew:
/// kind ("app_secret"), fingerprint (SHA-256, hex). Environment: as asked, else as claimed; development pushes reach
/// the console's test devices only. Malformed: what vivo would refuse, or would accept and never show; one sentence.
Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked);

/// What the vendor would take at this setting and then cap or drop without a word: a sentence each for ops, which
/// begins with what to change. Of an inspected certificate.
std::vector<std::string> warnings(const Certificate& certificate, WallTime now);

/// Of an inspected certificate. Malformed: its settings or its host override are of no use.
Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate);

/// Of an inspected certificate and its secret. Grants of 24 h, renewed at 2, never within a minute.
Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret);

/// vivo signs nothing: `key` must stand as the query parameter "key" of the URL that was called.
Result<ReceiptBatch> read_receipts(const Certificate& certificate, std::string_view key, const ReceiptCall& call,
                                   WallTime now);

}  // namespace nightpost::vivo
