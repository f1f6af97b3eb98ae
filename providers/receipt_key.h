// Receipts that their vendor does not sign are known by a key in the URL that ops gave the vendor.
#pragma once

#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"

namespace nightpost {

/// Whether the first query parameter "key" is `key`, compared in constant time. False where either is empty or missing.
bool carries_receipt_key(std::string_view query, std::string_view key);

/// Malformed: the setting "receipt_url" does not carry the secret's receipt key, so each receipt would be refused.
/// Nothing is wrong where one of them is not set: receipts may be meant for someone else.
Result<void> check_receipt_key(const Certificate& certificate, const CertificateSecret& secret);

}  // namespace nightpost
