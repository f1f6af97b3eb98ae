#include "sandbox/xiaomi_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "sandbox/field_text.h"

namespace nightpost::sandbox::xiaomi {
namespace {

using Field = FormFields::Field;
using nlohmann::json;

constexpr std::size_t kTitleUnits = 49;         // "shorter than 50"
constexpr std::size_t kDescriptionUnits = 127;  // "shorter than 128"
constexpr std::size_t kPayloadUnits = 4095;     // "below 4 KB"
constexpr std::size_t kExtrasMax = 10;
constexpr std::size_t kExtraUnits = 1024;   // of a key, and of a value
constexpr std::size_t kExtrasUnits = 2047;  // "below 2048", of all together
constexpr std::size_t kCallbackBytes = 128;
constexpr std::size_t kCallbackParamBytes = 256;
constexpr std::size_t kJobKeyBytes = 20;
constexpr std::size_t kVariablesMax = 9;
constexpr std::size_t kVariableUnits = 128;
constexpr std::int64_t kCallbackTypes = 1 + 2 + 16 + 32 + 64 + 128 + 1024;
constexpr std::int64_t kNotifyIdMost = 2'147'483'647;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kLiveMsPublic = kDayMs;
constexpr std::int64_t kLiveMsPrivate = 10 * kDayMs;
constexpr std::int64_t kSendAheadMs = 7 * kDayMs;

constexpr std::string_view kExtra = "extra.";
constexpr std::array<std::string_view, 10> kNames = {
    "collapse_key", "description",  "notify_id", "notify_type", "pass_through", "payload", "restricted_package_name",
    "time_to_live", "time_to_send", "title"};
static_assert(std::ranges::is_sorted(kNames));
enum Name : std::uint8_t {
  CollapseKey,
  Description,
  NotifyId,
  NotifyType,
  PassThrough,
  Payload,
  Package,
  TimeToLive,
  TimeToSend,
  Title
};

Refusal refuse(int code, std::string_view name, std::string_view what) {
  return {code, std::string(name) + ": " + std::string(what)};
}

struct Message {
  std::array<std::optional<std::string_view>, kNames.size()> values;
  std::vector<std::string_view> packages;
  std::vector<Field> extras;  // names without "extra."

