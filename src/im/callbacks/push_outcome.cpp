#include "im/callbacks/push_outcome.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/json_members.h"

namespace nightpost::im {
namespace {

using OutcomeJson = nlohmann::json;

constexpr std::array<std::pair<std::string_view, std::int32_t>, 8> kPushPlatforms = {
    {{"apns", 1}, {"xiaomi", 2}, {"huawei", 3}, {"fcm", 4}, {"meizu", 5}, {"oppo", 6}, {"vivo", 7}, {"honor", 8}}};
constexpr std::int64_t kOtherFailure = 1;  // where the vendor's code is no number above 0

enum class Told : std::uint8_t { Never, Always, IfSent };
struct OutcomeRule {
  std::string_view outcome;
  Told told;
  std::int32_t stage;
  bool good;
};
constexpr std::array kOutcomeRules = {
    OutcomeRule{"accepted", Told::Always, 1, true},    OutcomeRule{"token_removed", Told::Always, 1, false},
    OutcomeRule{"rejected", Told::Always, 1, false},   OutcomeRule{"dead", Told::Always, 1, false},
    OutcomeRule{"suppressed", Told::IfSent, 1, false}, OutcomeRule{"expired", Told::IfSent, 1, false},
    OutcomeRule{"retrying", Told::Never, 1, false},    OutcomeRule{"delivered", Told::Always, 2, true},
    OutcomeRule{"clicked", Told::Always, 3, true},
};

std::int64_t failure_code(std::string_view code) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), number);
  return error == std::errc{} && end == code.data() + code.size() && number > 0 ? number : kOtherFailure;
}

}  // namespace

std::optional<PushOutcome> push_outcome(std::string_view outcome) {
  const OutcomeJson parsed = OutcomeJson::parse(outcome, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const std::string kind = text_in(parsed, "outcome");
  const OutcomeRule* rule = nullptr;
  for (const OutcomeRule& each : kOutcomeRules)
    if (each.outcome == kind) rule = &each;
  if (rule == nullptr || rule->told == Told::Never) return std::nullopt;
  if (rule->told == Told::IfSent && number_in(parsed, "attempt") == 0) return std::nullopt;
  PushOutcome out{.app = AppId{number_in(parsed, "app_id")},
                  .event_id = text_in(parsed, "event_id"),
                  .user = text_in(parsed, "user_id"),
                  .device = text_in(parsed, "device_id"),
                  .stage = rule->stage,
                  .push_id = text_in(parsed, "push_id"),
                  .at = wall_from_ms(number_in(parsed, "at"))};
  if (out.event_id.empty() || out.app.value < 1) return std::nullopt;
  const std::string vendor = text_in(parsed, "vendor");
  for (const auto& [name, number] : kPushPlatforms)
    if (name == vendor) out.platform = number;
  if (rule->good) return out;
  const std::string code = text_in(parsed, "code"), reason = text_in(parsed, "reason");
  out.code = failure_code(code);
  out.info = code.empty() || reason.empty() ? code + reason : code + ": " + reason;
  return out;
}

}  // namespace nightpost::im
