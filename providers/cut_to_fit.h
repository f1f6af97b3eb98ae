// Title and body cut so that a request stays within its vendor's size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost {

struct Texts {
  std::string title;
  std::string body;
};

/// Both whole where they fit into `room` bytes of JSON strings together; else the body is cut between characters as
/// readers see them, to 20 of them at the least, then the title, to one.
/// nullopt: not even so. REQUIRED: valid UTF-8.
std::optional<Texts> cut_to_fit(std::string_view title, std::string_view body, std::size_t room);

}  // namespace nightpost
