#include "sandbox/json_shape.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>

#include "sandbox/field_text.h"

namespace nightpost::sandbox {
namespace {

using simdjson::dom::element;

constexpr std::size_t kNameBytesMax = 64;

/// A member's name as the tables have it: "fcmOptions" → "fcm_options".
class TableName {
 public:
  TableName(std::string_view name, Spelling spelling) : name_(name) {
    if (spelling == Spelling::Exact || std::ranges::none_of(name, is_upper)) return;
    std::size_t size = 0;
    for (const char c : name) {
      if (size + 2 > buffer_.size()) return;
      if (is_upper(c)) buffer_[size++] = '_';
      buffer_[size++] = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    name_ = {buffer_.data(), size};
  }
  TableName(const TableName&) = delete;
  TableName& operator=(const TableName&) = delete;
  std::string_view text() const noexcept { return name_; }

 private:
  static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
  std::array<char, kNameBytesMax> buffer_{};
  std::string_view name_;
};

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool same_word(std::string_view a, std::string_view b, Spelling spelling) {
  if (spelling == Spelling::Exact) return a == b;
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

class Checker {
 public:
  explicit Checker(Spelling spelling) : spelling_(spelling) {}

  std::optional<ShapeFault> object(const element& value, const Shape& shape) const {
    if (!value.is_object()) return wrong_type("not an object");
    std::uint64_t seen = 0;
    for (const auto& [key, inner] : value.get_object().value_unsafe()) {
      const TableName name(key, spelling_);
      const auto member = std::ranges::lower_bound(shape.members, name.text(), {}, &Member::name);
      if (member == shape.members.end() || member->name != name.text())
        return ShapeFault{ShapeFault::Kind::Unknown, "", std::string(key), "no such member"};
      const std::uint64_t bit = 1ULL << (member - shape.members.begin());
      if (seen & bit) return inside(ShapeFault{ShapeFault::Kind::Repeated, "", "", "given twice"}, key);
      seen |= bit;
      if (spelling_ == Spelling::Proto && inner.is_null()) continue;
      if (auto fault = check(inner, *member)) return inside(std::move(*fault), key);
    }
    return std::nullopt;
  }

 private:
  static ShapeFault wrong_type(std::string_view what) { return {ShapeFault::Kind::Type, "", "", what}; }
  static ShapeFault wrong_value(std::string_view what) { return {ShapeFault::Kind::Value, "", "", what}; }
  static ShapeFault inside(ShapeFault fault, std::string_view key) {
    if (fault.path.empty() && fault.name.empty()) fault.name = key;
    const bool joined = fault.path.empty() || fault.path.front() == '[';
    fault.path = std::string(key) + (joined ? "" : ".") + fault.path;
    return fault;
  }
  static ShapeFault at(ShapeFault fault, std::size_t index) {
    const bool joined = fault.path.empty() || fault.path.front() == '[';
    fault.path = '[' + std::to_string(index) + ']' + (joined ? "" : ".") + fault.path;
    return fault;
  }
  static bool in_range(std::int64_t number, const Member& member) {
    return number >= member.least && number <= member.most;
  }

  std::optional<ShapeFault> check(const element& value, const Member& member) const {
    switch (member.is) {
      case Is::Integer:
        return integer(value, member);
      case Is::Number:
        return number(value, member);
      case Is::Flag:
        if (!value.is_bool()) return wrong_type("not true or false");
        return std::nullopt;
      case Is::Word:
        return word(value, member);
      case Is::Texts:
      case Is::Durations:
      case Is::Objects:
        return array(value, member);
      case Is::TextMap:
        return text_map(value);
      case Is::Object:
        return object(value, *member.inside);
      case Is::FreeObject:
        if (!value.is_object()) return wrong_type("not an object");
        return std::nullopt;
      case Is::Any:
        return std::nullopt;
      default:
        break;
    }
    if (!value.is_string()) return wrong_type("not a string");
    return text(value.get_string().value_unsafe(), member);
  }

  static std::optional<ShapeFault> text(std::string_view text, const Member& member) {
    switch (member.is) {
      case Is::Text:
        if (!in_range(static_cast<std::int64_t>(text.size()), member)) return wrong_value("too short or too long");
        break;
      case Is::Letters:
        if (!in_range(static_cast<std::int64_t>(code_points(text)), member))
          return wrong_value("too short or too long");
        break;
      case Is::Duration: {
        const auto seconds = duration_seconds(text);
        if (!seconds) return wrong_value("Illegal duration format");
        if (!in_range(*seconds, member)) return wrong_value("duration out of range");
        break;
      }
      case Is::Timestamp:
        if (!is_timestamp(text)) return wrong_value("not an RFC 3339 time");
        break;
      case Is::Color:
        if (!is_color(text)) return wrong_value("not a color of the form #rrggbb");
        break;
      case Is::WebUrl:
        if (!is_web_url(text)) return wrong_value("not a URL");
        break;
      case Is::SecureUrl:
        if (!text.starts_with("https://") || !is_web_url(text)) return wrong_value("not an https URL");
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  std::optional<ShapeFault> integer(const element& value, const Member& member) const {
    std::int64_t number = 0;
    std::string_view digits;
    if (spelling_ == Spelling::Proto && value.get(digits) == simdjson::SUCCESS) {
      const auto parsed = whole_number(digits);
      if (!parsed) return wrong_type("not an integer");
      number = *parsed;
    } else if (value.get(number) != simdjson::SUCCESS) {
      return wrong_type("not an integer");
    }
    if (!in_range(number, member)) return wrong_value("out of range");
    return std::nullopt;
  }

  static std::optional<ShapeFault> number(const element& value, const Member& member) {
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS) return wrong_type("not a number");
    if (number < static_cast<double>(member.least) || number > static_cast<double>(member.most))
      return wrong_value("out of range");
    return std::nullopt;
  }

  std::optional<ShapeFault> word(const element& value, const Member& member) const {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return wrong_type("not a string");
    if (std::ranges::none_of(member.words, [&](std::string_view word) { return same_word(word, text, spelling_); }))
      return wrong_value("not one of the values it may have");
    return std::nullopt;
  }

  std::optional<ShapeFault> array(const element& value, const Member& member) const {
    simdjson::dom::array items;
    if (value.get(items) != simdjson::SUCCESS) return wrong_type("not an array");
    std::size_t index = 0;
    for (const element& item : items) {
      std::optional<ShapeFault> fault;
      if (member.is == Is::Objects) {
        fault = object(item, *member.inside);
      } else if (!item.is_string()) {
        fault = wrong_type("not a string");
      } else if (member.is == Is::Durations && !duration_seconds(item.get_string().value_unsafe())) {
        fault = wrong_value("Illegal duration format");
      }
      if (fault) return at(std::move(*fault), index);
      ++index;
    }
    if (!in_range(static_cast<std::int64_t>(index), member)) return wrong_value("too few or too many");
    return std::nullopt;
  }

  static std::optional<ShapeFault> text_map(const element& value) {
    if (!value.is_object()) return wrong_type("not an object");
    std::size_t index = 0;
    for (const auto& [key, inner] : value.get_object().value_unsafe()) {
      if (!inner.is_string())
        return ShapeFault{ShapeFault::Kind::Type, '[' + std::to_string(index) + "].value", std::string(key),
                          "not a string"};
      ++index;
    }
    return std::nullopt;
  }

  Spelling spelling_;
};

}  // namespace

std::optional<ShapeFault> fault_of(const element& value, const Shape& shape, Spelling spelling) {
  return Checker(spelling).object(value, shape);
}

simdjson::simdjson_result<element> member_of(const element& object, std::string_view name, Spelling spelling) {
  simdjson::dom::object members;
  if (const auto error = object.get(members)) return error;
  for (const auto& [key, value] : members)
    if (TableName(key, spelling).text() == name && !value.is_null()) return element(value);
  return simdjson::NO_SUCH_FIELD;
}

std::string_view text_of(const element& object, std::string_view name, Spelling spelling) {
  std::string_view text;
  if (member_of(object, name, spelling).get(text) != simdjson::SUCCESS) return {};
  return text;
}

std::optional<std::int64_t> duration_seconds(std::string_view text) noexcept {
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t dot = text.find('.');
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c); });
  };
  const std::string_view whole = text.substr(0, dot);
  if (!digits(whole) || whole.size() > 12) return std::nullopt;
  if (dot != text.npos && (!digits(text.substr(dot + 1)) || text.size() - dot > 10)) return std::nullopt;
  return whole_number(whole);
}

bool is_timestamp(std::string_view text) noexcept {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'd' ? !std::isdigit(static_cast<unsigned char>(text[i])) : text[i] != kForm[i]) return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + digits, value);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return false;
  text.remove_prefix(kForm.size());
  if (text.front() == '.') {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (end < 2 || end > 10) return false;
    text.remove_prefix(end);
  }
  if (text == "Z") return true;
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' &&
         text.substr(1).find_first_not_of("0123456789:") == text.npos;
}

bool is_color(std::string_view text) noexcept {
  return text.size() == 7 && text[0] == '#' &&
         std::ranges::all_of(text.substr(1), [](unsigned char c) { return std::isxdigit(c); });
}

}  // namespace nightpost::sandbox
