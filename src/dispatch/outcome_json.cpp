#include "dispatch/outcome_json.h"

#include <string_view>

#include "core/text.h"

namespace nightpost::dispatch {
namespace {

/// Names and words of our own, which need no escaping, cost a plain append.
void word(std::string& out, std::string_view key_with_quotes, std::string_view value) {
  out += key_with_quotes;
  out += value;
  out += '"';
}

void text(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (is_valid_utf8(value))
    append_json_member(out, key, value);
  else
    append_json_member(out, key, utf8_repaired(value));
}

}  // namespace

void append_json(std::string& out, const Outcome& outcome) {
  out += '{';
  text(out, "event_id", outcome.event_id);
  append_json_member(out, "app_id", outcome.app.value);
  text(out, "user_id", outcome.user_id);
  text(out, "device_id", outcome.device_id);
  word(out, R"(,"outcome":")", name_of(outcome.kind));
  word(out, R"(,"rule":")", outcome.rule);
  if (outcome.vendor) word(out, R"(,"vendor":")", name_of(*outcome.vendor));
  if (outcome.certificate) append_json_member(out, "certificate_id", outcome.certificate->value);
  text(out, "vendor_id", outcome.vendor_id);
  text(out, "code", outcome.code);
  text(out, "reason", outcome.reason);
  text(out, "push_id", outcome.push_id);
  text(out, "collapse_id", outcome.collapse_id);
  append_json_member(out, "attempt", std::int64_t(outcome.attempt));
  append_json_member(out, "at", to_ms(outcome.at));
  append_json_member(out, "latency_ms", std::int64_t(outcome.latency.count()));
  out += '}';
}

std::string to_json(const Outcome& outcome) {
  std::string out;
  append_json(out, outcome);
  return out;
}

}  // namespace nightpost::dispatch
