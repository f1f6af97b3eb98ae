// Bytes to text and back: base64, hex, JSON string escaping, UTF-8 repair, ends and case. Pure; throws only bad_alloc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nightpost {

std::string base64url(std::string_view bytes);  // RFC 4648 §5, no padding
std::string base64(std::string_view bytes);     // RFC 4648 §4, padded
/// Strict inverses: nullopt on any character outside the alphabet or a wrong length.
std::optional<std::string> from_base64url(std::string_view text);
std::optional<std::string> from_base64(std::string_view text);
std::string hex(std::string_view bytes);  // lower case

/// Appends `text` as the inside of a JSON string (RFC 8259 §7): only `"`, `\` and control characters are escaped,
/// everything else stays raw. REQUIRED: valid UTF-8 (see utf8_repaired).
void append_json_escaped(std::string& out, std::string_view text);
/// The same, written from `at` on; the end of it. REQUIRED: room for kJsonEscapedMax bytes a byte.
char* put_json_escaped(char* at, std::string_view text) noexcept;
inline constexpr std::size_t kJsonEscapedMax = 6;
/// `"key":"escaped"` with a comma before it unless `out` ends in '{' or '['.
void append_json_member(std::string& out, std::string_view key, std::string_view text);
void append_json_member(std::string& out, std::string_view key, std::int64_t number);

/// Appends `text` as a value of application/x-www-form-urlencoded: all but letters, digits, '-', '_', '.' and '*'
/// become %XX, a blank becomes '+' (WHATWG URL §5.2).
void append_form_escaped(std::string& out, std::string_view text);
/// `key=escaped` with '&' before it unless `out` is empty.
void append_form_field(std::string& out, std::string_view key, std::string_view text);

/// Without blanks and line breaks at its ends.
std::string_view trimmed(std::string_view text) noexcept;
/// A to Z as a to z, all else as it is.
std::string ascii_lower(std::string_view text);

bool has_control(std::string_view text) noexcept;  // U+0000 to U+001F, U+007F
bool is_valid_utf8(std::string_view text) noexcept;
/// Every maximal ill-formed subsequence becomes U+FFFD (Unicode 15 §3.9, the W3C practice).
std::string utf8_repaired(std::string_view text);

}  // namespace nightpost
