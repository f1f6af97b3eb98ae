// Text for vendors' templates that refuse emoji and other symbols (Unicode's category So).
#pragma once

#include <string>
#include <string_view>

namespace nightpost {

/// `text` with '*' for each run of symbols, so blank only where `text` is. REQUIRED: valid UTF-8.
std::string symbol_free(std::string_view text);

}  // namespace nightpost
