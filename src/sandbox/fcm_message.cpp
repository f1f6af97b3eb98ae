#include "sandbox/fcm_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "core/text.h"
#include "sandbox/json_shape.h"

namespace nightpost::sandbox::fcm {
namespace {

using simdjson::dom::element;

constexpr Spelling kProto = Spelling::Proto;
constexpr std::int64_t kTtlSecondsMax = 2'419'200;  // 4 weeks
constexpr std::size_t kTokenBytesMax = 4096;
constexpr std::size_t kBytesMax = 4096;  // keys and values of a message to one device
constexpr std::size_t kTopicBytesMax = 2048;
constexpr std::size_t kLabelLettersMax = 50;
constexpr std::int64_t kInt32Least = -2'147'483'648, kInt32Most = 2'147'483'647;

constexpr std::string_view kPriority[] = {"NORMAL", "HIGH"};
constexpr std::string_view kNotificationPriority[] = {"PRIORITY_UNSPECIFIED", "PRIORITY_MIN",  "PRIORITY_LOW",
                                                      "PRIORITY_DEFAULT",     "PRIORITY_HIGH", "PRIORITY_MAX"};
constexpr std::string_view kVisibility[] = {"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"};
constexpr std::string_view kProxy[] = {"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"};

constexpr Member kOptionsMembers[] = {{"analytics_label", Is::Text}};
constexpr Shape kOptions{kOptionsMembers};
constexpr Member kColorMembers[] = {
    {"alpha", Is::Number, 0, 1}, {"blue", Is::Number, 0, 1}, {"green", Is::Number, 0, 1}, {"red", Is::Number, 0, 1}};
constexpr Shape kColor{kColorMembers};
constexpr Member kLightMembers[] = {{.name = "color", .is = Is::Object, .inside = &kColor},
                                    {"light_off_duration", Is::Duration},
                                    {"light_on_duration", Is::Duration}};
constexpr Shape kLight{kLightMembers};
constexpr Member kAndroidNotificationMembers[] = {
    {"body", Is::Text},
    {"body_loc_args", Is::Texts},
    {"body_loc_key", Is::Text},
    {"bypass_proxy_notification", Is::Flag},
    {"channel_id", Is::Text},
    {"click_action", Is::Text},
    {"color", Is::Color},
    {"default_light_settings", Is::Flag},
    {"default_sound", Is::Flag},
    {"default_vibrate_timings", Is::Flag},
    {"event_time", Is::Timestamp},
    {"icon", Is::Text},
    {"image", Is::SecureUrl},
    {.name = "light_settings", .is = Is::Object, .inside = &kLight},
    {"local_only", Is::Flag},
    {"notification_count", Is::Integer, kInt32Least, kInt32Most},
    {.name = "notification_priority", .is = Is::Word, .words = kNotificationPriority},
    {.name = "proxy", .is = Is::Word, .words = kProxy},
    {"sound", Is::Text},
    {"sticky", Is::Flag},
    {"tag", Is::Text},
    {"ticker", Is::Text},
    {"title", Is::Text},
    {"title_loc_args", Is::Texts},
    {"title_loc_key", Is::Text},
    {"vibrate_timings", Is::Durations},
    {.name = "visibility", .is = Is::Word, .words = kVisibility},
};
constexpr Shape kAndroidNotification{kAndroidNotificationMembers};
constexpr Member kAndroidMembers[] = {
    {"bandwidth_constrained_ok", Is::Flag},
    {"collapse_key", Is::Text},
    {"data", Is::TextMap},
    {"direct_boot_ok", Is::Flag},
    {.name = "fcm_options", .is = Is::Object, .inside = &kOptions},
    {.name = "notification", .is = Is::Object, .inside = &kAndroidNotification},
    {.name = "priority", .is = Is::Word, .words = kPriority},
    {"restricted_package_name", Is::Text},
    {"restricted_satellite_ok", Is::Flag},
    {"ttl", Is::Duration, 0, kTtlSecondsMax},
};
constexpr Shape kAndroid{kAndroidMembers};
constexpr Member kApnsOptionsMembers[] = {{"analytics_label", Is::Text}, {"image", Is::SecureUrl}};
constexpr Shape kApnsOptions{kApnsOptionsMembers};
constexpr Member kApnsMembers[] = {{.name = "fcm_options", .is = Is::Object, .inside = &kApnsOptions},
                                   {"headers", Is::TextMap},
                                   {"live_activity_token", Is::Text},
                                   {"payload", Is::FreeObject}};
constexpr Shape kApns{kApnsMembers};
constexpr Member kWebOptionsMembers[] = {{"analytics_label", Is::Text}, {"link", Is::SecureUrl}};
constexpr Shape kWebOptions{kWebOptionsMembers};
constexpr Member kWebMembers[] = {{"data", Is::TextMap},
                                  {.name = "fcm_options", .is = Is::Object, .inside = &kWebOptions},
                                  {"headers", Is::TextMap},
                                  {"notification", Is::FreeObject}};
constexpr Shape kWeb{kWebMembers};
constexpr Member kNotificationMembers[] = {{"body", Is::Text}, {"image", Is::SecureUrl}, {"title", Is::Text}};
constexpr Shape kNotification{kNotificationMembers};
constexpr Member kMessageMembers[] = {
    {.name = "android", .is = Is::Object, .inside = &kAndroid},
    {.name = "apns", .is = Is::Object, .inside = &kApns},
    {"condition", Is::Text},
    {"data", Is::TextMap},
    {.name = "fcm_options", .is = Is::Object, .inside = &kOptions},
    {"fid", Is::Text},
    {"name", Is::Text},
    {.name = "notification", .is = Is::Object, .inside = &kNotification},
    {"token", Is::Text},
    {"topic", Is::Text},
    {.name = "webpush", .is = Is::Object, .inside = &kWeb},
};
constexpr Shape kMessage{kMessageMembers};
constexpr Member kBodyMembers[] = {{.name = "message", .is = Is::Object, .inside = &kMessage},
                                   {"validate_only", Is::Flag}};
constexpr Shape kBody{kBodyMembers};

consteval bool sorted(std::initializer_list<const Shape*> shapes) {
  for (const Shape* shape : shapes)
    if (!std::ranges::is_sorted(shape->members, {}, &Member::name) || shape->members.size() > 64) return false;
  return true;
}
static_assert(sorted({&kOptions, &kColor, &kLight, &kAndroidNotification, &kAndroid, &kApnsOptions, &kApns,
                      &kWebOptions, &kWeb, &kNotification, &kMessage, &kBody}));

Refusal from_shape(const ShapeFault& fault) {
  if (fault.kind == ShapeFault::Kind::Unknown) {
    std::string words = "Invalid JSON payload received. Unknown name \"" + fault.name + '"';
    if (!fault.path.empty()) words += " at '" + fault.path + '\'';
    words += ": Cannot find field.";
    return {.reason = "BAD_FIELD", .message = words, .field = fault.path.empty() ? fault.name : fault.path};
  }
  return {.reason = "BAD_FIELD",
          .message = "Invalid value at '" + fault.path + '\'',
          .field = fault.path,
          .description = std::string(fault.what)};
}

/// What FCM says of a field whose type is right.
Refusal bad_value(std::string_view field, std::string message) {
  return {.reason = "INVALID_ARGUMENT", .message = std::move(message), .field = std::string(field)};
}

bool all_of(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text,
                             [&](unsigned char c) { return std::isalnum(c) || also.contains(static_cast<char>(c)); });
}

bool is_reserved(std::string_view key) {
  return key == "from" || key == "message_type" || key.starts_with("google.") || key.starts_with("gcm.notification.");
}

/// Keys and values that are text, all the way down.
std::size_t bytes_of(const element& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return text.size();
  std::size_t size = 0;
  simdjson::dom::object members;
  simdjson::dom::array items;
  if (value.get(members) == simdjson::SUCCESS) {
    for (const auto& [key, inner] : members) size += key.size() + bytes_of(inner);
  } else if (value.get(items) == simdjson::SUCCESS) {
    for (const element& inner : items) size += bytes_of(inner);
  } else {
    size = simdjson::minify(value).size();
  }
  return size;
}

class Reader {
 public:
  explicit Reader(const element& message) : message_(message) {}

