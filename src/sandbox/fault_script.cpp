#include "sandbox/fault_script.h"

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
constexpr std::uint16_t kMaxConcurrentStreams = 0x3;  // RFC 9113 §6.5.2
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
  net::ServerAction::Goaway goaway{.code = static_cast<std::uint32_t>(parts.integer("code", 0, kCodeMax).value_or(0)),
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
    act.settings.emplace_back(kMaxConcurrentStreams, static_cast<std::uint32_t>(*streams));
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

std::optional<Fault> FaultScript::pick(const FaultSubject& subject) {
  for (Rule& rule : rules_) {
    const FaultMatch& match = rule.match;
    if (!match.vendor.empty() && match.vendor != subject.vendor) continue;
    if (!match.token.empty() && match.token != subject.token) continue;
    if (!subject.token.starts_with(match.token_prefix)) continue;
    if (!match.topic.empty() && match.topic != subject.topic) continue;
    const std::uint64_t number = rule.seen + 1;
    if (match.share < 1) {
      // Drawn per request, the draw has a number too; drawn per token, a repeat meets the same fate.
      const std::string draw = match.share_of_requests ? std::to_string(number) : std::string();
      if (unit_of({"share", match.seed, subject.token, draw}) >= match.share) {
        if (match.share_of_requests) ++rule.seen;
        continue;
      }
    }
    rule.seen = number;
    if (match.nth && number != *match.nth) continue;
    if (number <= match.after) continue;
    if (match.times && rule.acted >= *match.times) continue;
    ++rule.acted;
    const FaultAct& act = rule.act;
    const auto width = static_cast<double>((act.latency_most - act.latency_least).count() + 1);
    const double draw = width <= 1 ? 0 : unit_of({"latency", match.seed, subject.token, std::to_string(number)});
    return Fault{&act, act.latency_least + milliseconds(static_cast<std::int64_t>(draw * width))};
  }
  return std::nullopt;
}

}  // namespace nightpost::sandbox
