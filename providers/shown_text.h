// Title and body as a phone's shade takes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/notification.h"
#include "core/result.h"

namespace nightpost {

struct ShownText {
  std::string title;
  std::string body;
};

/// Without control characters (the body keeps its line breaks), cut to so many UTF-16 units between characters as
/// readers see them. A blank title becomes `app_name`. Malformed: the body is blank, or the title and app_name are.
/// REQUIRED: valid UTF-8, limits ≥ 1.
Result<ShownText> shown_text(const Notification& notification, std::string_view app_name, std::size_t title_units_max,
                             std::size_t body_units_max);

}  // namespace nightpost