  std::optional<Refusal> judge(Message& out) {
    if (auto refusal = target(out)) return refusal;
    if (auto refusal = label(message_, "message.fcm_options")) return refusal;
    element android, apns, webpush;
    const bool has_android = member_of(message_, "android", kProto).get(android) == simdjson::SUCCESS;
    const bool has_apns = member_of(message_, "apns", kProto).get(apns) == simdjson::SUCCESS;
    const bool has_web = member_of(message_, "webpush", kProto).get(webpush) == simdjson::SUCCESS;
    if (auto refusal = data(message_, "message.data")) return refusal;
    if (has_android)
      if (auto refusal = judge_android(android)) return refusal;
    if (has_apns) {
      if (auto refusal = label(apns, "message.apns.fcm_options")) return refusal;
      if (!text_of(apns, "live_activity_token", kProto).empty() && text_of(message_, "token", kProto).empty())
        return bad_value("message.apns.live_activity_token", "live_activity_token needs message.token");
      element payload;
      if (member_of(apns, "payload", kProto).get(payload) == simdjson::SUCCESS &&
          simdjson::minify(payload).size() > kBytesMax)
        return bad_value("", "APNs payload is too big");
    }
    if (has_web) {
      if (auto refusal = label(webpush, "message.webpush.fcm_options")) return refusal;
      if (auto refusal = data(webpush, "message.webpush.data")) return refusal;
    }
    if (size(has_android ? &android : nullptr) > (out.target.empty() ? kTopicBytesMax : kBytesMax))
      return bad_value("", "Android message is too big");
    return std::nullopt;
  }

