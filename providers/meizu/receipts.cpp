// What Meizu posts to extra.callback: a form of access_token and cb = {"<msgId>-<type>":{"param","type","targets"}}
// (spec §5.7).
#include <string>
#include <string_view>
#include <utility>

#include "providers/form_field.h"
#include "providers/meizu/meizu.h"
#include "providers/reply_json.h"
#include "providers/secret_text.h"
#include "providers/target_list.h"

namespace nightpost::meizu {
namespace {

/// What an entry's receipts have in common; the token is missing.
Receipt receipt_of(std::string_view name, const nlohmann::json& entry) {
  const std::size_t dash = name.rfind('-');
  Receipt receipt{.kind = Receipt::Kind::Unknown,
                  .token = {},
                  .tag = printable(text_in(entry, "param")),
                  .vendor_id = printable(name.substr(0, dash)),
                  .code = printable(text_in(entry, "type")),
                  .meaning = "Meizu sent a type unknown to us.",
                  .at = {}};
  if (receipt.code.empty() && dash != std::string_view::npos) receipt.code = printable(name.substr(dash + 1));
  if (receipt.code == "1") {
    receipt.kind = Receipt::Kind::Delivered;
    receipt.meaning = "The device got it.";
  } else if (receipt.code == "2") {
    receipt.kind = Receipt::Kind::Clicked;
    receipt.meaning = "The user tapped on it.";
  }
  return receipt;
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate&, std::string_view key, const ReceiptCall& call, WallTime) {
  if (!same_secret(form_field(call.body, "access_token").value_or(""), key))
    return fail(Errc::Unauthorized, "access_token is not the certificate's receipt key");
  const auto cb = form_field(call.body, "cb");
  if (!cb) return fail(Errc::Malformed, "the form has no readable field cb");
  const nlohmann::json json = parsed(*cb);
  if (!json.is_object()) return fail(Errc::Malformed, "cb is no JSON object");
  ReceiptBatch batch;
  for (const auto& [name, entry] : json.items()) {
    if (!entry.is_object()) return fail(Errc::Malformed, "cb: a message's entry is no JSON object");
    const Receipt common = receipt_of(name, entry);
    for (std::string& target : target_list(member(entry, "targets"))) {
      batch.receipts.push_back(common);
      batch.receipts.back().token = DeviceToken(std::move(target));
    }
  }
  return batch;
}

}  // namespace nightpost::meizu
