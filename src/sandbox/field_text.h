// Measuring and reading field values the way the vendors' rules are worded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::sandbox {

/// Vendors write "every character counts one" and are Java: UTF-16 code units. REQUIRED: valid UTF-8.
std::size_t utf16_units(std::string_view utf8) noexcept;
/// Nothing but ASCII blanks and controls, or U+3000.
bool is_blank(std::string_view utf8) noexcept;
/// The whole text is one decimal integer, without '+' or blanks.
std::optional<std::int64_t> whole_number(std::string_view text) noexcept;
/// "http://…" or "https://…" with something behind it.
bool is_web_url(std::string_view text) noexcept;
/// "intent:…#Intent;…;end", as Android's Intent.toUri writes it.
bool is_intent_uri(std::string_view text) noexcept;
/// The pieces between separators; one empty piece for an empty text.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

/// 32 and 64 lower-case hex digits.
std::string md5_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);

}  // namespace nightpost::sandbox
