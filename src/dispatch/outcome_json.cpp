#include "dispatch/outcome_json.h"

#include <charconv>
#include <cstdint>
#include <string_view>

#include "core/text.h"

namespace nightpost::dispatch {
namespace {

// Keys come with all that stands around them (R"(,"code":")"), so that a member costs an append or two.

/// Names and words of our own, which need no escaping.
void word(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += value;
  out += '"';
}

void text(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += key;
  if (is_valid_utf8(value))
    append_json_escaped(out, value);
  else
    append_json_escaped(out, utf8_repaired(value));
  out += '"';
}

void number(std::string& out, std::string_view key, std::int64_t value) {
  out += key;
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

void append_json(std::string& out, const Outcome& outcome) {
  static_assert(kOutcomeVersion == 1);
  out += R"({"v":1)";
  text(out, R"(,"event_id":")", outcome.event_id);
  number(out, R"(,"app_id":)", outcome.app.value);
  text(out, R"(,"user_id":")", outcome.user_id);
  text(out, R"(,"device_id":")", outcome.device_id);
  word(out, R"(,"outcome":")", name_of(outcome.kind));
  word(out, R"(,"rule":")", outcome.rule);
  if (outcome.vendor) word(out, R"(,"vendor":")", name_of(*outcome.vendor));
  if (outcome.certificate) number(out, R"(,"certificate_id":)", outcome.certificate->value);
  text(out, R"(,"vendor_id":")", outcome.vendor_id);
  text(out, R"(,"code":")", outcome.code);
  text(out, R"(,"reason":")", outcome.reason);
  text(out, R"(,"push_id":")", outcome.push_id);
  text(out, R"(,"collapse_id":")", outcome.collapse_id);
  number(out, R"(,"attempt":)", outcome.attempt);
  number(out, R"(,"at":)", to_ms(outcome.at));
  number(out, R"(,"latency_ms":)", outcome.latency.count());
  if (outcome.not_before != WallTime{}) number(out, R"(,"not_before":)", to_ms(outcome.not_before));
  text(out, R"(,"traceparent":")", outcome.traceparent);
  out += '}';
}

std::string to_json(const Outcome& outcome) {
  std::string out;
  append_json(out, outcome);
  return out;
}

}  // namespace nightpost::dispatch
