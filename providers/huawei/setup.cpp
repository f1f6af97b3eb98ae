#include "providers/huawei/setup.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace nightpost::huawei {
namespace {

// §3.3. Without PLAY_VOICE, which no notification may have.
constexpr std::array<std::string_view, 12> kCategories = {
    "IM",      "VOIP",    "SUBSCRIPTION", "TRAVEL",          "HEALTH", "WORK",
    "ACCOUNT", "EXPRESS", "FINANCE",      "DEVICE_REMINDER", "MAIL",   "MARKETING"};
constexpr std::string_view kCategoryOfV3 = "MISS_CALL";
constexpr std::string_view kChat = "IM";  // v3 wants a class, and what Nightpost carries are chat messages

/// Whether v1 and v2 can open that page: an intent URI, or an action's name.
bool is_intent(std::string_view target) { return target.starts_with("intent:"); }

std::optional<Error> wrong_click(const Click& click, Api api) {
  if (click.kind == Click::Kind::Web && !click.target.starts_with("https://"))
    return Error{Errc::Malformed, "click_target: Huawei opens https:// pages only"};
  if (click.kind != Click::Kind::Page || !is_intent(click.target)) return std::nullopt;
  if (api == Api::V3)
    return Error{Errc::Malformed, "click_target: HarmonyOS knows no intents; give an ability's action or a URI"};
  if (click.target.find("#Intent;") == std::string::npos || !click.target.ends_with(";end"))
    return Error{Errc::Malformed, "click_target: an intent has the form intent://host/path#Intent;scheme=…;end"};
  return std::nullopt;
}

}  // namespace

std::string Setup::path() const {
  if (api == Api::V1) return "/v1/" + app_id + "/messages:send";
  return (api == Api::V2 ? "/v2/" : "/v3/") + project_id + "/messages:send";
}

std::optional<Api> api_from(std::string_view name) noexcept {
  if (name.empty() || name == "v1") return Api::V1;
  if (name == "v2") return Api::V2;
  if (name == "v3") return Api::V3;
  return std::nullopt;
}

bool is_category(std::string_view name, Api api) noexcept {
  return std::ranges::find(kCategories, name) != kCategories.end() || (api == Api::V3 && name == kCategoryOfV3);
}

Result<Setup> setup_of(const Certificate& certificate) {
  const auto set = [&](std::string_view name) { return std::string(setting(certificate.settings, name)); };
  const auto api = api_from(set("api"));
  if (!api) return fail(Errc::Malformed, "api: none of v1, v2, v3");
  Result<Click> click = click_of(certificate.settings);
  if (!click) return std::unexpected(std::move(click.error()));
  if (auto wrong = wrong_click(*click, *api)) return std::unexpected(*std::move(wrong));
  Setup setup{.api = *api,
              .app_id = set("app_id"),
              .project_id = set("project_id"),
              .category = set("category"),
              .call_category = set("call_category"),
              .channel_id = set("channel_id"),
              .badge_class = set("badge_class"),
              .receipt_id = set("receipt_id"),
              .click = *std::move(click)};
  if (setup.project_id.empty()) setup.project_id = setting(certificate.facts, "project_id");
  if (*api == Api::V1 && setup.app_id.empty())
    return fail(Errc::Malformed, "app_id: missing; api=v1 has it in its address");
  if (*api != Api::V1 && setup.project_id.empty())
    return fail(Errc::Malformed, "project_id: missing; api=v2 and api=v3 have it in their address");
  if (setup.category.empty() && *api == Api::V3) setup.category = kChat;
  if (!setup.category.empty() && !is_category(setup.category, *api))
    return fail(Errc::Malformed, "category: not one of Huawei's for this api");
  if (!setup.call_category.empty() && !is_category(setup.call_category, *api))
    return fail(Errc::Malformed, "call_category: not one of Huawei's for this api");
  if (const std::string key = set("collapse_key"); !key.empty())
    std::from_chars(key.data(), key.data() + key.size(), setup.collapse_key);
  return setup;
}

}  // namespace nightpost::huawei
