#include "im/domain/push_info.h"

#include <array>
#include <utility>

#include "im/domain/shape.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kShownTextMax = 4 * 1024;
constexpr std::size_t kIdMax = 255;
constexpr Field kTitle{.name = "title", .is = Is::Text, .most = kShownTextMax, .shown = true};
constexpr Field kDesc{.name = "desc", .is = Is::Text, .most = kShownTextMax, .shown = true};

constexpr Field channel(std::string_view vendor) { return {.name = vendor, .is = Is::Plain, .most = kIdMax}; }
constexpr std::array kChannels = {channel("fcm"),  channel("huawei"), channel("honor"), channel("xiaomi"),
                                  channel("oppo"), channel("vivo"),   channel("meizu")};
constexpr Shape kChannelShape{kChannels};
constexpr std::array kAndroid = {kTitle, kDesc, Field{.name = "channel", .is = Is::Object, .inside = &kChannelShape}};
constexpr Shape kAndroidShape{kAndroid};

constexpr std::array<std::string_view, 2> kBadges = {"count", "ignore"};
constexpr std::array<std::string_view, 4> kLevels = {"passive", "active", "time-sensitive", "critical"};
constexpr std::array kApns = {kTitle,
                              kDesc,
                              Field{.name = "sound", .is = Is::Plain, .most = kIdMax},
                              Field{.name = "badge", .is = Is::Word, .words = kBadges},
                              Field{.name = "mutable_content", .is = Is::Flag},
                              Field{.name = "category", .is = Is::Plain, .most = kIdMax},
                              Field{.name = "interruption_level", .is = Is::Word, .words = kLevels}};
constexpr Shape kApnsShape{kApns};

constexpr Field loc_args(std::string_view name) {
  return {.name = name, .is = Is::Texts, .most = 10, .item_most = kIdMax, .shown = true};
}
constexpr std::array kLoc = {Field{.name = "title_key", .is = Is::Plain, .most = kIdMax}, loc_args("title_args"),
                             Field{.name = "body_key", .is = Is::Plain, .most = kIdMax}, loc_args("body_args")};
constexpr Shape kLocShape{kLoc};

// The event's own (config/schemas/offline-event.schema.json).
constexpr std::array kPush = {Field{.name = "disabled", .is = Is::Flag},
                              kTitle,
                              kDesc,
                              Field{.name = "subtitle", .is = Is::Text, .most = kShownTextMax, .shown = true},
                              Field{.name = "image", .is = Is::HttpsUrl, .most = 512},
                              Field{.name = "ext", .is = Is::Text, .most = kShownTextMax},
                              Field{.name = "android", .is = Is::Object, .inside = &kAndroidShape},
                              Field{.name = "apns", .is = Is::Object, .inside = &kApnsShape},
                              Field{.name = "loc", .is = Is::Object, .inside = &kLocShape}};
constexpr Shape kPushShape{kPush};

constexpr std::string_view kDisabled = R"({"disabled":true)";  // the first field, written only if true

/// The name of arguments that have no text to stand in, of a canonical push; null: none. Within a string each quote
/// would have a backslash before it.
const char* args_without_key(std::string_view canonical) {
  const auto has = [&](std::string_view mark) { return canonical.find(mark) != std::string_view::npos; };
  if (has(R"("title_args":[")") && !has(R"("title_key":")")) return "title";
  if (has(R"("body_args":[")") && !has(R"("body_key":")")) return "body";
  return nullptr;
}

}  // namespace

Answer<CheckedPush> check_push(std::string_view json) {
  if (json.empty()) return CheckedPush{};
  Answer<std::string> canonical = reshaped(json, kPushShape, Nothing::Leave, "push", kPushBytesMax);
  if (!canonical) return std::unexpected(std::move(canonical.error()));
  if (*canonical == "{}") return CheckedPush{};
  if (const char* which = args_without_key(*canonical))
    return refuse(Code::Malformed, std::string("push.loc.") + which + "_args: without " + which + "_key");
  const bool disabled = canonical->starts_with(kDisabled);
  return CheckedPush{*std::move(canonical), disabled};
}

std::optional<std::string> reworded_push(std::string_view canonical, const Reword& reword) {
  if (canonical.empty()) return std::nullopt;
  Answer<std::string> other = reshaped(canonical, kPushShape, Nothing::Leave, "push", kPushBytesMax, &reword);
  if (!other || *other == canonical) return std::nullopt;
  return *std::move(other);
}

}  // namespace nightpost::im
