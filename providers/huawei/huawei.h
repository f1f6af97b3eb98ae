// Huawei Push Kit: v1 and v2 for HMS Core, v3 for HarmonyOS. What src/app needs of this room.
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

namespace nightpost::huawei {

/// api, app_id, project_id, category, channel_id, badge_class, collapse_key, receipt_id, receipt_user, click,
/// click_target: README.md says which of them an api needs.
std::span<const SettingField> settings() noexcept;

/// The secret is the app secret as text, or a service account's key file, which v3 needs. The result's facts: kind
/// ("app_secret" | "service_account"), fingerprint (SHA-256, hex; of the secret or of the public key); of a file also
/// project_id, key_id, sub_account. `asked` is ignored: Huawei has one environment.
Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked);

/// What the vendor would take at this setting and then cap or drop without a word: a sentence each for ops, which
/// begins with what to change. Of an inspected certificate.
std::vector<std::string> warnings(const Certificate& certificate, WallTime now);

/// Of an inspected certificate. Up to 1000 tokens a request.
Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate);

/// App secret: access tokens from the OAuth endpoint, renewed 5 minutes before their end. Key file: JWTs of an hour
/// signed here, renewed at 50 minutes.
Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret);

/// Both versions of Huawei's receipts. `key` and the setting receipt_user verify X-HUAWEI-CALLBACK-ID; a timestamp more
/// than 5 minutes off is refused. Nonces are not remembered here: within that time a call can be repeated, and says
/// the same again.
Result<ReceiptBatch> read_receipts(const Certificate& certificate, std::string_view key, const ReceiptCall& call,
                                   WallTime now);

}  // namespace nightpost::huawei
