// What ops fill in for a certificate beside its secret: one table a vendor, read by `nightpost cert`, by inspect() and
// by the vendor's README.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost {

/// Checks one value; returns what is wrong with it, empty if nothing.
using SettingCheck = std::string (*)(std::string_view value);

struct SettingField {
  std::string_view name;  // "app_id"
  bool required = false;
  std::string_view meaning;  // one line for ops
  SettingCheck check = nullptr;
};

using Settings = std::map<std::string, std::string>;

/// Malformed, all mistakes in one sentence: unknown names (with the known ones), missing ones, bad values.
Result<void> check_settings(std::span<const SettingField> fields, const Settings& settings);

/// Empty: not set.
std::string_view setting(const Settings& settings, std::string_view name);

// Checks that several vendors share.
std::string check_digits(std::string_view value);      // 1–64 decimal digits
std::string check_plain(std::string_view value);       // 1–128 printable ASCII characters without blanks
std::string check_class_name(std::string_view value);  // "com.example.shop.MainActivity"

/// What a tap does, the settings "click" and "click_target".
struct Click {
  enum class Kind { App, Web, Page };
  Kind kind = Kind::App;
  std::string target;  // Web: an http(s) URL; Page: as the vendor wants it
};

/// Absent: opens the app. Malformed: no such action, a URL that is no http(s) URL, a page without target.
Result<Click> click_of(const Settings& settings);

}  // namespace nightpost
