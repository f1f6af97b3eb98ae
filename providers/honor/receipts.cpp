// What Honor posts: {"statuses":[{"biTag","appid","token","status","timestamp","requestId"}]}, with the status numbers
// of Huawei's receipts (spec §4.4, §3.8).
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "providers/honor/honor.h"
#include "providers/receipt_key.h"
#include "providers/receipt_time.h"
#include "providers/reply_json.h"

namespace nightpost::honor {
namespace {

struct Status {
  std::int64_t status;
  Receipt::Kind kind;
  std::string_view meaning;
};

constexpr std::array kStatuses = {
    Status{0, Receipt::Kind::Delivered, "The device got it."},
    Status{2, Receipt::Kind::TokenGone, "The app was uninstalled."},
    Status{5, Receipt::Kind::TokenGone, "The token is not on this device any more."},
    Status{6, Receipt::Kind::Undelivered, "The user switched the app's notifications off."},
    Status{10, Receipt::Kind::Undelivered, "The device was inactive for 30 days."},
    Status{14, Receipt::Kind::Undelivered, "Another reason."},
    Status{15, Receipt::Kind::Undelivered, "Replaced or dropped while the device was offline."},
    Status{22, Receipt::Kind::Undelivered, "The user of the device is another."},
    Status{27, Receipt::Kind::Undelivered, "Kept for the app in the background."},
    Status{31, Receipt::Kind::Undelivered, "The page that a tap should open is not there."},
    Status{51, Receipt::Kind::Undelivered, "The device was not unlocked since it started."},
    Status{102, Receipt::Kind::Undelivered, "Too many messages for the device."},
    Status{144, Receipt::Kind::Undelivered, "The profile id does not exist."},
    Status{151, Receipt::Kind::Undelivered, "Not shown."},
    Status{188, Receipt::Kind::Undelivered, "Could not be shown."},
    Status{191, Receipt::Kind::Undelivered, "The badge could not be shown."},
    Status{256, Receipt::Kind::Undelivered, "Too many messages for the device."},
    Status{259, Receipt::Kind::Undelivered, "The content or a URL was refused."},
    Status{264, Receipt::Kind::Undelivered, "The user did not subscribe."},
};

Receipt receipt_of(const nlohmann::json& entry, std::string token) {
  Receipt receipt{.kind = Receipt::Kind::Unknown,
                  .token = DeviceToken(std::move(token)),
                  .tag = printable(text_in(entry, "biTag")),
                  .vendor_id = printable(text_in(entry, "requestId")),
                  .code = printable(text_in(entry, "status")),
                  .meaning = "Honor sent a status unknown to us.",
                  .at = receipt_time(entry, "timestamp")};
  const auto status = integer_in(entry, "status");
  const auto* const known = std::ranges::find(kStatuses, status.value_or(-1), &Status::status);
  if (known != kStatuses.end()) {
    receipt.kind = known->kind;
    receipt.meaning = known->meaning;
  }
  return receipt;
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate&, std::string_view key, const ReceiptCall& call, WallTime) {
  if (!carries_receipt_key(call.query, key))
    return fail(Errc::Unauthorized, "the query's key is not the certificate's receipt key");
  const nlohmann::json json = parsed(call.body);
  const nlohmann::json* const statuses = member(json, "statuses");
  if (statuses == nullptr || !statuses->is_array()) return fail(Errc::Malformed, "statuses is no JSON array");
  ReceiptBatch batch{.receipts = {}, .answer = R"({"code":"0","message":"success"})"};
  for (const nlohmann::json& entry : *statuses) {
    if (!entry.is_object()) return fail(Errc::Malformed, "statuses: an entry is no JSON object");
    if (std::string token = text_in(entry, "token"); !token.empty())
      batch.receipts.push_back(receipt_of(entry, std::move(token)));
  }
  return batch;
}

}  // namespace nightpost::honor
