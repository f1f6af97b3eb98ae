// What Xiaomi posts to extra.callback: a form whose field `data` is {"<message id>":{"type","targets","param",…}}
// (spec §2.8).
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "providers/form_field.h"
#include "providers/receipt_key.h"
#include "providers/receipt_time.h"
#include "providers/reply_json.h"
#include "providers/target_list.h"
#include "providers/xiaomi/limits.h"
#include "providers/xiaomi/xiaomi.h"

namespace nightpost::xiaomi {
namespace {

struct Type {
  std::int64_t type;
  Receipt::Kind kind;
  std::string_view meaning;
};

constexpr std::array kTypes = {
    Type{1, Receipt::Kind::Delivered, "The device got it."},
    Type{2, Receipt::Kind::Clicked, "The user tapped on it."},
    Type{16, Receipt::Kind::TokenGone, "Xiaomi says that the registration id is invalid."},
    Type{32, Receipt::Kind::Undelivered, "The user switched the app's notifications off."},
    Type{64, Receipt::Kind::Undelivered, "The device did not match the message's conditions."},
    Type{128, Receipt::Kind::Undelivered, "The quota of the app or of the device is used up."},
    Type{1024, Receipt::Kind::Expired, "Its life ended before the device was there."},
};

constexpr std::int64_t kInvalidTarget = 16;
constexpr std::int64_t kInvalidRegistrationId = 1;  // errorCode; 2 is an alias, 3 a user account

/// The registration id that Xiaomi gave the device instead of `target`.
std::optional<DeviceToken> successor_in(const nlohmann::json& entry, const std::string& target) {
  const nlohmann::json* const successors = member(entry, "replaceTarget");
  if (successors == nullptr) return std::nullopt;
  std::string token = text_in(*successors, target.c_str());
  const bool usable = !token.empty() && token != target && token.size() <= kTokenBytesMax &&
                      std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
  return usable ? std::optional(DeviceToken(std::move(token))) : std::nullopt;
}

/// What they have in common; the token is missing.
Receipt receipt_of(const std::string& message_id, const nlohmann::json& entry) {
  Receipt receipt{.kind = Receipt::Kind::Unknown,
                  .token = {},
                  .tag = printable(text_in(entry, "param")),
                  .vendor_id = printable(message_id),
                  .code = printable(text_in(entry, "type")),
                  .meaning = "Xiaomi sent a type unknown to us.",
                  .at = receipt_time(entry, "timestamp")};
  const auto type = integer_in(entry, "type");
  const auto* const known = std::ranges::find(kTypes, type.value_or(0), &Type::type);
  if (known != kTypes.end()) {
    receipt.kind = known->kind;
    receipt.meaning = known->meaning;
  }
  if (type == kInvalidTarget &&
      integer_in(entry, "errorCode").value_or(kInvalidRegistrationId) != kInvalidRegistrationId) {
    receipt.kind = Receipt::Kind::Undelivered;
    receipt.meaning = "Xiaomi says that an alias or account is invalid.";
  }
  return receipt;
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate&, std::string_view key, const ReceiptCall& call, WallTime) {
  if (!carries_receipt_key(call.query, key))
    return fail(Errc::Unauthorized, "the query's key is not the certificate's receipt key");
  const auto data = form_field(call.body, "data");
  if (!data) return fail(Errc::Malformed, "the form has no readable field data");
  const nlohmann::json json = parsed(*data);
  if (!json.is_object()) return fail(Errc::Malformed, "data is no JSON object");
  ReceiptBatch batch;
  for (const auto& [message_id, entry] : json.items()) {
    if (!entry.is_object()) return fail(Errc::Malformed, "data: a message's entry is no JSON object");
    const Receipt common = receipt_of(message_id, entry);
    for (std::string& target : target_list(member(entry, "targets"))) {
      batch.receipts.push_back(common);
      Receipt& receipt = batch.receipts.back();
      if (receipt.kind == Receipt::Kind::TokenGone) receipt.moved_to = successor_in(entry, target);
      receipt.token = DeviceToken(std::move(target));
    }
  }
  return batch;
}

}  // namespace nightpost::xiaomi
