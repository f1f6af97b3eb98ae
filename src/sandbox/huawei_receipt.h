// Huawei's receipts (Huawei, Push Kit REST API).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "sandbox/receipt.h"

namespace nightpost::sandbox::huawei {

inline constexpr std::size_t kReceiptEntriesMax = 100;

/// `timestamp=…; nonce=…; value=…`: HMAC-SHA256 of timestamp, nonce and user under the key, which is Base64 text or, as
/// older ones are, plain.
std::string callback_id(const ReceiptSecret& secret, std::int64_t timestamp_ms, std::string_view nonce);

/// One entry: version 1 for the APIs v1 and v2 and for Honor, version 2 for v3. `status` is a number.
void append_entry(std::string& out, const ReceiptEvent& event, std::string_view status, std::string_view package,
                  WallTime now);

}  // namespace nightpost::sandbox::huawei