  std::optional<std::string_view> extra(std::string_view name) const {
    const auto found = std::ranges::find(extras, name, &Field::first);
    return found == extras.end() ? std::nullopt : std::optional(found->second);
  }
};

/// What Xiaomi does not know it ignores, and then nobody learns why a channel has no effect: here it is refused.
Refusal sort_fields(std::span<const Field> fields, Message& message) {
  for (const auto& [name, value] : fields) {
    if (name.starts_with(kExtra)) {
      const std::string_view key = name.substr(kExtra.size());
      if (message.extra(key)) return refuse(kIllegal, name, "twice");
      if (message.extras.size() == kExtrasMax) return refuse(kTooManyExtras, "extra", "more than 10 pairs");
      message.extras.emplace_back(key, value);
      continue;
    }
    const auto known = std::ranges::lower_bound(kNames, name);
    if (known == kNames.end() || *known != name) return refuse(kIllegal, name, "not a field of this call");
    const auto index = static_cast<std::size_t>(known - kNames.begin());
    if (index == Package) {
      for (const std::string_view package : split(value, ",")) message.packages.push_back(package);
    } else if (message.values[index]) {
      return refuse(kIllegal, name, "twice");
    }
    message.values[index] = value;
  }
  return {};
}

bool is_package(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_'; });
}

Refusal judge_packages(const Message& message, const Context& context) {
  constexpr std::string_view kName = kNames[Package];
  if (message.packages.empty()) return refuse(kMissing, kName, "missing");
  if (message.packages.size() > 1 && !context.many_packages) return refuse(kIllegal, kName, "v2 takes one");
  if (!std::ranges::all_of(message.packages, is_package)) return refuse(kIllegal, kName, "not a package name");
  if (context.app && !context.app->package.empty() &&
      std::ranges::find(message.packages, context.app->package) == message.packages.end())
    return refuse(kWrongPackage, kName, "not this app's");
  return {};
}

Refusal judge_text(const Message& message, Name name, std::size_t units_max) {
  const auto& value = message.values[name];
  if (!value) return refuse(kMissing, kNames[name], "missing");
  if (is_blank(*value)) return refuse(kIllegal, kNames[name], "blank");
  if (utf16_units(*value) > units_max)
    return refuse(kContentTooLong, kNames[name], "more than " + std::to_string(units_max) + " characters");
  return {};
}

Refusal judge_number(const Message& message, Name name, std::int64_t least, std::int64_t most, int code = kIllegal) {
  const auto& value = message.values[name];
  if (!value) return {};
  const auto number = whole_number(*value);
  if (number && *number >= least && *number <= most) return {};
  return refuse(code, kNames[name], "not an integer in [" + std::to_string(least) + ", " + std::to_string(most) + "]");
}

Refusal judge_content(const Message& message, const Context& context) {
  if (auto refusal = judge_number(message, PassThrough, 0, 1)) return refusal;
  const bool silent = message.values[PassThrough] == "1";
  if (silent && !context.accept_any) return refuse(kNoPermission, kNames[PassThrough], "closed to apps since 2022-09");
  if (!silent) {
    if (auto refusal = judge_text(message, Title, kTitleUnits)) return refusal;
    if (auto refusal = judge_text(message, Description, kDescriptionUnits)) return refusal;
  }
  if (silent || message.values[Payload])
    if (auto refusal = judge_text(message, Payload, kPayloadUnits)) return refusal;
  return {};
}

Refusal judge_numbers(const Message& message, const Context& context) {
  const auto channel = message.extra("channel_id");
  bool is_public = !channel;
  if (channel && context.app)
    if (const auto known = context.app->channels.find(*channel); known != context.app->channels.end())
      is_public = known->second;
  if (auto refusal = judge_number(message, NotifyType, -1, 7)) return refusal;
  if (auto refusal = judge_number(message, NotifyId, 0, kNotifyIdMost, kBadNotifyId)) return refusal;
  if (auto refusal = judge_number(message, TimeToLive, 0, is_public ? kLiveMsPublic : kLiveMsPrivate)) return refusal;
  return judge_number(message, TimeToSend, 0, to_ms(context.now) + kSendAheadMs);
}

/// Emoji and the symbols around them: as near to \p{So} as ranges come.
bool has_symbol(std::string_view utf8) {
  for (std::size_t at = 0; at + 2 < utf8.size(); ++at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[at + i]); };
    if (byte(0) == 0xf0 && byte(1) == 0x9f) return true;                     // U+1F000…
    if (byte(0) == 0xe2 && byte(1) >= 0x98 && byte(1) <= 0x9e) return true;  // U+2600…U+27BF
  }
  return false;
}

Refusal judge_template(const Message& message) {
  const auto text = message.extra("template_param");
  if (!text) return {};
  constexpr std::string_view kName = "extra.template_param";
  if (!message.extra("template_id")) return refuse(kMissing, "extra.template_id", "missing");
  const json variables = json::parse(*text, nullptr, false);
  if (!variables.is_object()) return refuse(kIllegal, kName, "not a JSON object");
  if (variables.size() > kVariablesMax) return refuse(kIllegal, kName, "more than 9 variables");
  for (const json& variable : variables) {
    if (!variable.is_string()) return refuse(kIllegal, kName, "a variable is not a string");
    const auto& value = variable.get_ref<const std::string&>();
    if (is_blank(value) || utf16_units(value) > kVariableUnits || has_symbol(value))
      return refuse(kIllegal, kName, "a variable is blank, longer than 128 or has symbols");
  }
  return {};
}

