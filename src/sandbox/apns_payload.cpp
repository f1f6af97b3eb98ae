#include "sandbox/apns_payload.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace nightpost::sandbox::apns {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

enum class Kind : std::uint8_t {
  Text,
  Texts,      // array of strings
  Count,      // integer >= 0
  Seconds,    // integer
  One,        // the integer 1
  Flag,       // true or false
  UnitScore,  // number in [0, 1]; any number in live activities
  Object,
  Level,
  Event,
  Sound,
  Alert,
};
struct Rule {
  std::string_view key;
  Kind kind;
};

constexpr std::array kAps = {
    Rule{"alert", Kind::Alert},
    Rule{"attributes", Kind::Object},
    Rule{"attributes-type", Kind::Text},
    Rule{"badge", Kind::Count},
    Rule{"category", Kind::Text},
    Rule{"content-available", Kind::One},
    Rule{"content-changed", Kind::Flag},
    Rule{"content-state", Kind::Object},
    Rule{"dismissal-date", Kind::Seconds},
    Rule{"event", Kind::Event},
    Rule{"filter-criteria", Kind::Text},
    Rule{"input-push-channel", Kind::Text},
    Rule{"input-push-token", Kind::Seconds},
    Rule{"interruption-level", Kind::Level},
    Rule{"mutable-content", Kind::One},
    Rule{"relevance-score", Kind::UnitScore},
    Rule{"sound", Kind::Sound},
    Rule{"stale-date", Kind::Seconds},
    Rule{"target-content-id", Kind::Text},
    Rule{"thread-id", Kind::Text},
    Rule{"timestamp", Kind::Seconds},
    Rule{"url-args", Kind::Texts},
};
constexpr std::array kAlert = {
    Rule{"action", Kind::Text},
    Rule{"action-loc-key", Kind::Text},
    Rule{"body", Kind::Text},
    Rule{"launch-image", Kind::Text},
    Rule{"loc-args", Kind::Texts},
    Rule{"loc-key", Kind::Text},
    Rule{"subtitle", Kind::Text},
    Rule{"subtitle-loc-args", Kind::Texts},
    Rule{"subtitle-loc-key", Kind::Text},
    Rule{"summary-arg", Kind::Text},
    Rule{"summary-arg-count", Kind::Seconds},
    Rule{"title", Kind::Text},
    Rule{"title-loc-args", Kind::Texts},
    Rule{"title-loc-key", Kind::Text},
};
static_assert(std::ranges::is_sorted(kAps, {}, &Rule::key));
static_assert(std::ranges::is_sorted(kAlert, {}, &Rule::key));

bool is_one(element value) {
  std::int64_t number = 0;
  return value.get(number) == simdjson::SUCCESS && number == 1;
}

bool is_one_of(element value, std::initializer_list<std::string_view> words) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS && std::ranges::find(words, text) != words.end();
}

bool in_unit(element value) {
  double number = 0;
  return value.get(number) == simdjson::SUCCESS && number >= 0 && number <= 1;
}

std::optional<std::string> object_fault(object members, std::span<const Rule> rules, const std::string& path,
                                        bool live_activity);

