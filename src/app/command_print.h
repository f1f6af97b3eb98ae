// Results of commands for people, made of the JSON that the admin API and `--json` have: the same table, whether the
// store was at hand or a server was asked.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace nightpost::app {

// Each prints `items`, an array, to stdout: as a table, or as JSON.
void print_certificates(const nlohmann::json& items, bool json);
void print_versions(const nlohmann::json& items, bool json);
void print_removed_certificates(const nlohmann::json& items, bool json);
void print_held(const nlohmann::json& items, bool json);
void print_devices(const nlohmann::json& items, bool json);
void print_latest_events(const nlohmann::json& items, bool json);
void print_tokens(const nlohmann::json& items, bool json);
void print_sessions(const nlohmann::json& items, bool json);
void print_audit(const nlohmann::json& items, bool json);
void print_letters(const nlohmann::json& items, bool with_state, bool json);
/// Of one dead letter, with its event.
void print_letter(const nlohmann::json& letter, bool json);
/// Of one user: settings and mutes.
void print_user(const nlohmann::json& user, bool json);
/// Of push_decision(): the rules of the receiver and of each device.
void print_decision(const nlohmann::json& decision, bool json);
/// Of one certificate. `receipt_key`: empty: not asked for.
void print_certificate(const nlohmann::json& certificate, const std::string& receipt_key);
/// Of test pushes, "device_id", "request", "outcome" each; "text": the body as it goes out. The exit code.
int print_pushes(const nlohmann::json& results, bool dry_run, bool json);
/// Of a dry run of the event at `place`: dry_run_event()'s answer. The exit code.
int print_event_dry_run(const nlohmann::json& decided, const std::string& place);
/// Of a verification: the exit code.
int print_verification(const nlohmann::json& verification, bool json);

}  // namespace nightpost::app
