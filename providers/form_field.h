// Reading application/x-www-form-urlencoded text: bodies and queries that vendors post.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nightpost {

/// The decoded value of the first field of this name. nullopt: there is none, or its %XX are broken.
std::optional<std::string> form_field(std::string_view form, std::string_view name);

}  // namespace nightpost
