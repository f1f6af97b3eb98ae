#include "sandbox/fault_script.h"

#include <algorithm>

#include "core/uuid.h"
#include "sandbox/json_fields.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kRulesMax = 1000;
constexpr std::int64_t kCountMax = 1'000'000'000'000;
constexpr std::int64_t kLatencyMsMax = 3'600'000;
constexpr std::int64_t kCodeMax = 0xffff'ffff;
constexpr std::int64_t kStreamMax = 0x7fff'ffff;
constexpr std::uint16_t kTaughtStreamsMax = 0x3;  // RFC 9113 §6.5.2
constexpr std::uint16_t kInitialWindowSize = 0x4;

/// [0, 1), the same for the same words everywhere.
double unit_of(std::initializer_list<std::string_view> words) {
  return static_cast<double>(hash128(words).high >> 11) * 0x1p-53;
}

Result<FaultMatch> read_match(const json& value, const std::string& path) {
  JsonFields fields(value, path);
  FaultMatch match{.vendor = fields.text("vendor").value_or(""),
                   .token = fields.text("token").value_or(""),
                   .token_prefix = fields.text("token_prefix").value_or(""),
                   .topic = fields.text("topic").value_or(""),
                   .path_prefix = fields.text("path_prefix").value_or(""),
                   .share = fields.number("share", 0, 1).value_or(1),
                   .seed = fields.text("seed").value_or("")};
  const std::string share_of = fields.text("share_of").value_or("tokens");
  if (share_of != "tokens" && share_of != "requests") fields.fault("share_of", "not tokens or requests");
  match.share_of_requests = share_of == "requests";
  if (const auto nth = fields.integer("nth", 1, kCountMax)) match.nth = static_cast<std::uint64_t>(*nth);
  match.after = static_cast<std::uint64_t>(fields.integer("after", 0, kCountMax).value_or(0));
  if (const auto times = fields.integer("times", 1, kCountMax)) match.times = static_cast<std::uint64_t>(*times);
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  return match;
}

void read_latency(JsonFields& fields, FaultAct& act) {
  const json* value = fields.any("latency_ms");
  if (!value) return;
  const json range = value->is_array() ? *value : json::array({*value, *value});
  const auto fits = [](const json& ms) { return ms.is_number_unsigned() && ms <= kLatencyMsMax; };
  if (range.size() != 2 || !fits(range[0]) || !fits(range[1]) || range[0] > range[1])
    return fields.fault("latency_ms", "not an integer in [0, 3600000] or [least, most]");
  act.latency_least = milliseconds(range[0].get<std::int64_t>());
  act.latency_most = milliseconds(range[1].get<std::int64_t>());
}

