// The API on a SQLite file of its own, desks that the test scripts, and a clock that the test moves.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/api.h"
#include "admin/routes.h"
#include "admin/secrets.h"
#include "store/sealer.h"
#include "support/answer_check.h"

namespace nightpost::admin {

inline const AppId kShop{1400000001}, kGame{1400000002};
/// The body of a new one.
inline const nlohmann::json kNewCertificate = {
    {"app_id", kShop.value}, {"vendor", "apns"}, {"name", "ios"}, {"secret", "a key"}};
inline const WallTime kThen = wall_from_ms(1'795'225'887'405);

class MovedClock final : public Clock {
 public:
  WallTime wall() const noexcept override { return kThen + passed; }
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1) + passed); }
  milliseconds passed{0};
};

class ScriptedCertificates final : public CertificateDesk {
 public:
  nlohmann::json vendors() const override {
    const nlohmann::json name = {{"name", "name"}, {"required", true}, {"kind", "text"}, {"meaning", "letters"}};
    return nlohmann::json::array({{{"vendor", "apns"},
                                   {"receipts", false},
                                   {"package", ""},
                                   {"secret", ".p8"},
                                   {"fields", nlohmann::json::array({name})},
                                   {"settings", nlohmann::json::array()}}});
  }
  std::expected<store::NewCertificate, Refusal> changed(store::NewCertificate before, const CertificateChange& change,
                                                        WallTime) const override {
    if (change.name) before.facts.name = *change.name;
    if (change.bundle_id) before.facts.bundle_id = *change.bundle_id;
    for (const auto& [name, value] : change.settings) {
      if (value)
        before.facts.settings[name] = *value;
      else
        before.facts.settings.erase(name);
    }
    if (change.file) before.secret.bytes = *change.file;
    if (change.secret) before.secret.bytes = *change.secret;
    if (change.receipt_key) before.secret.receipt_key = *change.receipt_key;
    if (before.secret.bytes.empty()) return invalid("no secret was given", "file");
    if (before.secret.bytes == "bad") return invalid("this .p12 holds a certificate but no key", "file");
    return before;
  }
  Verdict verify(const store::NewCertificate& certificate) override {
    using Is = Verdict::Is;
    ++verified;
    if (while_verifying) while_verifying();
    const auto shown = [](const char* verdict, const char* code, const char* reason) {
      return nlohmann::json{{"verdict", verdict}, {"rule", ""}, {"code", code}, {"reason", reason}, {"trouble", ""}};
    };
    if (certificate.secret.bytes == "revoked")
      return {Is::Refused, shown("refused", "InvalidProviderToken", "not Apple's")};
    if (certificate.secret.bytes == "away") return {Is::Unknown, shown("unknown", "", "no answer")};
    return {Is::Accepted, shown("accepted", "BadDeviceToken", "")};
  }
  int verified = 0;
  std::function<void()> while_verifying;
  std::vector<std::string> warnings(const Certificate& certificate, WallTime) const override {
    return certificate.name == "old" ? std::vector<std::string>{"it ends in 12 days"} : std::vector<std::string>();
  }
  std::optional<WallTime> ends(const Certificate&) const override { return kThen + std::chrono::hours(24); }
  bool sends_receipts(Vendor vendor) const override { return vendor != Vendor::Apns; }
  std::string receipt_path(const Certificate& certificate) const override {
    return sends_receipts(certificate.vendor) ? "/receipts/" + std::to_string(certificate.id.value) : "";
  }
  std::string shown_setting(std::string_view value) const override {
    return value.contains('?') ? "…" : std::string(value);
  }
  /// "before → after" by bundle ids, and whether the secret is another.
  std::vector<std::string> changes(const store::NewCertificate& before,
                                   const store::NewCertificate& after) const override {
    std::vector<std::string> words;
    if (before.secret.bytes != after.secret.bytes) words.emplace_back("secret");
    if (before.facts.bundle_id != after.facts.bundle_id)
      words.push_back(before.facts.bundle_id + " → " + after.facts.bundle_id);
    if (before.facts.status != after.facts.status) words.emplace_back("status");
    return words;
  }
  nlohmann::json held_removals(std::span<const Certificate> certificates, std::span<const store::RemovalHold> holds,
                               std::span<const store::RemovalApproval> approvals, WallTime) const override {
    nlohmann::json items = nlohmann::json::array();
    for (const Certificate& each : certificates)
      items.push_back({{"id", each.id.value},
                       {"app_id", each.app.value},
                       {"vendor", nightpost::name_of(each.vendor)},
                       {"name", each.name},
                       {"held", holds.size()},
                       {"unkept", 0},
                       {"since", nullptr},
                       {"last", nullptr},
                       {"said_by", nlohmann::json::array()},
                       {"code", ""},
                       {"workers", approvals.size()},
                       {"approved_until", nullptr}});
    return items;
  }
  Result<bool> token_fits(const Certificate&, const CertificateSecret&, const DeviceToken& token) const override {
    return token.text() != "unfit";
  }
};

