// What a person sees of the chat client's events. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nightpost::app {

/// Whole lines, each with its line break, safe for a terminal whatever a sender wrote; empty: nothing to see.
std::string chat_text(const nlohmann::json& event);

}  // namespace nightpost::app
