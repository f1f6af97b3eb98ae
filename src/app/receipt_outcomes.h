// What a receipt says to the world: outcomes for the results topic, and the devices whose token is gone. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/certificate.h"
#include "core/outcome.h"
#include "core/time.h"
#include "providers/receipt.h"
#include "store/store.h"

namespace nightpost::app {

struct ReceiptEffects {
  std::vector<Outcome> outcomes;
  std::vector<store::Store::DeviceRow> gone;  // to be removed by compare-and-delete
  struct Move {
    store::Store::DeviceRow row;
    DeviceToken to;
    WallTime at;  // when the vendor said so: the new registration's time
  };
  std::vector<Move> moved;  // the device has another token now
  struct Held {
    store::Store::DeviceRow row;
    std::string code;  // the vendor's
  };
  std::vector<Held> held;  // would go, were removals not held
};

/// Appends what `receipt` becomes. `devices` are those that reported its token for this certificate, the latest first;
/// those of another app than the certificate's are passed over, for a phone may report any certificate.
///
/// Unknown: nothing. Delivered, clicked, expired and undelivered: one outcome, of the device that registered the token
/// last, or of none. Token gone: one outcome for each device, token_removed if it registered before the receipt's time
/// (before `now`, where the receipt has none or one to come), else rejected by rule token_newer; without devices one
/// that says so. Where the vendor names the token's successor the device moves to it. `removals_held`: none goes, and
/// its outcome is rejected by rule removal_held.
void append_effects(const Certificate& certificate, const Receipt& receipt,
                    std::span<const store::Store::DeviceRow> devices, WallTime now, ReceiptEffects& effects,
                    bool removals_held = false);

}  // namespace nightpost::app
