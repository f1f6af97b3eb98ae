// A store in a few maps, a signer that counts, a clock in the hand.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/time.h"
#include "resolve/grant_book.h"
#include "resolve/ports.h"

namespace nightpost::resolve {

inline const AppId kApp{1400000001};

struct FakeClock final : Clock {
  WallTime wall() const noexcept override { return now; }
  MonoTime mono() const noexcept override { return MonoTime(now.time_since_epoch()); }
  WallTime now{};
};

struct FakeSource final : Source {
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    asked.emplace_back(keys.begin(), keys.end());
    if (broken) return found(std::unexpected(*broken));
    std::vector<Receiver> out;
    for (const ReceiverKey& key : keys) out.push_back(users[{key.app.value, key.user_id}]);
    if (forgetful) out.pop_back();
    found(std::move(out));
  }
  Result<bool> app_known(AppId app) override {
    ++apps_asked;
    if (broken) return std::unexpected(*broken);
    return app == kApp;
  }
  void remove_token(AppId app, std::string_view user_id, const Device&, Removed removed) override {
    if (broken) return removed(std::unexpected(*broken));
    auto& devices = users[{app.value, std::string(user_id)}].devices;
    const bool had = !devices.empty();
    devices.clear();  // our own commit: no change of others
    removed(had);
  }
  Result<Certificate> certificate(CertificateId id) override {
    ++certificates_asked;
    if (broken) return std::unexpected(*broken);
    const auto found = certificates.find(id.value);
    if (found == certificates.end()) return fail(Errc::NotFound, "no such certificate");
    return found->second;
  }
  Result<CertificateSecret> secret(CertificateId) override {
    ++secrets_asked;
    if (sealed) return std::unexpected(*sealed);
    return CertificateSecret{.bytes = secret_bytes, .password = {}};
  }
  Result<Changes> changes() override {
    ++changes_asked;
    if (broken) return std::unexpected(*broken);
    return std::exchange(changed, {});
  }

  /// What another process would do: the write, and its word for it.
  void put(const std::string& user, std::size_t devices, AppId app = kApp) {
    users[{app.value, user}].devices.assign(devices, Device{.device_id = "phone", .token = DeviceToken("t")});
    changed.receivers.push_back({app, user});
  }
  void put(Certificate certificate) {
    certificates[certificate.id.value] = std::move(certificate);
    changed.certificates = true;
  }

  std::map<std::pair<std::int64_t, std::string>, Receiver> users;
  std::map<std::int64_t, Certificate> certificates;
  Changes changed;  // not told yet
  std::string secret_bytes = "good";
  std::optional<Error> broken, sealed;
  bool forgetful = false;
  std::vector<std::vector<ReceiverKey>> asked;
  int apps_asked = 0, certificates_asked = 0, secrets_asked = 0, changes_asked = 0;
};

/// Grants that live an hour, are renewed at 50 minutes and never replaced before 20, as APNs wants it.
class FakeAuthorizer final : public LocalAuthorizer {
 public:
  explicit FakeAuthorizer(std::string signer = "apns:team:key") : signer_(std::move(signer)) {}
  Result<GrantStep> begin(WallTime now) const override {
    for (int i = 0; i < 100; ++i) std::this_thread::yield();  // long enough for a second flight to show
    const int count = ++signed_;
    if (throws) throw std::runtime_error("near the key");
    if (refuses) return fail(Errc::Malformed, "the key cannot sign");
    const WallTime issued = dated ? *dated : now;
    return Grant{.authorization = signer_ + "#" + std::to_string(count),
                 .issued_at = issued,
                 .renew_at = issued + std::chrono::minutes(50),
                 .expires_at = issued + std::chrono::minutes(60)};
  }
  milliseconds age_min() const noexcept override { return std::chrono::minutes(20); }
  std::string signer() const override { return signer_; }
  int signed_so_far() const { return signed_; }

  bool refuses = false;
  bool throws = false;
  std::optional<WallTime> dated;  // what issued_at says, where that is not now

 private:
  std::string signer_;
  mutable std::atomic<int> signed_ = 0;
};

/// Whom the book would have told.
struct FakeWaiter final : GrantWaiter {
  void on_grant_settled(const std::string& key) override { told.push_back(key); }
  std::vector<std::string> told;
};

/// For grants that are signed here, and so are there at once.
inline Result<std::shared_ptr<const HeldGrant>> granted(Result<GrantAnswer> answer) {
  if (!answer) return std::unexpected(answer.error());
  return answer->grant;
}
inline FakeWaiter& nobody() {
  static FakeWaiter waiter;
  return waiter;
}
inline auto current(GrantBook& book, const std::string& key, const Authorizer& authorizer, WallTime now) {
  return granted(book.current(key, authorizer, now, nobody()));
}
inline auto refresh(GrantBook& book, const std::string& key, const Authorizer& authorizer, const Grant& refused,
                    WallTime now) {
  return granted(book.refresh(key, authorizer, refused, now, nobody()));
}

}  // namespace nightpost::resolve
