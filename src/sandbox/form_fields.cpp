#include "sandbox/form_fields.h"

#include <algorithm>
#include <string>

#include "core/text.h"

namespace nightpost::sandbox {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Bytes that stand for themselves. A client that leaves others bare works by luck: the next '&' or '+' breaks it.
bool stands_bare(char c) { return c > ' ' && c < '\x7f' && c != '=' && c != ';' && c != '#'; }

auto malformed(std::size_t at, std::string_view what) {
  return fail(Errc::Malformed, "form byte " + std::to_string(at) + ": " + std::string(what));
}

}  // namespace

Result<FormFields> FormFields::parse(std::string_view body, std::size_t fields_max) {
  FormFields form;
  form.decoded_.resize(body.size());  // decoding never lengthens
  char* out = form.decoded_.data();
  for (std::size_t at = 0; at < body.size(); ++at) {  // one field a round; `at` ends on its '&'
    if (body[at] == '&') continue;
    const std::size_t start = at;
    const char* const name = out;
    const char* name_end = nullptr;
    for (; at < body.size() && body[at] != '&'; ++at) {
      const char c = body[at];
      if (c == '=' && !name_end) {
        name_end = out;
      } else if (c == '+') {
        *out++ = ' ';
      } else if (c == '%') {
        const int high = at + 2 < body.size() ? hex_digit(body[at + 1]) : -1;
        const int low = high >= 0 ? hex_digit(body[at + 2]) : -1;
        if (low < 0) return malformed(at, "'%' without two hex digits");
        *out++ = static_cast<char>(high * 16 + low);
        at += 2;
      } else if (stands_bare(c)) {
        *out++ = c;
      } else {
        return malformed(at, "must be percent-encoded");
      }
    }
    if (!name_end) name_end = out;
    if (name_end == name) return malformed(start, "a field without a name");
    if (form.fields_.size() == fields_max)
      return malformed(start, "more than " + std::to_string(fields_max) + " fields");
    form.fields_.emplace_back(std::string_view(name, name_end), std::string_view(name_end, out));
    const Field& field = form.fields_.back();
    if (!is_valid_utf8(field.first) || !is_valid_utf8(field.second)) return malformed(start, "not UTF-8");
  }
  return form;
}

std::optional<std::string_view> FormFields::find(std::string_view name) const noexcept {
  for (const Field& field : fields_)
    if (field.first == name) return field.second;
  return std::nullopt;
}

std::size_t FormFields::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(fields_, name, &Field::first));
}

}  // namespace nightpost::sandbox
