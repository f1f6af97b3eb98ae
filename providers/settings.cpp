#include "providers/settings.h"

#include <algorithm>

namespace nightpost {
namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Scheme and host there, and nothing that could break out of where it will stand.
bool is_web_url(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view rest = text.substr(scheme.size());
    return !rest.empty() && (is_alpha(rest[0]) || is_digit(rest[0]) || rest[0] == '[') &&
           std::ranges::none_of(rest, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
  }
  return false;
}

}  // namespace

Result<void> check_settings(std::span<const SettingField> fields, const Settings& settings) {
  std::string wrong;
  const auto add = [&](std::string what) { wrong += (wrong.empty() ? "" : "; ") + std::move(what); };
  for (const auto& [name, value] : settings) {
    const auto field = std::ranges::find(fields, std::string_view(name), &SettingField::name);
    if (field == fields.end()) {
      std::string known;
      for (const SettingField& each : fields) known += (known.empty() ? "" : ", ") + std::string(each.name);
      add(name + ": no such setting; known: " + known);
    } else if (field->check != nullptr) {
      if (std::string fault = field->check(value); !fault.empty()) add(name + ": " + std::move(fault));
    }
  }
  for (const SettingField& field : fields)
    if (field.required && setting(settings, field.name).empty())
      add(std::string(field.name) + ": missing (" + std::string(field.meaning) + ")");
  if (const Result<Click> click = click_of(settings); !click) add(click.error().detail);
  if (wrong.empty()) return {};
  return fail(Errc::Malformed, std::move(wrong));
}

std::string_view setting(const Settings& settings, std::string_view name) {
  const auto found = settings.find(std::string(name));
  return found == settings.end() ? std::string_view() : std::string_view(found->second);
}

std::string check_digits(std::string_view value) {
  return !value.empty() && value.size() <= 64 && std::ranges::all_of(value, is_digit) ? "" : "expected 1 to 64 digits";
}

std::string check_plain(std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f; });
  return plain && !value.empty() && value.size() <= 128 ? ""
                                                        : "expected 1 to 128 printable ASCII characters, no blanks";
}

std::string check_class_name(std::string_view value) {
  constexpr std::string_view kExpected = "expected a full class name like com.example.shop.MainActivity";
  bool start = true;
  std::size_t parts = 0;
  for (const char c : value) {
    if (c == '.' && !start) {
      start = true;
    } else if (is_alpha(c) || c == '_' || c == '$' || (!start && is_digit(c))) {
      parts += start ? 1 : 0;
      start = false;
    } else {
      return std::string(kExpected);
    }
  }
  return start || parts < 2 || value.size() > 255 ? std::string(kExpected) : "";
}

Result<Click> click_of(const Settings& settings) {
  const std::string_view kind = setting(settings, "click");
  const std::string_view target = setting(settings, "click_target");
  if (kind.empty() || kind == "app") {
    if (!target.empty()) return fail(Errc::Malformed, "click_target: only with click=web or click=page");
    return Click{};
  }
  if (kind == "web") {
    if (!is_web_url(target))
      return fail(Errc::Malformed, "click_target: expected a URL that starts with https:// or http://");
    return Click{Click::Kind::Web, std::string(target)};
  }
  if (kind == "page") {
    if (target.empty()) return fail(Errc::Malformed, "click_target: missing; click=page needs the page to open");
    return Click{Click::Kind::Page, std::string(target)};
  }
  return fail(Errc::Malformed, "click: none of app, web, page");
}

}  // namespace nightpost