class ScriptedTraces final : public TraceDesk {
 public:
  Reply of_event(const EventQuestion& question, WallTime) override {
    asked = question.event + "|" + question.user + "|" + question.device;
    if (!question.may_see(app)) return not_found("nothing is kept of event " + question.event);
    return Answer{200,
                  {{"event_id", question.event},
                   {"app_id", app.value},
                   {"start", to_ms(kThen)},
                   {"event", nlohmann::json::object()},
                   {"hops", nlohmann::json::array()},
                   {"devices", nlohmann::json::array()},
                   {"left_out", 0},
                   {"text", ""}}};
  }
  Reply of_user(AppId, const std::string& user, WallTime since, std::size_t limit) override {
    asked = user + "|" + std::to_string(to_ms(since)) + "|" + std::to_string(limit);
    return Answer{200, {{"items", nlohmann::json::array()}}};
  }
  std::string trouble() override { return "no file"; }
  std::string asked;
  AppId app = kShop;
};

class ScriptedLetters final : public LetterDesk {
 public:
  Reply list(const LetterQuestion& question) override {
    asked = question;
    return Answer{200, {{"items", nlohmann::json::array()}, {"more", false}}};
  }
  Reply show(const std::string& letter, const std::function<bool(AppId)>& may_see) override {
    if (letter == "0:0") return not_found("no letter");
    if (!may_see(kShop)) return not_found("no letter");
    nlohmann::json shown = {{"letter", letter}, {"written_at", to_ms(kThen)}, {"app_id", kShop.value}};
    for (const char* text :
         {"state", "event_id", "stage", "reason", "vendor", "code", "detail", "why", "todo", "key", "event"})
      shown[text] = "";
    shown.update(nlohmann::json{{"attempts", 1}, {"truncated", false}, {"source", nullptr}, {"left", nullptr}});
    return Answer{200, std::move(shown)};
  }
  Reply run(const LetterQuestion& question, bool /*drop*/, bool dry_run) override {
    asked = question;
    if (away) return refused(503, "unavailable", "no broker answers");
    return Answer{200,
                  {{"dry_run", dry_run},
                   {"done", 2},
                   {"matched", 2},
                   {"done_before", 0},
                   {"copies", 0},
                   {"too_late", 0},
                   {"by_reason", {{"expired", 2}}},
                   {"refused", nlohmann::json::object()},
                   {"read", 2},
                   {"stopped", false}}};
  }
  LetterQuestion asked;
  bool away = false;
};

class ScriptedPushes final : public PushDesk {
 public:
  Reply push(const PushQuestion& question) override {
    asked = question;
    if (question.user == "throw") throw std::runtime_error("the words of a bug");
    return Answer{200,
                  {{"items",
                    {{{"device_id", "phone"},
                      {"vendor", "apns"},
                      {"certificate_id", 1},
                      {"request", nullptr},
                      {"text", nullptr},
                      {"todo", ""},
                      {"outcome", {{"outcome", "accepted"}}}}}},
                   {"trouble", nlohmann::json::array()}}};
  }
  Reply decide(const DecisionQuestion& question, WallTime) override {
    decided = question;
    return Answer{200,
                  {{"app_id", question.app.value},
                   {"user_id", question.user},
                   {"rule", "none"},
                   {"checks", nlohmann::json::array()},
                   {"devices", nlohmann::json::array()}}};
  }
  PushQuestion asked;
  DecisionQuestion decided;
};

class ScriptedEvents final : public EventDesk {
 public:
  /// An event is its app: "1400000001"; "bad" breaks the contract, "away" is not acknowledged.
  std::vector<PublishedEvent> publish(std::span<const std::string_view> events,
                                      const std::function<bool(AppId)>& may_see) override {
    using Is = PublishedEvent::Is;
    std::vector<PublishedEvent> all;
    for (const std::string_view event : events) {
      if (event == "bad")
        all.push_back({.is = Is::Refused, .why = "$.to: missing"});
      else if (event == "away")
        all.push_back({.is = Is::Unknown, .event_id = "e", .why = "no acknowledgement"});
      else if (!may_see(AppId{std::stoll(std::string(event))}))
        all.push_back({.is = Is::Refused, .event_id = "e", .why = "another app's"});
      else
        all.push_back({.is = Is::Written, .event_id = "e", .partition = 2, .offset = 17});
    }
    return all;
  }
};

