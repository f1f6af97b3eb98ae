#include "app/command_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/output.h"
#include "core/result.h"

namespace nightpost::app {
namespace {

using PrintedJson = nlohmann::json;

/// A member as a cell: texts as they are, numbers in digits, null and what is absent as nothing.
std::string printed_cell(const PrintedJson& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end() || found->is_null()) return "";
  return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

std::string printed_time(const PrintedJson& object, const char* name, std::string otherwise = "") {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? shown_time(found->get<std::int64_t>())
                                                             : std::move(otherwise);
}

bool printed_flag(const PrintedJson& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

/// "viewer", "viewer +reader".
std::string printed_role(const PrintedJson& object) {
  return printed_cell(object, "role") + (printed_flag(object, "reader") ? " +reader" : "");
}

std::string printed_apps(const PrintedJson& object) {
  std::string text;
  const auto found = object.find("apps");
  if (found == object.end() || !found->is_array()) return "all";
  for (const PrintedJson& app : *found) text += (text.empty() ? "" : ", ") + app.dump();
  return text;
}

std::vector<std::string> printed_texts(const PrintedJson& object, const char* name) {
  std::vector<std::string> all;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return all;
  for (const PrintedJson& each : *found)
    if (each.is_string()) all.push_back(each.get<std::string>());
  return all;
}

std::string printed_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + printable(text);
  return out;
}

std::string printed_raw(const PrintedJson& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// As it would go out: `text` is the body, byte for byte but for secrets.
void print_push_request(const PrintedJson& request, const std::string& text) {
  fmt::print("{} {}\n", printed_cell(request, "method"), printed_cell(request, "url"));
  const auto headers = request.find("headers");
  if (headers != request.end() && headers->is_object())
    for (const auto& [name, value] : headers->items())
      fmt::print("{}: {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  fmt::print("\n{}\n\n", text);
}

}  // namespace

void print_certificates(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table(
      {"ID", "APP", "VENDOR", "NAME", "BUNDLE ID / PACKAGE", "ENVIRONMENT", "KIND", "EXPIRES", "STATUS", "WARNINGS"});
  std::string lines;
  for (const PrintedJson& each : items) {
    const PrintedJson facts = each.value("facts", PrintedJson::object());
    const std::vector<std::string> warnings = printed_texts(each, "warnings");
    for (const std::string& warning : warnings)
      lines +=
          fmt::format("\n{} {}: warning: {}", printed_cell(each, "id"), printed_cell(each, "name"), printable(warning));
    table.row({printed_cell(each, "id"), printed_cell(each, "app_id"), printed_cell(each, "vendor"),
               printed_cell(each, "name"), printed_cell(each, "bundle_id"), printed_cell(each, "environment"),
               printed_cell(facts, "kind"), printed_cell(facts, "not_after"), printed_cell(each, "status"),
               warnings.empty() ? "" : std::to_string(warnings.size())});
  }
  fmt::print("{}{}{}", table.text("no certificates; add one with: nightpost cert add --help"), lines,
             lines.empty() ? "" : "\n");
}

void print_certificate(const PrintedJson& certificate, const std::string& receipt_key) {
  const auto line = [](std::string_view name, std::string_view value) {
    if (!value.empty()) fmt::print("{:<14} {}\n", name, value);
  };
  line("id", printed_cell(certificate, "id"));
  line("app", printed_cell(certificate, "app_id"));
  for (const char* name : {"vendor", "name"}) line(name, printed_cell(certificate, name));
  line(printed_cell(certificate, "vendor") == "apns" ? "bundle id" : "package", printed_cell(certificate, "bundle_id"));
  line("environment", printed_cell(certificate, "environment"));
  for (const char* group : {"facts", "settings"}) {
    const PrintedJson all = certificate.value(group, PrintedJson::object());
    for (const auto& each : all.items()) line(each.key(), printed_cell(all, each.key().c_str()));
  }
  line("host", printed_cell(certificate, "host"));
  line("own CA", printed_flag(certificate, "has_ca") ? "yes" : "");
  line("status", printed_cell(certificate, "status"));
  line("version", printed_cell(certificate, "version"));
  line("secret", "sealed, never shown");
  line("receipts to", printed_cell(certificate, "receipt_path"));
  line("receipt key", receipt_key);
  for (const std::string& warning : printed_texts(certificate, "warnings")) line("warning", printable(warning));
}

void print_versions(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"VERSION", "WRITTEN (UTC)", "BY", "", "WHAT CHANGED"});
  for (const PrintedJson& each : items) {
    const bool known = each.value("written_at", PrintedJson()) != 0;
    std::vector<std::string> row = {printed_cell(each, "version"), known ? printed_time(each, "written_at") : "",
                                    printed_cell(each, "written_by"), printed_flag(each, "in_use") ? "in use" : "", ""};
    const std::vector<std::string> changes = printed_texts(each, "changes");
    if (changes.empty()) table.row(row);
    for (const std::string& change : changes) {
      row.back() = printable(change);
      table.row(row);
      row = {"", "", "", "", ""};
    }
  }
  fmt::print("{}", table.text(""));
}

void print_removed_certificates(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"ID", "APP", "VENDOR", "NAME", "BUNDLE ID / PACKAGE", "LAST VERSION"});
  for (const PrintedJson& each : items)
    table.row({printed_cell(each, "id"), printed_cell(each, "app_id"), printed_cell(each, "vendor"),
               printed_cell(each, "name"), printed_cell(each, "bundle_id"), printed_cell(each, "version")});
  fmt::print("{}", table.text("no certificate was removed, or all that were are purged"));
}