Refusal judge_click(const Message& message) {
  const auto effect = message.extra("notify_effect");
  if (!effect || effect == "1") return {};
  if (effect == "2") {
    const std::string_view intent = message.extra("intent_uri").value_or("");
    if (is_blank(intent)) return refuse(kMissing, "extra.intent_uri", "missing");
    if (!is_intent_uri(intent)) return refuse(kIllegal, "extra.intent_uri", "not intent:…#Intent;…;end");
  } else if (effect == "3") {
    const auto page = message.extra("web_uri");
    if (!page) return refuse(kMissing, "extra.web_uri", "missing");
    if (!is_web_url(*page)) return refuse(kIllegal, "extra.web_uri", "not http or https");
  } else {
    return refuse(kIllegal, "extra.notify_effect", "not 1, 2 or 3");
  }
  return {};
}

Refusal judge_callback(const Message& message) {
  if (const auto url = message.extra("callback")) {
    if (url->size() > kCallbackBytes) return refuse(kCallbackTooLong, "extra.callback", "more than 128 bytes");
    if (!is_web_url(*url)) return refuse(kBadCallback, "extra.callback", "not http or https");
  }
  if (const auto param = message.extra("callback.param"); param && param->size() > kCallbackParamBytes)
    return refuse(kBadCallbackParam, "extra.callback.param", "more than 256 bytes");
  if (const auto type = message.extra("callback.type")) {
    // A bit counted twice makes another sum, which switches off what was wanted.
    const auto bits = whole_number(*type);
    if (!bits || *bits <= 0 || (*bits & ~kCallbackTypes) != 0)
      return refuse(kIllegal, "extra.callback.type", "not a sum of distinct 1, 2, 16, 32, 64, 128, 1024");
  }
  return {};
}

Refusal judge_extras(const Message& message, const Context& context) {
  std::size_t units = 0;
  for (const auto& [key, value] : message.extras) {
    const std::size_t of_key = utf16_units(key);
    const std::size_t of_value = utf16_units(value);
    if (of_key > kExtraUnits || of_value > kExtraUnits) return refuse(kExtrasTooLong, "extra", "one longer than 1024");
    units += of_key + of_value;
  }
  if (units > kExtrasUnits) return refuse(kExtrasTooLong, "extra", "all together not below 2048");

  if (const auto channel = message.extra("channel_id"))
    if (!context.accept_any && !(context.app && context.app->channels.contains(*channel)))
      return refuse(kWrongChannel, "extra.channel_id", "not a channel of this app");
  for (const std::string_view flag : {"notify_foreground", "only_send_once"})
    if (const auto value = message.extra(flag); value && value != "0" && value != "1")
      return refuse(kIllegal, "extra." + std::string(flag), "not 0 or 1");
  if (const auto rate = message.extra("flow_control"); rate && whole_number(*rate).value_or(0) <= 0)
    return refuse(kIllegal, "extra.flow_control", "not a positive integer");
  if (const auto job = message.extra("jobkey")) {
    const auto taken = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
    if (job->empty() || job->size() > kJobKeyBytes || job->front() == '_' || !std::ranges::all_of(*job, taken))
      return refuse(kIllegal, "extra.jobkey", "not 1-20 of letters, digits, _ and -, or begins with _");
  }
  if (auto refusal = judge_click(message)) return refusal;
  if (auto refusal = judge_template(message)) return refusal;
  return judge_callback(message);
}

}  // namespace

Refusal judge_message(std::span<const Field> fields, const Context& context) {
  Message message;
  if (auto refusal = sort_fields(fields, message)) return refusal;
  if (auto refusal = judge_packages(message, context)) return refusal;
  if (auto refusal = judge_content(message, context)) return refusal;
  if (auto refusal = judge_numbers(message, context)) return refusal;
  return judge_extras(message, context);
}

}  // namespace nightpost::sandbox::xiaomi
