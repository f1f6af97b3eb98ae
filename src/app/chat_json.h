// Frames of a server as the chat client reads them: a member that is missing or of another type is as good as empty.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost::app {

/// nullopt: not one JSON object, or nested deeper than 16.
std::optional<nlohmann::json> parse_frame(std::string_view text);

std::string text_of(const nlohmann::json& object, const char* name);
std::int64_t number_of(const nlohmann::json& object, const char* name);  // integers
bool flag_of(const nlohmann::json& object, const char* name);
const nlohmann::json& array_of(const nlohmann::json& object, const char* name);

/// What a person reads of a message's elements: texts and descriptions as they are, the rest as "[image]".
std::string shown_text(const nlohmann::json& elements);

}  // namespace nightpost::app