void read_answer(JsonFields& fields, FaultAct& act) {
  const auto status = fields.integer("status", 200, 599);
  const auto reason = fields.text("reason");
  const auto timestamp = fields.integer("timestamp", 0, INT64_MAX);
  const auto retry_after = fields.integer("retry_after", 0, 86'400);
  if (status) {
    act.answer = ScriptedAnswer{.status = static_cast<int>(*status),
                                .reason = reason.value_or(""),
                                .timestamp_ms = timestamp,
                                .retry_after_s = retry_after};
  } else if (reason || timestamp || retry_after) {
    fields.fault("status", "missing beside reason, timestamp or retry_after");
  }
}

Result<void> read_goaway(JsonFields& fields, FaultAct& act) {
  const json* value = fields.object("goaway");
  if (!value) return {};
  JsonFields parts(*value, fields.path_of("goaway"));
  server::ServerGoaway goaway{.code = static_cast<std::uint32_t>(parts.integer("code", 0, kCodeMax).value_or(0)),
                              .debug = parts.text("debug").value_or("")};
  if (const auto last = parts.integer("last_stream", 0, kStreamMax))
    goaway.last_stream = static_cast<std::int32_t>(*last);
  act.goaway = std::move(goaway);
  return parts.finish();
}

Result<void> read_settings(JsonFields& fields, FaultAct& act) {
  const json* value = fields.object("settings");
  if (!value) return {};
  JsonFields parts(*value, fields.path_of("settings"));
  if (const auto streams = parts.integer("max_concurrent_streams", 0, kCodeMax))
    act.settings.emplace_back(kTaughtStreamsMax, static_cast<std::uint32_t>(*streams));
  if (const auto window = parts.integer("initial_window_size", 0, kStreamMax))
    act.settings.emplace_back(kInitialWindowSize, static_cast<std::uint32_t>(*window));
  return parts.finish();
}

Result<FaultAct> read_act(const json& value, const std::string& path) {
  JsonFields fields(value, path);
  FaultAct act;
  read_latency(fields, act);
  read_answer(fields, act);
  if (const auto reset = fields.integer("reset", 0, kCodeMax)) act.reset = static_cast<std::uint32_t>(*reset);
  act.hang = fields.flag("hang");
  act.drop = fields.flag("drop");
  const auto goaway = read_goaway(fields, act);
  if (!goaway) return std::unexpected(goaway.error());
  const auto settings = read_settings(fields, act);
  if (!settings) return std::unexpected(settings.error());
  if (act.answer.has_value() + act.reset.has_value() + act.hang + act.drop > 1)
    fields.fault("status", "only one of status, reset, hang and drop can happen");
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  return act;
}

/// An object's member as an object of its own; absent: an empty one, which means "any" or "nothing".
const json& part(JsonFields& fields, std::string_view key) {
  static const json kEmpty = json::object();
  const json* value = fields.object(key);
  return value ? *value : kEmpty;
}

}  // namespace

Result<FaultScript> FaultScript::parse(std::string_view text) {
  auto root = parse_json(text);
  if (!root) return std::unexpected(root.error());
  const bool bare = root->is_array();
  const json whole = bare ? json::object({{"rules", *root}}) : std::move(*root);
  const std::string rules_path = bare ? "$" : "$.rules";

  FaultScript script;
  JsonFields fields(whole, "$");
  const json* rules = fields.array("rules");
  const json* now = fields.object("now");
  if (rules && rules->size() > kRulesMax) fields.fault("rules", "more than " + std::to_string(kRulesMax));
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  for (std::size_t i = 0; rules && i < rules->size(); ++i) {
    JsonFields parts((*rules)[i], rules_path + "[" + std::to_string(i) + "]");
    parts.text("name");  // for people
    auto match = read_match(part(parts, "match"), parts.path_of("match"));
    if (!match) return std::unexpected(match.error());
    auto act = read_act(part(parts, "act"), parts.path_of("act"));
    if (!act) return std::unexpected(act.error());
    if (auto done = parts.finish(); !done) return std::unexpected(done.error());
    script.rules_.push_back({std::move(*match), std::move(*act)});
    script.index(static_cast<std::uint32_t>(i));
  }
  if (now) {
    auto act = read_act(*now, "$.now");
    if (!act) return std::unexpected(act.error());
    if (act->answer || act->reset || act->hang || act->latency_most.count() > 0)
      return fail(Errc::Malformed, "$.now: only goaway, settings and drop can be done to a connection");
    script.now_ = std::move(*act);
  }
  return script;
}

void FaultScript::index(std::uint32_t number) {
  const FaultMatch& match = rules_[number].match;
  if (match.token.empty() && match.token_prefix.empty()) {
    unnamed_.push_back(number);
  } else if (!match.token.empty()) {
    if (match.token.starts_with(match.token_prefix)) by_token_[match.token].push_back(number);
  } else {
    const std::size_t length = match.token_prefix.size();
    auto found = std::ranges::find(by_prefix_, length, &std::pair<std::size_t, RulesByText>::first);
    if (found == by_prefix_.end()) found = by_prefix_.insert(found, {length, {}});
    found->second[match.token_prefix].push_back(number);
  }
}