void print_held(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table(
      {"ID", "APP", "VENDOR", "NAME", "HELD", "SINCE (UTC)", "LAST", "SAID BY", "CODE", "WORKERS", "APPROVED UNTIL"});
  bool held = false;
  for (const PrintedJson& each : items) {
    held = held || each.value("workers", 0) > 0;
    const std::string more = each.value("unkept", std::uint64_t{0}) > 0 ? " and more" : "";
    table.row({printed_cell(each, "id"), printed_cell(each, "app_id"), printed_cell(each, "vendor"),
               printed_cell(each, "name"), printed_cell(each, "held") + more, printed_time(each, "since"),
               printed_time(each, "last"), printed_list(printed_texts(each, "said_by")), printed_cell(each, "code"),
               printed_cell(each, "workers"), printed_time(each, "approved_until")});
  }
  fmt::print("{}", table.text("nothing is held: dead tokens are removed as they are found"));
  if (held)
    fmt::print(
        "\nToo many tokens died at once, as they do when a bundle id, a package or an environment is wrong.\n"
        "If these are right:  nightpost cert approve-removals ID\n"
        "If they are not:     nightpost cert update ID …, which forgets what is held\n");
}

void print_devices(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"USER", "DEVICE", "PLATFORM", "CERTIFICATE", "TOKEN", "REGISTERED (UTC)", "STATE"});
  for (const PrintedJson& each : items)
    table.row({printed_cell(each, "user_id"), printed_cell(each, "device_id"), printed_cell(each, "platform"),
               printed_cell(each, "certificate_id"), printed_cell(each, "token"), printed_time(each, "registered_at"),
               printed_cell(each, "state")});
  fmt::print("{}", table.text("no devices"));
}

void print_user(const PrintedJson& user, bool json) {
  if (json) return print_json(user);
  const auto word = [&](const char* name) { return printed_flag(user, name) ? "on" : "off"; };
  const auto text = [&](const char* name, const char* otherwise) {
    const std::string given = printed_cell(user, name);
    return given.empty() ? std::string(otherwise) : given;
  };
  const PrintedJson devices = user.value("devices", PrintedJson());
  fmt::print("push {}  badge {}  language {}  sounds {} / {}  devices {}\n", word("push"), word("badge"),
             text("language", "(tenant's)"), text("sound_c2c", "default"), text("sound_group", "default"),
             devices.is_array() ? std::to_string(devices.size()) : devices.dump());
  Table table({"MUTED", "TARGET", "UNTIL (UTC)", "UNLESS MENTIONED"});
  for (const PrintedJson& mute : user.value("mutes", PrintedJson::array()))
    table.row({printed_cell(mute, "kind"), printed_cell(mute, "target"), printed_time(mute, "until", "for good"),
               printed_flag(mute, "unless_mentioned") ? "yes" : ""});
  fmt::print("{}", table.text("nothing muted"));
}

