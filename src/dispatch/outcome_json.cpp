#include "dispatch/outcome_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "core/text.h"

namespace nightpost::dispatch {
namespace {

/// All texts that are not words of our own.
constexpr std::array kTexts = {&Outcome::event_id,  &Outcome::user_id,     &Outcome::device_id,
                               &Outcome::vendor_id, &Outcome::code,        &Outcome::reason,
                               &Outcome::push_id,   &Outcome::collapse_id, &Outcome::traceparent};
/// More than all keys, numbers and words of our own take together.
constexpr std::size_t kFrameMax = 768;

/// Writes a line whose room was made before: an outcome a device is written, so each append would be felt. Keys come
/// with all that stands around them (R"(,"code":")").
class OutcomeLine {
 public:
  explicit OutcomeLine(char* at) noexcept : at_(at) {}

  void raw(std::string_view text) noexcept { at_ = std::ranges::copy(text, at_).out; }
  /// Names and words of our own, which need no escaping.
  void word(std::string_view key, std::string_view value) noexcept {
    raw(key);
    raw(value);
    *at_++ = '"';
  }
  void text(std::string_view key, std::string_view value) noexcept {
    if (value.empty()) return;
    raw(key);
    at_ = put_json_escaped(at_, value);
    *at_++ = '"';
  }
  void number(std::string_view key, std::int64_t value) noexcept {
    raw(key);
    at_ = std::to_chars(at_, at_ + 20, value).ptr;
  }
  char* end() const noexcept { return at_; }

 private:
  char* at_;
};

char* write_outcome(char* at, const Outcome& outcome) noexcept {
  static_assert(kOutcomeVersion == 1);
  OutcomeLine line(at);
  line.raw(R"({"v":1)");
  line.text(R"(,"event_id":")", outcome.event_id);
  line.number(R"(,"app_id":)", outcome.app.value);
  line.text(R"(,"user_id":")", outcome.user_id);
  line.text(R"(,"device_id":")", outcome.device_id);
  line.word(R"(,"outcome":")", name_of(outcome.kind));
  line.word(R"(,"rule":")", outcome.rule);
  if (outcome.vendor) line.word(R"(,"vendor":")", name_of(*outcome.vendor));
  if (outcome.certificate) line.number(R"(,"certificate_id":)", outcome.certificate->value);
  line.text(R"(,"vendor_id":")", outcome.vendor_id);
  line.text(R"(,"code":")", outcome.code);
  line.text(R"(,"reason":")", outcome.reason);
  line.text(R"(,"push_id":")", outcome.push_id);
  line.text(R"(,"collapse_id":")", outcome.collapse_id);
  line.number(R"(,"attempt":)", outcome.attempt);
  line.number(R"(,"at":)", to_ms(outcome.at));
  line.number(R"(,"latency_ms":)", outcome.latency.count());
  if (outcome.not_before != WallTime{}) line.number(R"(,"not_before":)", to_ms(outcome.not_before));
  line.text(R"(,"traceparent":")", outcome.traceparent);
  line.raw("}");
  return line.end();
}

}  // namespace

void append_json(std::string& out, const Outcome& outcome) {
  std::size_t room = kFrameMax + outcome.rule.size();
  bool valid = true;
  for (const auto text : kTexts) {
    room += kJsonEscapedMax * (outcome.*text).size();
    valid = valid && is_valid_utf8(outcome.*text);
  }
  if (!valid) {
    Outcome repaired = outcome;
    for (const auto text : kTexts) repaired.*text = utf8_repaired(outcome.*text);
    return append_json(out, repaired);
  }
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + room, [&](char* data, std::size_t) noexcept {
    return static_cast<std::size_t>(write_outcome(data + before, outcome) - data);
  });
}

std::string to_json(const Outcome& outcome) {
  std::string out;
  append_json(out, outcome);
  return out;
}

}  // namespace nightpost::dispatch