 private:
  std::optional<Refusal> target(Message& out) {
    int given = 0;
    for (const std::string_view name : {"token", "fid", "topic", "condition"}) {
      element value;
      if (member_of(message_, name, kProto).get(value) != simdjson::SUCCESS) continue;
      const std::string_view text = value.get_string().value_unsafe();
      if (++given > 1)
        return Refusal{
            .reason = "BAD_FIELD",
            .message = "Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '" +
                       std::string(name) + '\'',
            .field = "message"};
      const std::string field = "message." + std::string(name);
      if (name == "token" || name == "fid") {
        out.target = text;
        out.is_fid = name == "fid";
        if (text.empty()) return bad_value("", "Recipient of the message is not set.");
        if (!is_token_form(text))
          return bad_value(field, "The registration token is not a valid FCM registration token");
      } else if (name == "topic" ? text.empty() || !all_of(text, "-_.~%") : !condition_form(text)) {
        return Refusal{.reason = "INVALID_ARGUMENT", .message = "Invalid " + std::string(name) + " name provided"};
      }
    }
    if (given == 0) return bad_value("", "Recipient of the message is not set.");
    return std::nullopt;
  }

  static bool condition_form(std::string_view text) {
    return text.contains(" in topics") && std::ranges::count(text, '(') == std::ranges::count(text, ')');
  }

  static std::optional<Refusal> label(const element& in, std::string_view path) {
    element options;
    if (member_of(in, "fcm_options", kProto).get(options) != simdjson::SUCCESS) return std::nullopt;
    const std::string_view text = text_of(options, "analytics_label", kProto);
    if (text.size() <= kLabelLettersMax && all_of(text, "-_.~%")) return std::nullopt;
    return bad_value(std::string(path) + ".analytics_label", "Invalid analytics label");
  }

  static std::optional<Refusal> data(const element& in, std::string_view path) {
    simdjson::dom::object pairs;
    if (member_of(in, "data", kProto).get(pairs) != simdjson::SUCCESS) return std::nullopt;
    for (const auto& [key, value] : pairs)
      if (is_reserved(key)) return bad_value(path, "Invalid data payload key: " + std::string(key));
    return std::nullopt;
  }

  static std::optional<Refusal> judge_android(const element& android) {
    if (auto refusal = label(android, "message.android.fcm_options")) return refusal;
    if (auto refusal = data(android, "message.android.data")) return refusal;
    element shown;
    if (member_of(android, "notification", kProto).get(shown) != simdjson::SUCCESS) return std::nullopt;
    for (const std::string part : {"title", "body"}) {
      element args;
      if (member_of(shown, part + "_loc_args", kProto).get(args) == simdjson::SUCCESS &&
          text_of(shown, part + "_loc_key", kProto).empty())
        return bad_value("message.android.notification." + part + "_loc_args", part + "_loc_args without a key");
    }
    return std::nullopt;
  }

