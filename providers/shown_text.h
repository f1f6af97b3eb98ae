// Title and body as a phone's shade takes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/notification.h"
#include "core/result.h"

namespace nightpost {

/// Nothing but white space and what has no shape: such a text is as good as none. REQUIRED: valid UTF-8.
bool is_blank(std::string_view text) noexcept;

/// `text` as valid UTF-8 and without control characters: those that part words are a blank, others are not there. The
/// line breaks stay where `lines` says so. Views `text` itself where nothing is wrong with it, as nearly always.
class CleanText {
 public:
  explicit CleanText(std::string_view text, bool lines = false);
  CleanText(const CleanText&) = delete;  // the view may be of this very object
  CleanText& operator=(const CleanText&) = delete;
  operator std::string_view() const noexcept { return view_; }
  const std::string_view* operator->() const noexcept { return &view_; }

 private:
  std::string copy_;
  std::string_view view_;
};

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