void print_decision(const PrintedJson& decision, bool json) {
  if (json) return print_json(decision);
  const auto print_checks = [](const PrintedJson& of) {
    Table table({"RULE", "LOOKED AT", "", "WHY"});
    for (const PrintedJson& each : of.value("checks", PrintedJson::array()))
      table.row({printed_cell(each, "rule"), printed_cell(each, "value"),
                 printed_flag(each, "stops") ? "stops" : "passes", printed_cell(each, "why")});
    fmt::print("{}", table.text("no rule"));
  };
  fmt::print("user {}: {}\n", printed_cell(decision, "user_id"), printed_cell(decision, "rule"));
  print_checks(decision);
  for (const PrintedJson& device : decision.value("devices", PrintedJson::array())) {
    fmt::print("\ndevice {}: {}\n", printed_cell(device, "device_id"),
               printed_flag(device, "passed_over") ? "takes calls alone" : printed_cell(device, "rule"));
    print_checks(device);
  }
}

void print_latest_events(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"TIME (UTC)", "EVENT", "DEVICE", "LAST", "WHY"});
  for (const PrintedJson& each : items)
    table.row({printed_time(each, "at"), printed_cell(each, "event_id"), printed_cell(each, "device_id"),
               printed_cell(each, "last"), printed_cell(each, "reason")});
  fmt::print("{}", table.text(""));
}

void print_tokens(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"ID", "NAME", "ROLE", "APPS", "STATE", "MADE BY", "EXPIRES (UTC)", "USED LAST (UTC)"});
  for (const PrintedJson& each : items)
    table.row({printed_cell(each, "id"), printed_cell(each, "name"), printed_role(each), printed_apps(each),
               printed_cell(each, "state"), printed_cell(each, "created_by"), printed_time(each, "expires_at", "never"),
               printed_time(each, "last_used_at")});
  fmt::print("{}", table.text("no tokens; make one with: nightpost token add --help"));
}

void print_sessions(const PrintedJson& items, bool json) {
  if (json) return print_json(items);
  Table table({"ID", "NAME", "BY", "ROLE", "APPS", "BEGUN (UTC)", "USED LAST (UTC)", "ENDS (UTC)"});
  for (const PrintedJson& each : items)
    table.row({printed_cell(each, "id"), printed_cell(each, "name"), printed_cell(each, "by"), printed_role(each),
               printed_apps(each), printed_time(each, "created_at"), printed_time(each, "last_used_at"),
               printed_time(each, "ends_at")});
  fmt::print("{}", table.text("nobody is logged in"));
}

void print_audit(const PrintedJson& items, bool json) {
  if (json) {
    for (const PrintedJson& each : items) print_json(each);
    return;
  }
  Table table({"TIME (UTC)", "WHO", "FROM", "APP", "WHAT", "OBJECT", "OUTCOME"});
  for (const PrintedJson& each : items)
    table.row({printed_time(each, "at"), printed_cell(each, "who"), printed_cell(each, "from"),
               printed_cell(each, "app_id"), printed_cell(each, "what"), printed_cell(each, "object"),
               printed_cell(each, "outcome")});
  fmt::print("{}", table.text("no entries"));
}

void print_letters(const PrintedJson& items, bool with_state, bool json) {
  if (json) {
    for (const PrintedJson& each : items) print_json(each);
    return;
  }
  Table table({"WRITTEN (UTC)", "LETTER", "EVENT", "APP", "VENDOR", "REASON", "LEFT", "CODE, DETAIL"});
  for (const PrintedJson& each : items) {
    const PrintedJson left = each.value("left", PrintedJson());
    std::size_t devices = 0;
    if (left.is_array())
      for (const PrintedJson& user : left) devices += user.value("devices", PrintedJson::array()).size();
    std::string words;
    for (const std::string& part : {with_state ? printed_cell(each, "state") : std::string(),
                                    printed_cell(each, "code"), printed_cell(each, "detail")})
      if (!part.empty()) words += (words.empty() ? "" : ", ") + part;
    table.row({printed_time(each, "written_at"), printed_cell(each, "letter"), printed_cell(each, "event_id"),
               printed_cell(each, "app_id"), printed_cell(each, "vendor"), printed_cell(each, "reason"),
               !left.is_array() ? "everybody"
               : devices > 0    ? counted(devices, "device")
                                : counted(left.size(), "user"),
               words});
  }
  fmt::print("{}", table.text("no such letters"));
}