  /// What reaches an Android device: the platform's part stands in for the common one.
  std::size_t size(const element* android) const {
    element own, common, part;
    std::size_t total = 0;
    if (android && member_of(*android, "data", kProto).get(own) == simdjson::SUCCESS) {
      total += bytes_of(own);
    } else if (member_of(message_, "data", kProto).get(common) == simdjson::SUCCESS) {
      total += bytes_of(common);
    }
    const bool has_own = android && member_of(*android, "notification", kProto).get(own) == simdjson::SUCCESS;
    if (has_own) total += bytes_of(own);
    if (member_of(message_, "notification", kProto).get(common) == simdjson::SUCCESS) {
      for (const std::string_view name : {"title", "body", "image"}) {
        const bool replaced = has_own && member_of(own, name, kProto).get(part) == simdjson::SUCCESS;
        if (!replaced && member_of(common, name, kProto).get(part) == simdjson::SUCCESS)
          total += name.size() + bytes_of(part);
      }
    }
    return total;
  }

  element message_;
};

}  // namespace

bool is_token_form(std::string_view token) noexcept {
  constexpr std::size_t kFidBytes = 22;  // 17 bytes in base64url
  if (token.size() > kTokenBytesMax || !all_of(token, ":_-")) return false;
  if (!token.contains(':')) return token.size() == kFidBytes || token.starts_with("APA91b");
  return token.find(":APA91b") > 0 && token.contains(":APA91b");
}

std::string shown_by(const element& message, bool iphone) {
  element common, own, aps, alert;
  const bool has_common = member_of(message, "notification", kProto).get(common) == simdjson::SUCCESS;
  bool has_own = false;
  if (iphone) {
    element apns, payload;
    has_own = member_of(message, "apns", kProto).get(apns) == simdjson::SUCCESS &&
              member_of(apns, "payload", kProto).get(payload) == simdjson::SUCCESS &&
              payload["aps"].get(aps) == simdjson::SUCCESS;
  } else {
    element android;
    has_own = member_of(message, "android", kProto).get(android) == simdjson::SUCCESS &&
              member_of(android, "notification", kProto).get(own) == simdjson::SUCCESS;
  }
  const bool has_alert = iphone && has_own && aps["alert"].get(alert) == simdjson::SUCCESS;
  std::string out = "{";
  for (const std::string_view name : {"title", "subtitle", "body"}) {
    std::string_view text;
    if (has_alert && alert.is_string()) {
      if (name == "body") text = alert.get_string().value_unsafe();
    } else if (has_alert) {
      text = text_of(alert, name);
    } else if (!iphone && has_own) {
      text = text_of(own, name, kProto);
    }
    if (text.empty() && has_common && !has_alert) text = text_of(common, name, kProto);
    if (!text.empty()) append_json_member(out, name, text);
  }
  std::string_view sound;
  std::int64_t badge = 0;
  if (iphone && has_own) {
    if (aps["sound"].get(sound) == simdjson::SUCCESS) append_json_member(out, "sound", sound);
    if (aps["badge"].get(badge) == simdjson::SUCCESS) append_json_member(out, "badge", badge);
  } else if (has_own) {
    if (sound = text_of(own, "sound", kProto); !sound.empty()) append_json_member(out, "sound", sound);
    if (member_of(own, "notification_count", kProto).get(badge) == simdjson::SUCCESS)
      append_json_member(out, "badge", badge);
  }
  return out == "{" ? "null" : out + '}';
}

Message read_message(std::string_view body, simdjson::dom::parser& parser) {
  Message out;
  element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) {
    out.refusal = Refusal{.reason = "BAD_FIELD", .message = "Invalid JSON payload received. Unexpected token."};
    return out;
  }
  if (const auto fault = fault_of(root, kBody, kProto)) {
    out.refusal = from_shape(*fault);
    return out;
  }
  bool validate_only = false;
  if (member_of(root, "validate_only", kProto).get(validate_only) == simdjson::SUCCESS)
    out.validate_only = validate_only;
  element message;
  if (member_of(root, "message", kProto).get(message) != simdjson::SUCCESS) {
    out.refusal = Refusal{.reason = "INVALID_ARGUMENT", .message = "Recipient of the message is not set."};
    return out;
  }
  out.message = message;
  out.refusal = Reader(message).judge(out);
  return out;
}

}  // namespace nightpost::sandbox::fcm
