// What vivo posts to the callback (vivo, push server API).
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "providers/receipt_key.h"
#include "providers/reply_json.h"
#include "providers/target_list.h"
#include "providers/vivo/vivo.h"

namespace nightpost::vivo {
namespace {

using nlohmann::json;

/// vivo's clock may be ahead of ours, but not by a day.
std::optional<WallTime> time_in(const json& item, WallTime now) {
  const auto ms = integer_in(item, "ackTime");
  if (!ms || *ms <= 0 || *ms > to_ms(now + std::chrono::days(1))) return std::nullopt;
  return wall_from_ms(*ms);
}

/// Only "0" and the old format, which has no ackType, say that it arrived. What else says is not documented: it is
/// taken for nothing: neither for "not shown" nor for the loss of a token.
void read(std::vector<Receipt>& out, const std::string& task_id, const json& item, WallTime now) {
  const json* const type = member(item, "ackType");
  Receipt receipt;
  receipt.code = type == nullptr || type->is_null() ? "0" : printable(text_in(item, "ackType"));
  const bool arrived = receipt.code == "0";
  receipt.kind = arrived ? Receipt::Kind::Delivered : Receipt::Kind::Unknown;
  receipt.meaning = arrived ? "The phone got it." : "vivo sent a type that it does not document.";
  receipt.tag = printable(text_in(item, "param"));
  receipt.vendor_id = printable(task_id);
  receipt.at = time_in(item, now);
  for (std::string& id : target_list(member(item, "targets"))) {
    receipt.token = DeviceToken(std::move(id));
    out.push_back(receipt);
  }
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate&, std::string_view key, const ReceiptCall& call, WallTime now) {
  if (!carries_receipt_key(call.query, key))
    return fail(Errc::Unauthorized, "the receipt URL's key is missing or is not the certificate's receipt key");
  const json body = parsed(call.body);
  if (!body.is_object()) return fail(Errc::Malformed, "the body is not a JSON object of task ids");
  ReceiptBatch batch;
  for (const auto& [task_id, item] : body.items()) {
    if (!item.is_object()) return fail(Errc::Malformed, "task " + printable(task_id) + " is not an object");
    read(batch.receipts, task_id, item, now);
  }
  return batch;
}

}  // namespace nightpost::vivo
