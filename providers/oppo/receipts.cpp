// What OPPO posts to call_back_url (OPPO, PUSH server API).
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "providers/oppo/oppo.h"
#include "providers/receipt_key.h"
#include "providers/reply_json.h"
#include "providers/target_list.h"

namespace nightpost::oppo {
namespace {

using nlohmann::json;

struct Event {
  std::string_view name;
  Receipt::Kind kind;
  std::string_view meaning;
};
constexpr Event kEvents[] = {
    {"push_arrive", Receipt::Kind::Delivered, "The phone got it."},
    {"regid_invalid", Receipt::Kind::TokenGone,
     "The app was removed, the phone was reset, or it was off line for 30 days."},
    {"user_daily_limit", Receipt::Kind::Undelivered, "The phone had its daily share of this app's public messages."},
};

/// OPPO's clock may be ahead of ours, but not by a day.
std::optional<WallTime> time_in(const json& item, WallTime now) {
  const auto ms = integer_in(item, "eventTime");
  if (!ms || *ms <= 0 || *ms > to_ms(now + std::chrono::days(1))) return std::nullopt;
  return wall_from_ms(*ms);
}

void read(std::vector<Receipt>& out, const json& item, WallTime now) {
  const std::string type = text_in(item, "eventType");
  for (const Event& event : kEvents) {
    if (event.name != type) continue;
    Receipt receipt;
    receipt.kind = event.kind;
    receipt.tag = printable(text_in(item, "param"));
    receipt.vendor_id = printable(text_in(item, "messageId"));
    receipt.code = event.name;
    receipt.meaning = event.meaning;
    receipt.at = time_in(item, now);
    for (std::string& id : target_list(member(item, "registrationIds"))) {
      receipt.token = DeviceToken(std::move(id));
      out.push_back(receipt);
    }
  }
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate& certificate, std::string_view key, const ReceiptCall& call,
                                   WallTime now) {
  if (!carries_receipt_key(call.query, key))
    return fail(Errc::Unauthorized, "the receipt URL's key is missing or is not the certificate's receipt key");
  const json body = parsed(call.body);
  if (!body.is_array()) return fail(Errc::Malformed, "the body is not a JSON array");
  const std::string_view app_id = setting(certificate.settings, "app_id");
  ReceiptBatch batch;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const std::string at = "item " + std::to_string(i);
    if (!body[i].is_object()) return fail(Errc::Malformed, at + " is not an object");
    if (member(body[i], "eventType") == nullptr) return fail(Errc::Malformed, at + " has no eventType");
    const std::string app = text_in(body[i], "appId");
    if (!app.empty() && !app_id.empty() && app != app_id)
      return fail(Errc::Malformed, at + " is another app's: its appId is not the certificate's app_id");
    read(batch.receipts, body[i], now);
  }
  return batch;
}

}  // namespace nightpost::oppo