void print_letter(const PrintedJson& letter, bool json) {
  if (json) return print_json(letter);
  for (const auto& each : letter.items())
    if (each.key() != "event" && !each.value().is_null())
      fmt::print("{:<12} {}\n", each.key(), printed_cell(letter, each.key().c_str()));
  const PrintedJson event = letter.value("event", PrintedJson());
  fmt::print("\n{}\n", event.is_string() ? printable(event.get<std::string>())
                                         : event.dump(2, ' ', false, PrintedJson::error_handler_t::replace));
}

int print_pushes(const PrintedJson& results, bool dry_run, bool json) {
  int exit_code = kDone;
  Table table({"DEVICE", "VENDOR", "CERTIFICATE", "OUTCOME", "CODE", "VENDOR ID", "WHAT IT MEANS"});
  for (const PrintedJson& result : results) {
    const PrintedJson outcome = result.value("outcome", PrintedJson()),
                      request = result.value("request", PrintedJson());
    if (dry_run && !request.is_null()) {
      if (!json) print_push_request(request, printed_raw(result, "text"));
      continue;
    }
    // The code is the vendor's word where there is one, else the name of what kept us from hearing it.
    const std::string code = printed_cell(outcome, "code");
    table.row({printed_cell(outcome, "device_id"), printed_cell(outcome, "vendor"),
               printed_cell(outcome, "certificate_id"), printed_cell(outcome, "outcome"),
               code.empty() ? printed_cell(outcome, "rule") : code, printed_cell(outcome, "vendor_id"),
               printed_cell(outcome, "reason")});
    if (printed_cell(outcome, "outcome") == "accepted") continue;
    const bool unheard = code == name_of(Errc::Timeout) || code == name_of(Errc::ConnectionLost);
    exit_code = std::max<int>(exit_code, unheard ? kUnreachable : kNotAllWell);
  }
  if (!json) {
    fmt::print("{}", table.text(dry_run ? "dry run: nothing was sent" : "nothing to send"));
    return exit_code;
  }
  PrintedJson shown = results;
  for (PrintedJson& result : shown) result.erase("text");
  print_json(shown);
  return exit_code;
}

int print_event_dry_run(const PrintedJson& decided, const std::string& place) {
  const PrintedJson& requests = decided.at("requests");
  const PrintedJson& outcomes = decided.at("outcomes");
  fmt::print("{}: {} request{}, {} outcome{} without one\n", place, requests.size(), requests.size() == 1 ? "" : "s",
             outcomes.size(), outcomes.size() == 1 ? "" : "s");
  if (!decided.at("dead").is_null())
    fmt::print("a dead letter: {}\n", printable(decided.at("dead").get<std::string>()));
  Table table({"USER", "DEVICE", "OUTCOME", "RULE", "WHAT IT MEANS"});
  for (const PrintedJson& outcome : outcomes)
    table.row({printed_cell(outcome, "user_id"), printed_cell(outcome, "device_id"), printed_cell(outcome, "outcome"),
               printed_cell(outcome, "rule"), printed_cell(outcome, "reason")});
  if (!outcomes.empty()) fmt::print("{}", table.text(""));
  for (const PrintedJson& request : requests) print_push_request(request.at("request"), printed_raw(request, "text"));
  return decided.at("dead").is_null() ? kDone : kNotAllWell;
}

int print_verification(const PrintedJson& verification, bool json) {
  const std::string verdict = printed_cell(verification, "verdict"), code = printed_cell(verification, "code"),
                    reason = printed_cell(verification, "reason"), trouble = printed_cell(verification, "trouble");
  if (json) {
    print_json(verification);
  } else {
    fmt::print("{}{}{}\n", verdict, code.empty() ? "" : " (" + code + ")", reason.empty() ? "" : ": " + reason);
    if (!trouble.empty()) say_error(trouble, kDone);
  }
  if (verdict == "accepted") return kDone;
  return verdict == "refused" ? kNotAllWell : kUnreachable;
}

}  // namespace nightpost::app
