// What stands for a text that people read. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost::im {

/// Of a text; nullopt: it stays. Never longer than it.
using Reword = std::function<std::optional<std::string>(std::string_view text)>;

}  // namespace nightpost::im