/// hits_: every (rule, token) where the rule names the token, in that order.
void FaultScript::find_named(std::span<const TokenVerdict> tokens) {
  hits_.clear();
  if (by_token_.empty() && by_prefix_.empty()) return;
  const auto note = [&](const RulesByText& rules, std::string_view text, std::uint32_t token) {
    if (const auto found = rules.find(text); found != rules.end())
      for (const std::uint32_t rule : found->second) hits_.push_back({rule, token});
  };
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    const std::string_view token = tokens[i].token;
    note(by_token_, token, i);
    for (const auto& [length, rules] : by_prefix_)
      if (token.size() >= length) note(rules, token.substr(0, length), i);
  }
  std::ranges::sort(hits_);
}

/// One more that matches. Does it act on this one?
bool FaultScript::Rule::fires() {
  ++seen;
  if (match.nth && seen != *match.nth) return false;
  if (seen <= match.after) return false;
  if (match.times && acted >= *match.times) return false;
  ++acted;
  return true;
}

/// True: nothing is left for later rules. `candidates` are those it names, or everybody.
bool FaultScript::apply(Rule& rule, const FaultSubject& subject, std::span<const Hit> candidates, Faults& faults) {
  const FaultMatch& match = rule.match;
  if (!match.vendor.empty() && match.vendor != subject.vendor) return false;
  if (!match.topic.empty() && match.topic != subject.topic) return false;
  if (match.path_prefix.empty() ? !subject.push : !subject.target.starts_with(match.path_prefix)) return false;

  const auto note = [&](std::string_view token) {
    const FaultAct& act = rule.act;
    const auto width = static_cast<double>((act.latency_most - act.latency_least).count() + 1);
    const double draw = width <= 1 ? 0 : unit_of({"latency", match.seed, token, std::to_string(rule.seen)});
    faults.latency =
        std::max(faults.latency, act.latency_least + milliseconds(static_cast<std::int64_t>(draw * width)));
    if (act.goaway || !act.settings.empty()) faults.on_connection.push_back(&act);
  };
  const auto whole = [&](std::string_view token) {
    note(token);
    faults.request = &rule.act;
    const FaultAct& act = rule.act;
    if (act.answer || act.reset || act.hang || act.drop) faults.tokens.clear();
    return true;
  };

  if (!match.by_token()) {
    const std::string_view first = candidates.empty() ? "" : subject.tokens[candidates.front().token].token;
    // Drawn per request, the draw has a number; drawn per token (below), a repeat meets the same fate.
    if (match.share < 1 && unit_of({"share", match.seed, first, std::to_string(rule.seen + 1)}) >= match.share) {
      ++rule.seen;
      return false;
    }
    return rule.fires() && whole(first);
  }
  const bool split = rule.act.answer && subject.tells && subject.tells(rule.act.answer->reason);
  for (const Hit& hit : candidates) {
    const TokenVerdict& verdict = subject.tokens[hit.token];
    if (!verdict.reason.empty() || settled_[hit.token]) continue;
    if (match.share < 1 && unit_of({"share", match.seed, verdict.token, ""}) >= match.share) continue;
    if (!rule.fires()) continue;
    if (!split) return whole(verdict.token);
    if (std::ranges::find(faults.on_connection, &rule.act) == faults.on_connection.end()) note(verdict.token);
    faults.tokens.push_back({hit.token, &*rule.act.answer});
    settled_[hit.token] = true;
  }
  return false;
}

Faults FaultScript::pick(const FaultSubject& subject) {
  Faults faults;
  find_named(subject.tokens);
  settled_.assign(subject.tokens.size(), false);
  everybody_.clear();
  for (std::uint32_t i = 0; i < subject.tokens.size(); ++i) everybody_.push_back({0, i});

  auto hit = hits_.cbegin();
  auto unnamed = unnamed_.cbegin();
  bool over = false;
  while (!over && (hit != hits_.cend() || unnamed != unnamed_.cend())) {
    if (hit == hits_.cend() || (unnamed != unnamed_.cend() && *unnamed < hit->rule)) {
      over = apply(rules_[*unnamed++], subject, everybody_, faults);
    } else {
      const auto first = hit;
      while (hit != hits_.cend() && hit->rule == first->rule) ++hit;
      over = apply(rules_[first->rule], subject, {first, hit}, faults);
    }
  }
  return faults;
}

}  // namespace nightpost::sandbox
