// Values of private-message templates (spec §2.4, page X-2314): no emoji, no other symbols.
#pragma once

#include <string>
#include <string_view>

namespace nightpost::xiaomi {

/// `text` with '*' for each run of what a template refuses, cut to 128 UTF-16 units. Blank only where `text` is.
/// REQUIRED: valid UTF-8.
std::string template_value(std::string_view text);

}  // namespace nightpost::xiaomi
