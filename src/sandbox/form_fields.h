// application/x-www-form-urlencoded bodies, strictly (WHATWG URL §5.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace nightpost::sandbox {

/// The decoded fields in order, repeats kept. Owns the decoded text: what it hands out are views, good while it lives
/// (a move keeps them).
class FormFields {
 public:
  using Field = std::pair<std::string_view, std::string_view>;  // name, value

  /// '+' and "%20" are both a blank; a name without '=' has an empty value; empty pieces between '&' are skipped.
  /// Malformed, with the byte: '%' without two hex digits, a byte that must be escaped ('=', ';' or '#' in a value,
  /// blanks, controls, anything outside ASCII), an empty name, more than `fields_max` fields, or text that is not
  /// UTF-8.
  static Result<FormFields> parse(std::string_view body, std::size_t fields_max = 1024);

  FormFields() = default;
  FormFields(FormFields&&) noexcept = default;
  FormFields& operator=(FormFields&&) noexcept = default;

  /// The first of that name; nullopt: none.
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// As find(), but absent is empty.
  std::string_view value(std::string_view name) const noexcept { return find(name).value_or(std::string_view()); }
  std::size_t count(std::string_view name) const noexcept;
  const std::vector<Field>& all() const noexcept { return fields_; }

 private:
  std::vector<char> decoded_;  // never grows once fields_ points into it
  std::vector<Field> fields_;
};

}  // namespace nightpost::sandbox
