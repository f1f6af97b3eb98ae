#include "providers/shown_text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <utility>

#include "core/text.h"
#include "providers/text_fit.h"

namespace nightpost {
namespace {

/// Control characters that part words become a blank, others go.
std::string without_controls(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool c1 = c == '\xc2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) {
      ++i;  // U+0080 to U+009F
    } else if (c == '\n' && keep_lines) {
      out += c;
    } else if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      out += c;
    }
  }
  return out;
}

/// C0, DEL and C1, but for line breaks where they stay.
bool has_controls(std::string_view text, bool lines) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0x7f || (byte < 0x20 && !(lines && byte == '\n'))) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

}  // namespace

bool is_blank(std::string_view text) noexcept {
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < size;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), i, size, c);
    if (c < 0 || (!u_isUWhiteSpace(c) && !u_iscntrl(c) && !u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)))
      return false;
  }
  return true;
}

CleanText::CleanText(std::string_view text, bool lines) : view_(text) {
  const bool valid = is_valid_utf8(text);
  if (valid && !has_controls(text, lines)) return;
  copy_ = without_controls(valid ? std::string(text) : utf8_repaired(text), lines);
  view_ = copy_;
}

Result<ShownText> shown_text(const Notification& notification, std::string_view app_name, std::size_t title_units_max,
                             std::size_t body_units_max) {
  std::string title = without_controls(notification.title, false);
  if (is_blank(title)) title = without_controls(app_name, false);
  ShownText shown{fitted_utf16(title, title_units_max),
                  fitted_utf16(without_controls(notification.body, true), body_units_max)};
  if (is_blank(shown.title)) return fail(Errc::Malformed, "the title is blank, and no app name stands in for it");
  if (is_blank(shown.body)) return fail(Errc::Malformed, "the text is blank: the vendor shows nothing without one");
  return shown;
}

}  // namespace nightpost
