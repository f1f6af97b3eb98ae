// Vendors' JSON, read without trust: whatever is not there or of another type is simply absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost {

inline constexpr std::size_t kForeignWordBytesMax = 96;

/// Foreign words go into logs, outcomes and the console: short, printable ASCII, one line.
std::string printable(std::string_view word, std::size_t bytes_max = kForeignWordBytesMax);

/// " It said: …" of a vendor's own words, printable ASCII, for the end of a meaning: they often name the field. Empty
/// where nothing of them could be read, as of Chinese alone.
std::string vendor_words(std::string_view words);

/// `text` parsed; discarded() where it is no JSON.
nlohmann::json parsed(std::string_view text);

/// Null where `json` is no object or has no such member.
const nlohmann::json* member(const nlohmann::json& json, const char* name);
/// A string as it is, an integer as its digits; else empty.
std::string text_in(const nlohmann::json& json, const char* name);
/// An integer, or a string that is one; else nullopt.
std::optional<std::int64_t> integer_in(const nlohmann::json& json, const char* name);

}  // namespace nightpost
