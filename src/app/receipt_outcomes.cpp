#include "app/receipt_outcomes.h"

#include <algorithm>
#include <string_view>

#include "dispatch/outcome_json.h"
#include "dispatch/rule.h"

namespace nightpost::app {
namespace {

using dispatch::Rule;

// A vendor's words, in bytes: what is longer is cut, so that no outcome is too large for the topic.
constexpr std::size_t kTagBytesMax = 128;
constexpr std::size_t kVendorIdBytesMax = 256;
constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kReasonBytesMax = 512;

OutcomeKind kind_of(Receipt::Kind kind) noexcept {
  switch (kind) {
    case Receipt::Kind::Delivered:
      return OutcomeKind::Delivered;
    case Receipt::Kind::Clicked:
      return OutcomeKind::Clicked;
    case Receipt::Kind::TokenGone:
      return OutcomeKind::TokenRemoved;
    case Receipt::Kind::Expired:
      return OutcomeKind::Expired;
    case Receipt::Kind::Undelivered:
    case Receipt::Kind::Unknown:  // no outcome: see append_effects()
      break;
  }
  return OutcomeKind::Suppressed;
}

std::string_view sentence_of(OutcomeKind kind) noexcept {
  switch (kind) {
    case OutcomeKind::Delivered:
      return "the vendor reports that the device has it";
    case OutcomeKind::Clicked:
      return "the vendor reports that it was tapped on";
    case OutcomeKind::TokenRemoved:
      return "the vendor reports that the token is gone";
    default:
      return "the vendor reports that it was not shown";
  }
}

}  // namespace

void append_effects(const Certificate& certificate, const Receipt& receipt,
                    std::span<const store::Store::DeviceRow> devices, WallTime now, ReceiptEffects& effects,
                    bool removals_held) {
  if (receipt.kind == Receipt::Kind::Unknown) return;
  const WallTime at = std::min(receipt.at.value_or(now), now);
  const auto add = [&](OutcomeKind kind, std::string_view rule, std::string_view reason,
                       const store::Store::DeviceRow* row) {
    Outcome& outcome = effects.outcomes.emplace_back();
    outcome.kind = kind;
    outcome.rule = rule;
    outcome.event_id = receipt.tag.substr(0, kTagBytesMax);
    outcome.app = certificate.app;
    if (row != nullptr) {
      outcome.user_id = row->user_id;
      outcome.device_id = row->device.device_id;
    }
    outcome.vendor = certificate.vendor;
    outcome.certificate = certificate.id;
    outcome.vendor_id = receipt.vendor_id.substr(0, kVendorIdBytesMax);
    outcome.code = receipt.code.substr(0, kCodeBytesMax);
    outcome.reason = reason.substr(0, kReasonBytesMax);
    outcome.at = at;
  };

  const OutcomeKind kind = kind_of(receipt.kind);
  const std::string_view reason = receipt.meaning.empty() ? sentence_of(kind) : std::string_view(receipt.meaning);
  bool known = false;
  for (const auto& row : devices) {
    if (row.app != certificate.app) continue;
    known = true;
    if (receipt.kind != Receipt::Kind::TokenGone) {
      add(kind, dispatch::kReceiptRule, reason, &row);
      break;
    }
    if (row.device.registered_at < at && removals_held && !receipt.moved_to) {
      add(OutcomeKind::Rejected, name_of(Rule::RemovalHeld), sentence_of(Rule::RemovalHeld), &row);
      effects.held.push_back({row, receipt.code.substr(0, kCodeBytesMax)});
    } else if (row.device.registered_at < at) {
      add(kind, dispatch::kReceiptRule, reason, &row);
      if (receipt.moved_to)
        effects.moved.push_back({row, *receipt.moved_to, at});
      else
        effects.gone.push_back(row);
    } else {
      add(OutcomeKind::Rejected, name_of(Rule::TokenNewer), sentence_of(Rule::TokenNewer), &row);
    }
  }
  if (known) return;
  if (receipt.kind == Receipt::Kind::TokenGone)
    add(kind, name_of(Rule::TokenAlreadyRemoved), sentence_of(Rule::TokenAlreadyRemoved), nullptr);
  else
    add(kind, dispatch::kReceiptRule, reason, nullptr);
}

}  // namespace nightpost::app