class ScriptedRows final : public RowDesk {
 public:
  /// A line is its app: "1400000001"; "bad" is none.
  Reply import_rows(RowKind kind, std::string_view lines, std::uint64_t from_line, bool dry_run,
                    const std::function<bool(AppId)>& may_see) override {
    asked = std::string(kind == RowKind::Devices ? "devices" : "users") + (dry_run ? " dry" : "");
    if (away) return refused(503, "unavailable", "the store is busy");
    nlohmann::json bad = nlohmann::json::array();
    std::size_t written = 0;
    for (const std::string_view line : event_lines(lines, true)) {
      if (line == "bad" || !may_see(AppId{std::stoll(std::string(line))}))
        bad.push_back({{"line", from_line}, {"why", "refused"}});
      else
        ++written;
      ++from_line;
    }
    const std::size_t left_out = bad.size();
    return Answer{200, {{"lines", written + left_out}, {"written", written}, {"left_out", left_out}, {"bad", bad}}};
  }
  Reply export_rows(const ExportQuestion& question) override {
    exported = question;
    return Answer{200, {{"lines", "{}\n"}, {"rows", 1}, {"next", {{"user", "vinson"}, {"app", kShop.value}}}}};
  }
  std::string asked;
  ExportQuestion exported;
  bool away = false;
};

class ScriptedImServer final : public CompanionDesk {
 public:
  Done kick(const im::UserKey& who) override {
    asked = "kick " + who.user;
    return answer();
  }
  Done silence(const im::UserKey& who, const Silence& silence) override {
    const auto text = [](std::optional<seconds> time) { return time ? std::to_string(time->count()) : "as it is"; };
    asked = "silence " + who.user + ", " + text(silence.chats) + ", " + text(silence.groups);
    return answer();
  }
  std::string asked;
  bool away = false;

 private:
  Done answer() const {
    if (away) return refused(502, "im_server", "nobody answers");
    return {};
  }
};

struct Heard {
  int status = 0;
  nlohmann::json body;
  HttpFields headers;
  bool changed = false;
  std::string code() const { return body.is_object() && body.contains("error") ? body["error"]["code"] : ""; }
  std::string path() const {
    return body.is_object() && body.contains("error") && body["error"].contains("path") ? body["error"]["path"] : "";
  }
  std::string message() const { return body["error"]["message"]; }
  std::string header(const std::string& name) const {
    for (const auto& [field, value] : headers)
      if (field == name) return value;
    return "";
  }
};

