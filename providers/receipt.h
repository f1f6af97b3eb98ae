// What vendors post back once a phone got the push, showed it or was tapped on. Pure: bytes in, receipts out;
// listening, limits and looking up the device are src/app's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/http.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost {

struct Receipt {
  enum class Kind : std::uint8_t {
    Delivered,
    Clicked,
    TokenGone,    // the vendor says that the token will never work again
    Undelivered,  // not shown, for the reason in `meaning`; the token stays
    Expired,      // its life ended before the phone was there
    Unknown,      // the vendor said something that we have no word for: nothing is claimed
  };
  Kind kind = Kind::Delivered;
  DeviceToken token;
  std::string tag;        // the Notification's receipt_tag; empty: the vendor did not send it back
  std::string vendor_id;  // the vendor's message or request id
  std::string code;       // the vendor's own word or number
  std::string meaning;    // plain English
  std::optional<WallTime> at;
  std::optional<DeviceToken> moved_to;  // TokenGone: the vendor names the token that stands for it now
};

/// One call of the vendor's. Views are valid during the call only.
struct ReceiptCall {
  std::string_view query;  // behind '?', raw
  std::string_view content_type;
  const std::vector<HttpResponse::Field>& headers;  // lower-case names
  std::string_view body;
};

struct ReceiptBatch {
  std::vector<Receipt> receipts;
  std::string answer;  // the body the vendor wants with its 200; empty: none
  std::string nonce;   // what makes this call another than all others; empty: the vendor sends nothing of the kind
};
/// A reader takes one nonce for no longer than this.
inline constexpr milliseconds kNonceLife{600'000};

/// Unauthorized: the signature or shared secret is wrong or missing. Malformed, with the place: no such body. Nothing
/// of a refused call is used. `key`: the certificate's receipt key.
using ReceiptReader = Result<ReceiptBatch> (*)(const Certificate& certificate, std::string_view key,
                                               const ReceiptCall& call, WallTime now);

}  // namespace nightpost
