// What the API needs and this room does not do itself: credentials by the vendors' rooms, traces, dead letters, test
// pushes, orders to the IM server. The app plugs them in. One thread calls an object of these.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"
#include "core/certificate.h"
#include "core/device.h"
#include "core/time.h"
#include "im/domain/ids.h"
#include "store/store.h"

namespace nightpost::admin {

/// What a body says of a certificate; what is absent stays as it is.
struct CertificateChange {
  std::optional<std::string> name, bundle_id, environment, host, ca, key_id, team_id;
  std::optional<std::string> file;    // the secret as bytes
  std::optional<std::string> secret;  // the secret as a line of text
  std::optional<std::string> password, receipt_key;
  bool new_receipt_key = false;
  std::map<std::string, std::optional<std::string>> settings;  // nullopt: no longer set
};

class CertificateDesk {
 public:
  virtual ~CertificateDesk() = default;
  virtual nlohmann::json vendors() const = 0;  // the items of GET /v1/vendors
  /// `before` with the change, checked by the vendor's room as a shard would. 422 explains the mistake at its member.
  virtual std::expected<store::NewCertificate, Refusal> changed(store::NewCertificate before,
                                                                const CertificateChange& change,
                                                                WallTime now) const = 0;
  struct Verdict {
    enum class Is : std::uint8_t { Accepted, Refused, Unknown } is = Is::Unknown;
    nlohmann::json shown;  // "verdict", "rule", "code", "reason", "trouble"
  };
  /// Whether the vendor takes the credential. Waits for it.
  virtual Verdict verify(const store::NewCertificate& certificate) = 0;
  virtual std::vector<std::string> warnings(const Certificate& certificate, WallTime now) const = 0;
  virtual std::optional<WallTime> ends(const Certificate& certificate) const = 0;
  virtual bool sends_receipts(Vendor vendor) const = 0;
  virtual std::string receipt_path(const Certificate& certificate) const = 0;
  virtual std::string shown_setting(std::string_view value) const = 0;
  /// What differs from one version to another, in words; never a secret.
  virtual std::vector<std::string> changes(const store::NewCertificate& before,
                                           const store::NewCertificate& after) const = 0;
  /// The items of GET /v1/removals/held: of these certificates, those of which something is held, or approved still.
  virtual nlohmann::json held_removals(std::span<const Certificate> certificates,
                                       std::span<const store::RemovalHold> holds,
                                       std::span<const store::RemovalApproval> approvals, WallTime now) const = 0;
  /// Whether it has the form of this certificate's tokens.
  virtual Result<bool> token_fits(const Certificate& certificate, const CertificateSecret& secret,
                                  const DeviceToken& token) const = 0;
};

class TraceDesk {
 public:
  virtual ~TraceDesk() = default;
  struct EventQuestion {
    std::string event, user, device;
    std::function<bool(AppId)> may_see;  // an event of another app is not found
  };
  virtual Reply of_event(const EventQuestion& question, WallTime now) = 0;
  virtual Reply of_user(AppId app, const std::string& user, WallTime since, std::size_t limit) = 0;
  virtual std::string trouble() = 0;  // why there is nothing to look at; empty: there is
};

struct LetterQuestion {
  std::vector<AppId> apps;
  std::vector<std::string> vendors, rules, codes, stages, events, users;
  std::optional<WallTime> since, until;
  bool all = false;  // also those that are done with
  std::size_t limit = 0;
};

class LetterDesk {
 public:
  virtual ~LetterDesk() = default;
  virtual Reply list(const LetterQuestion& question) = 0;
  virtual Reply show(const std::string& letter, const std::function<bool(AppId)>& may_see) = 0;
  virtual Reply run(const LetterQuestion& question, bool drop, bool dry_run) = 0;
};

struct PushQuestion {
  AppId app;
  std::string user, device, title, subtitle, desc, ext, sound, channel, category, level, image, from, priority;
  std::optional<std::int32_t> badge;
  std::int64_t ttl_s = 3'600;
  bool badge_only = false, call = false, dry_run = false;
};

/// What a push would be of, by which rules decide.
struct DecisionQuestion {
  AppId app;
  std::string user, from, group;  // group: empty: one to one
  std::string kind = "message";   // or call, badge
  bool mentioned = false;
};

class PushDesk {
 public:
  virtual ~PushDesk() = default;
  virtual Reply push(const PushQuestion& question) = 0;
  /// What it would do now, rule by rule. Sends nothing, asks no vendor.
  virtual Reply decide(const DecisionQuestion& question, WallTime now) = 0;
};

/// What became of one event.
struct PublishedEvent {
  enum class Is : std::uint8_t {
    Written,  // the brokers have it
    Refused,  // it breaks the contract, or is of an app that is none of the caller's
    Unknown,  // no acknowledgement came: it may be there; repeating it is safe
  } is = Is::Unknown;
  std::string event_id;  // empty: it could not be read
  std::string why;       // of what was not written
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

class EventDesk {
 public:
  virtual ~EventDesk() = default;
  /// In order, each told of once the brokers have it, or not; after the first Unknown nothing more is tried.
  virtual std::vector<PublishedEvent> publish(std::span<const std::string_view> events,
                                              const std::function<bool(AppId)>& may_see) = 0;
};

enum class RowKind : std::uint8_t { Devices, Users };  // Users: settings and mutes

struct ExportQuestion {
  RowKind kind = RowKind::Devices;
  std::optional<AppId> app;
  store::Store::DeviceRow after;  // only its key counts; of users without the device
  std::size_t limit = 0;
};

/// Rows as lines of NDJSON, in and out, as `nightpost device` and `user` have them in files.
class RowDesk {
 public:
  virtual ~RowDesk() = default;
  /// One commit for all lines but those that are refused: {"lines", "written", "left_out", "bad": [{"line", "why"}]}.
  /// The first line is `from_line`.
  virtual Reply import_rows(RowKind kind, std::string_view lines, std::uint64_t from_line, bool dry_run,
                            const std::function<bool(AppId)>& may_see) = 0;
  /// {"lines": text, "rows", "next": {"user", "app", "device"} or null}.
  virtual Reply export_rows(const ExportQuestion& question) = 0;
};

/// What the companion's IM server is told to do: it alone writes its tables, and its connections hear of it.
class CompanionDesk {
 public:
  using Done = std::expected<void, Refusal>;  // 503 `no_im_server`: none is named; 502 `im_server`: it fails or refuses
  virtual ~CompanionDesk() = default;
  /// Ends all logins, unbinds all tokens, and refuses signatures of this second or before.
  virtual Done kick(const im::UserKey& who) = 0;
  /// May not speak for so long, in one-to-one and in groups; zero: may speak; absent: stays as it is.
  struct Silence {
    std::optional<seconds> chats, groups;
  };
  virtual Done silence(const im::UserKey& who, const Silence& silence) = 0;
};

}  // namespace nightpost::admin