/// Empty: fits. Else what it should have been.
std::string_view misfit(element value, Kind kind, bool live_activity) {
  switch (kind) {
    case Kind::Text:
      return value.is_string() ? "" : "not a string";
    case Kind::Texts: {
      simdjson::dom::array items;
      const bool fits = value.get(items) == simdjson::SUCCESS &&
                        std::ranges::all_of(items.begin(), items.end(), [](element item) { return item.is_string(); });
      return fits ? "" : "not an array of strings";
    }
    case Kind::Count: {
      std::int64_t number = 0;
      return value.get(number) == simdjson::SUCCESS && number >= 0 ? "" : "not an integer >= 0";
    }
    case Kind::Seconds:
      return value.is_int64() ? "" : "not an integer";
    case Kind::One:
      return is_one(value) ? "" : "not 1";
    case Kind::Flag:
      return value.is_bool() ? "" : "not true or false";
    case Kind::UnitScore:
      return (live_activity && value.is_number()) || in_unit(value) ? "" : "not a number in [0, 1]";
    case Kind::Object:
      return value.is_object() ? "" : "not an object";
    case Kind::Level:
      return is_one_of(value, {"passive", "active", "time-sensitive", "critical"}) ? "" : "not an interruption level";
    case Kind::Event:
      return is_one_of(value, {"start", "update", "end"}) ? "" : "not start, update or end";
    case Kind::Sound: {
      object sound;
      if (value.is_string()) return "";
      if (value.get(sound) != simdjson::SUCCESS) return "not a string or object";
      element part;
      if (sound["critical"].get(part) == simdjson::SUCCESS && !is_one(part)) return "critical is not 1";
      if (sound["name"].get(part) != simdjson::SUCCESS || !part.is_string()) return "name is not a string";
      if (sound["volume"].get(part) == simdjson::SUCCESS && !in_unit(part)) return "volume is not in [0, 1]";
      return "";
    }
    case Kind::Alert:
      return value.is_string() || value.is_object() ? "" : "not a string or object";
  }
  return "";
}

std::optional<std::string> object_fault(object members, std::span<const Rule> rules, const std::string& path,
                                        bool live_activity) {
  const auto fault = [&](std::string_view key, std::string_view what) {
    return path + "." + std::string(key) + ": " + std::string(what);
  };
  for (const auto [key, value] : members) {
    if (value.is_null()) return fault(key, "null");
    const auto rule = std::ranges::lower_bound(rules, key, {}, &Rule::key);
    if (rule == rules.end() || rule->key != key) continue;  // keys to come are Apple's business
    if (const auto what = misfit(value, rule->kind, live_activity); !what.empty()) return fault(key, what);
    object parts;
    if (rule->kind == Kind::Alert && value.get(parts) == simdjson::SUCCESS)
      if (auto inner = object_fault(parts, kAlert, path + ".alert", live_activity)) return inner;
  }
  return std::nullopt;
}

/// What the push type promises of the content (§1.5, "a mismatch … may cause error, delay or loss").
std::optional<std::string> type_fault(object aps, std::string_view type) {
  const auto has = [&](std::string_view key) { return aps[key].error() == simdjson::SUCCESS; };
  const bool speaks = has("alert") || has("badge") || has("sound");
  if (type == "alert" && !speaks) return "$.aps: an alert has alert, badge or sound";
  if (type == "background" && !has("content-available")) return "$.aps.content-available: a background push needs it";
  if (type == "background" && speaks) return "$.aps: a background push has no alert, badge or sound";
  if ((type == "widgets" || type == "controls") && !has("content-changed")) return "$.aps.content-changed: missing";
  if (type == "liveactivity" && !(has("timestamp") && has("event")))
    return "$.aps: a live activity has timestamp and event";
  return std::nullopt;
}

bool needs_aps(std::string_view type) {
  constexpr std::array kTypes = {"alert", "background", "controls", "liveactivity", "widgets"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

}  // namespace

std::optional<std::string> payload_fault(std::string_view body, std::string_view push_type,
                                         simdjson::dom::parser& parser) {
  element root;
  if (const auto error = parser.parse(body.data(), body.size()).get(root))
    return std::string("$: ") + simdjson::error_message(error);
  object members;
  if (root.get(members) != simdjson::SUCCESS) return "$: not an object";
  element value;
  if (members["aps"].get(value) != simdjson::SUCCESS) {
    if (needs_aps(push_type)) return "$.aps: missing";
    return std::nullopt;
  }
  object aps;
  if (value.get(aps) != simdjson::SUCCESS) return "$.aps: not an object";
  if (auto fault = object_fault(aps, kAps, "$.aps", push_type == "liveactivity")) return fault;
  return type_fault(aps, push_type);
}

}  // namespace nightpost::sandbox::apns
