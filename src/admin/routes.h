// Every route of the API, in one table: routing, roles, strict reading, the audit log's words, the OpenAPI document and
// the matrix test are made of it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/answer.h"
#include "admin/live_tail.h"
#include "admin/members.h"
#include "admin/ports.h"
#include "admin/rate_book.h"
#include "admin/role.h"
#include "im/domain/app_settings.h"
#include "im/store/console_editor.h"
#include "im/store/console_reader.h"
#include "store/admin_store.h"
#include "store/store.h"

namespace nightpost::admin {

struct Route;

/// What the config says of the companion, which holds where an app has nothing of its own.
struct CompanionConfig {
  std::set<AppId> apps;  // that have an IM server: `im.key_files`
  im::AppSettings settings;
  std::size_t words_max = 10'000;  // of an app
};

struct ApiOptions {
  AccessOptions access;
  std::string version;  // of the binary
  WallTime started_at{};
  std::size_t list_max = 1'000;           // items of one answer
  std::size_t events_max = 100;           // of one request
  std::size_t held_removed_max = 20'000;  // held devices that one request removes
  CompanionConfig companion;
};

/// What handlers work with, all of one thread but the gate.
struct Tools {
  store::Store& store;
  store::AdminStore& admin;
  CertificateDesk& certificates;
  TraceDesk& traces;
  LetterDesk& letters;
  PushDesk& pushes;
  EventDesk& events;
  RowDesk& rows;
  im::ConsoleReader& companion;
  im::ConsoleEditor& editor;  // of its words and settings
  CompanionDesk& im_server;
  LiveTail& live;
  RateBook& rates;
  Gate& gate;
  const Clock& clock;
  const ApiOptions& options;
};

/// What the audit log is told of a change. A handler that has changed nothing leaves `made` false.
struct AuditNote {
  bool made = false;
  AppId app;
  std::string object;
  nlohmann::json before, after;  // without secrets
  std::string who;               // empty: the caller
};

struct Request {
  const Tools& tools;
  const HttpCall& call;
  Caller caller;
  std::vector<std::string> in_path;  // what stands for {…}
  Values query, body;
  WallTime now;
  AuditNote note = {};

  AppId app() const { return AppId{query.number("app")}; }
  bool may_see(AppId one) const noexcept { return caller.may_see(one); }
};

struct Route {
  std::string_view method, path;
  std::optional<Role> role;  // who may, at the least; nullopt: anybody
  std::string_view since;    // the first version of the API that has it
  Reply (*handler)(Request& request);
  std::string_view deed;  // in the audit log; empty: it changes nothing and shows nothing private
  std::string_view what;  // one line
  std::span<const Member> query = {}, body = {};
  int done = 200;       // the status of what went well
  bool events = false;  // the body is an event, or a line each, and not read by `body`
  bool lines = false;   // the body is NDJSON, likewise
  bool waits = false;   // for a vendor or for brokers, maybe long: waits_for_others()
  bool reader = false;  // beside the role it wants the grant to read private messages
};

std::span<const Route> routes() noexcept;
/// The call may take as long as a vendor or the brokers want: it is not to hold a thread that others need. Pure.
bool waits_for_others(std::string_view method, std::string_view target);

// session_routes.cpp
Reply login(Request& request);
Reply logout(Request& request);
Reply me(Request& request);
Reply health(Request& request);
Reply openapi(Request& request);
// certificate_routes.cpp
Reply vendors(Request& request);
Reply list_certificates(Request& request);
Reply show_certificate(Request& request);
Reply add_certificate(Request& request);
Reply check_certificate(Request& request);
Reply change_certificate(Request& request);
Reply verify_certificate(Request& request);
Reply disable_certificate(Request& request);
Reply enable_certificate(Request& request);
Reply remove_certificate(Request& request);
Reply show_receipt_key(Request& request);
/// Of the path. What is no number, not there, or of another app is not found.
std::expected<CertificateId, Refusal> certificate_id_in_path(const Request& request);
std::expected<Certificate, Refusal> certificate_in_path(const Request& request);
// history_routes.cpp
Reply list_versions(Request& request);
Reply roll_back_certificate(Request& request);
Reply list_removed_certificates(Request& request);
Reply restore_certificate(Request& request);
Reply list_held_removals(Request& request);
Reply approve_removals(Request& request);
// device_routes.cpp
Reply list_devices(Request& request);
Reply set_device(Request& request);
Reply unbind_device(Request& request);
// row_routes.cpp
Reply import_devices(Request& request);
Reply import_users(Request& request);
Reply export_devices(Request& request);
Reply export_users(Request& request);
// user_routes.cpp
Reply show_user(Request& request);
Reply set_user(Request& request);
Reply mute_user(Request& request);
Reply unmute_user(Request& request);
Reply show_decision(Request& request);
// event_routes.cpp
Reply trace_event(Request& request);
Reply trace_user(Request& request);
Reply push(Request& request);
Reply publish_events(Request& request);
Reply list_letters(Request& request);
Reply show_letter(Request& request);
Reply replay_letters(Request& request);
Reply drop_letters(Request& request);
// companion_routes.cpp
Reply companion_totals(Request& request);
Reply list_companion_users(Request& request);
Reply show_companion_user(Request& request);
Reply kick_companion_user(Request& request);
Reply silence_companion_user(Request& request);
Reply list_companion_groups(Request& request);
Reply show_companion_group(Request& request);
Reply list_companion_members(Request& request);
// history_looks.cpp
Reply list_companion_chats(Request& request);
Reply read_companion_history(Request& request);
/// Of the companion's tables: that there are none has a code of its own. Pure.
Refusal companion_refusal(const Error& error);
// rule_routes.cpp
Reply list_words(Request& request);
Reply set_word(Request& request);
Reply remove_word(Request& request);
Reply import_words(Request& request);
Reply list_settings(Request& request);
Reply set_setting(Request& request);
Reply unset_setting(Request& request);
// live_routes.cpp
Reply watch_live(Request& request);
// rate_routes.cpp
Reply show_rates(Request& request);
Reply show_workers(Request& request);
// token_routes.cpp
Reply list_tokens(Request& request);
Reply add_token(Request& request);
Reply revoke_token(Request& request);
Reply list_sessions(Request& request);
Reply end_listed_session(Request& request);
Reply list_audit(Request& request);

/// The events of a body that is one, or has one a line: lines that are blank are none. Pure.
std::vector<std::string_view> event_lines(std::string_view body, bool line_each);

/// The OpenAPI 3.1 document of the table. Pure.
nlohmann::json openapi_document(std::string_view version);

}  // namespace nightpost::admin
