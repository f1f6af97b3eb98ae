// What the receipt tests share: a store in memory with one certificate, a clock and a sink that do as they are told,
// and a vendor whose receipts are as plain as can be.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "app/receipt_desk.h"
#include "app/receipt_sink.h"
#include "dispatch/outcome_json.h"
#include "store/store.h"
#include "support/outcome_contract.h"
#include "unit/store/temp_store.h"

namespace nightpost::app {

using store::kApp;
inline const WallTime kNow = wall_from_ms(1'795'225'900'000);

class ManualClock final : public Clock {
 public:
  WallTime wall() const noexcept override { return wall_now; }
  MonoTime mono() const noexcept override { return mono_now; }
  WallTime wall_now = kNow;
  MonoTime mono_now{std::chrono::hours(1)};
};

class FakeSink final : public ReceiptSink {
 public:
  Result<void> write(std::span<const Outcome> outcomes) override {
    ++calls;
    if (before_write) before_write();
    if (failing) return fail(Errc::Timeout, "kafka: no acknowledgement in time");
    written.insert(written.end(), outcomes.begin(), outcomes.end());
    for (const Outcome& outcome : outcomes) testing::require_outcome(nlohmann::json::parse(dispatch::to_json(outcome)));
    return {};
  }
  std::vector<Outcome> written;
  int calls = 0;
  bool failing = false;
  std::function<void()> before_write;
};

/// Query "key=…"; body {"receipts":[{"kind":0,"token":"t","tag":"e","at":1,"moved_to":"u"}],"answer":"…"}.
inline Result<ReceiptBatch> read_plain(const Certificate&, std::string_view key, const ReceiptCall& call, WallTime) {
  if (call.query != "key=" + std::string(key)) return fail(Errc::Unauthorized, "the key in the query is another");
  const auto json = nlohmann::json::parse(call.body, nullptr, false);
  if (!json.is_object() || !json.contains("receipts")) return fail(Errc::Malformed, "receipts: missing");
  ReceiptBatch batch;
  for (const auto& one : json["receipts"]) {
    Receipt& receipt = batch.receipts.emplace_back();
    receipt.kind = static_cast<Receipt::Kind>(one.value("kind", 0));
    receipt.token = DeviceToken(one.value("token", "t"));
    receipt.tag = one.value("tag", "event-1");
    receipt.code = one.value("code", "");
    receipt.meaning = one.value("meaning", "");
    if (one.contains("moved_to")) receipt.moved_to = DeviceToken(one["moved_to"].get<std::string>());
    if (one.contains("at")) receipt.at = wall_from_ms(one["at"].get<std::int64_t>());
  }
  batch.answer = json.value("answer", "");
  batch.nonce = json.value("nonce", "");
  return batch;
}
inline ReceiptReader plain_reader_of(Vendor vendor) noexcept { return vendor == Vendor::Apns ? nullptr : read_plain; }

inline std::unique_ptr<store::Store> store_in_memory() {
  auto opened = store::open_sqlite(":memory:", store::Sealer::from_key_text(store::Sealer::new_key_text()).value());
  REQUIRE(opened);
  return *std::move(opened);
}

inline CertificateId add_certificate(store::Store& store, Vendor vendor, std::string receipt_key = "s3cret-key",
                                     std::map<std::string, std::string> settings = {}) {
  const auto added = store.add_certificate({.facts = {.app = kApp,
                                                      .vendor = vendor,
                                                      .name = std::string(name_of(vendor)),
                                                      .bundle_id = "com.example.shop",
                                                      .settings = std::move(settings)},
                                            .secret = {"app-secret", "", std::move(receipt_key)}});
  REQUIRE(added);
  return added->id;
}

inline void add_device(store::Store& store, CertificateId certificate, const std::string& user,
                       const std::string& token, WallTime registered_at, AppId app = kApp) {
  REQUIRE(store.set_device(app, user,
                           {.device_id = user + "-phone",
                            .platform = Platform::Android,
                            .certificate = certificate,
                            .token = DeviceToken(token),
                            .registered_at = registered_at}));
}

}  // namespace nightpost::app
