// What the admin API asks of the rest of the program: credentials by the vendors' rooms, kept traces, dead letters,
// test pushes. One thread uses an object of these.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "admin/ports.h"
#include "app/config.h"
#include "core/time.h"
#include "store/store.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// Borrows both.
class ConsoleCertificates final : public admin::CertificateDesk {
 public:
  ConsoleCertificates(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}
  nlohmann::json vendors() const override;
  std::expected<store::NewCertificate, admin::Refusal> changed(store::NewCertificate before,
                                                               const admin::CertificateChange& change,
                                                               WallTime now) const override;
  Verdict verify(const store::NewCertificate& certificate) override;
  std::vector<std::string> warnings(const Certificate& certificate, WallTime now) const override;
  std::optional<WallTime> ends(const Certificate& certificate) const override;
  bool sends_receipts(Vendor vendor) const override;
  std::string receipt_path(const Certificate& certificate) const override;
  std::string shown_setting(std::string_view value) const override;
  std::vector<std::string> changes(const store::NewCertificate& before,
                                   const store::NewCertificate& after) const override;
  nlohmann::json held_removals(std::span<const Certificate> certificates, std::span<const store::RemovalHold> holds,
                               std::span<const store::RemovalApproval> approvals, WallTime now) const override;
  Result<bool> token_fits(const Certificate& certificate, const CertificateSecret& secret,
                          const DeviceToken& token) const override;

 private:
  const Config& config_;
  const Clock& clock_;
};

/// Borrows the config.
class ConsoleTraces final : public admin::TraceDesk {
 public:
  explicit ConsoleTraces(const Config& config) : config_(config) {}
  admin::Reply of_event(const EventQuestion& question, WallTime now) override;
  admin::Reply of_user(AppId app, const std::string& user, WallTime since, std::size_t limit) override;
  std::string trouble() override;

 private:
  /// The file, opened by the first call after a worker has made it.
  Result<store::TraceStore*> file();
  admin::Refusal nothing(std::string what);

  const Config& config_;
  std::unique_ptr<store::TraceStore> file_;
};

/// Borrows both.
class ConsoleLetters final : public admin::LetterDesk {
 public:
  ConsoleLetters(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}
  admin::Reply list(const admin::LetterQuestion& question) override;
  admin::Reply show(const std::string& letter, const std::function<bool(AppId)>& may_see) override;
  admin::Reply run(const admin::LetterQuestion& question, bool drop, bool dry_run) override;

 private:
  const Config& config_;
  const Clock& clock_;
};

/// Borrows the store.
class ConsoleRows final : public admin::RowDesk {
 public:
  explicit ConsoleRows(store::Store& store) : store_(store) {}
  admin::Reply import_rows(admin::RowKind kind, std::string_view lines, std::uint64_t from_line, bool dry_run,
                           const std::function<bool(AppId)>& may_see) override;
  admin::Reply export_rows(const admin::ExportQuestion& question) override;

 private:
  store::Store& store_;
};

/// Borrows all.
class ConsolePushes final : public admin::PushDesk {
 public:
  ConsolePushes(const Config& config, store::Store& store, const Clock& clock)
      : config_(config), store_(store), clock_(clock) {}
  admin::Reply push(const admin::PushQuestion& question) override;
  admin::Reply decide(const admin::DecisionQuestion& question, WallTime now) override;

 private:
  const Config& config_;
  store::Store& store_;
  const Clock& clock_;
};

}  // namespace nightpost::app
