// What a phone shows of a request that a simulator took, whatever the vendor: the demo's last column.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/vendor.h"

namespace nightpost::app::demo {

/// "title: text", or the text alone where the title says nothing. `requests` is the sandbox's log of the vendor, oldest
/// first; the newest that names `token` is shown, or the content stored just before it. Empty: there is none.
std::string shown(const nlohmann::json& requests, std::string_view token);

}  // namespace nightpost::app::demo