class ApiBed {
 public:
  ApiBed() {
    std::string name = (std::filesystem::temp_directory_path() / "nightpost-admin-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    const std::string path = (folder_ / "store.db").string();
    auto opened = store::open_sqlite(path, store::Sealer::from_key_text(store::Sealer::new_key_text()).value());
    if (!opened) FAIL(opened.error().detail);
    store = *std::move(opened);
    auto tables = store::open_sqlite_admin(path);
    if (!tables) FAIL(tables.error().detail);
    admin = *std::move(tables);
    place = {store::StoreUrl::Kind::Sqlite, path};
    companion = im::ConsoleReader(place, {});
    editor = im::ConsoleEditor(place, {});
    options.companion.apps = {kShop};
    options.version = "0.1.0";
    options.started_at = kThen;
  }
  ApiBed(const ApiBed&) = delete;
  ApiBed& operator=(const ApiBed&) = delete;
  ~ApiBed() { std::filesystem::remove_all(folder_); }

  /// The text of a new token.
  std::string token(Role role, std::vector<AppId> apps = {}, std::optional<WallTime> expires_at = std::nullopt,
                    bool reader = false) {
    std::string secret = *new_secret(kTokenPrefix);
    const auto added = admin->add_token({.name = std::string(name_of(role)) + std::to_string(++tokens_),
                                         .role = std::string(name_of(role)),
                                         .apps = std::move(apps),
                                         .created_at = kThen,
                                         .created_by = "test",
                                         .reader = reader,
                                         .expires_at = expires_at},
                                        hash_of(secret));
    REQUIRE(added);
    latest = added->id;
    return secret;
  }
  /// Sent with `token`; empty: with nothing. A body that is null is none.
  Heard call(const std::string& method, const std::string& target, const std::string& token,
             const nlohmann::json& body = nullptr) {
    HttpCall call = a_call(method, target, body);
    if (!token.empty()) call.headers.emplace_back("authorization", "Bearer " + token);
    return send(call);
  }
  static HttpCall a_call(const std::string& method, const std::string& target, const nlohmann::json& body = nullptr) {
    HttpCall call{.method = method, .target = target, .from = "10.0.0.7", .counted_as = "10.0.0.7"};
    if (!body.is_null()) {
      call.body = body.dump();
      const bool lines = target.contains("/import") && !target.contains("/words/");
      call.headers.emplace_back("content-type", lines ? "application/x-ndjson" : "application/json");
    }
    return call;
  }
  /// `at`: a gate of the test's own, or that of the bed.
  Tools tools_at(Gate& at) {
    return {*store,    *admin, certificates, traces, letters, pushes, events, rows,
            companion, editor, im_server,    live,   rates,   at,     clock,  options};
  }
  Heard send(const HttpCall& call) {
    const Answered answered = answer(call, tools_at(gate), nullptr);
    Heard heard{answered.http.status, nullptr, answered.http.headers, answered.changed};
    if (!answered.http.body.empty()) {
      heard.body = nlohmann::json::parse(answered.http.body, nullptr, false);
      if (heard.body.is_discarded()) heard.body = answered.http.body;
    }
    // What the document says of an answer holds of each.
    const auto mistakes = testing::answer_mistakes(call.method, call.target, heard.status, heard.body);
    CAPTURE(call.method, call.target);
    CHECK(mistakes == std::vector<std::string>());
    return heard;
  }
  /// A session's cookie and CSRF value.
  struct Session {
    std::string cookie, csrf;
  };
  Session log_in(const std::string& token) {
    const Heard begun = call("POST", "/v1/login", "", {{"token", token}});
    REQUIRE(begun.status == 200);
    const std::string cookie = begun.header("set-cookie");
    return {cookie.substr(0, cookie.find(';')), begun.body["csrf"]};
  }
  Heard by_session(const std::string& method, const std::string& target, const Session& session, bool with_csrf = true,
                   const nlohmann::json& body = nullptr) {
    HttpCall call = a_call(method, target, body);
    call.headers.emplace_back("cookie", session.cookie);
    if (with_csrf) call.headers.emplace_back("x-nightpost-csrf", session.csrf);
    return send(call);
  }
  std::int64_t a_certificate(const std::string& name = "shop", AppId app = kShop, Vendor vendor = Vendor::Xiaomi) {
    const auto added =
        store->add_certificate({.facts = {.app = app, .vendor = vendor, .name = name, .bundle_id = "com.example"},
                                .secret = {"the secret bytes", "the password", "the receipt key"}});
    REQUIRE(added);
    return added->id.value;
  }
  /// Another version of it: with this package and secret.
  void edit(std::int64_t id, const std::string& bundle_id, const std::string& bytes = "the secret bytes") {
    Certificate facts = store->certificate({id}).value();
    facts.bundle_id = bundle_id;
    REQUIRE(store->replace_certificate({id}, {.facts = facts, .secret = {bytes, "", "the receipt key"}}));
  }
  /// A phone of each user, called dead by the vendor and held.
  void hold(std::int64_t id, const std::vector<std::string>& users) {
    const Certificate certificate = store->certificate({id}).value();
    std::vector<HeldRemoval> removals;
    for (const std::string& user : users) {
      const Device phone{.device_id = "phone",
                         .platform = Platform::Android,
                         .certificate = {id},
                         .token = DeviceToken("token-of-" + user),
                         .registered_at = kThen};
      REQUIRE(store->set_device(certificate.app, user, phone));
      removals.push_back(held_removal_of(certificate.app, user, phone));
    }
    REQUIRE(store->keep_removals({.certificate = {id}, .worker = "w", .heard = "answers", .code = "410", .last = kThen},
                                 certificate.version, removals, {.devices_max = 10'000}));
  }
  std::vector<store::AuditEntry> audit() { return admin->audit({}, 100).value(); }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::AdminStore> admin;
  ScriptedCertificates certificates;
  ScriptedTraces traces;
  ScriptedLetters letters;
  ScriptedPushes pushes;
  ScriptedEvents events;
  ScriptedRows rows;
  store::StoreUrl place;
  im::ConsoleReader companion{{}, {}};
  im::ConsoleEditor editor{{}, {}};
  ScriptedImServer im_server;
  LiveTail live{4, 1'000};
  RateBook rates;
  GateOptions limits{.requests_burst_max = 100'000, .requests_per_second_max = 100'000};
  Gate gate{limits};
  MovedClock clock;
  ApiOptions options;
  std::int64_t latest = 0;  // the last token's id

 private:
  std::filesystem::path folder_;
  int tokens_ = 0;
};

}  // namespace nightpost::admin
