#include "app/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace nightpost::app {
namespace {

/// Columns of one code point: 0 for marks, joiners and variation selectors, 2 for wide ones.
std::size_t columns_of(UChar32 c) {
  if (c < 0x20 || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || u_charType(c) == U_NON_SPACING_MARK ||
      u_charType(c) == U_ENCLOSING_MARK)
    return 0;
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

/// The longest prefix that fits into `columns`, and how many it takes.
std::pair<std::size_t, std::size_t> prefix(std::string_view utf8, std::size_t columns) {
  std::size_t taken = 0;
  std::int32_t at = 0;
  const auto size = static_cast<std::int32_t>(utf8.size());
  while (at < size) {
    const std::int32_t start = at;
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(reinterpret_cast<const std::uint8_t*>(utf8.data()), at, size, c);
    if (taken + columns_of(c) > columns) return {static_cast<std::size_t>(start), taken};
    taken += columns_of(c);
  }
  return {utf8.size(), taken};
}

}  // namespace

int exit_code_of(const Error& error) noexcept {
  switch (error.code) {
    case Errc::Malformed:
    case Errc::Unauthorized:
      return kBadUsage;
    case Errc::NotFound:
      return kNotAllWell;
    default:
      return kUnreachable;
  }
}

int say_error(std::string_view line, int exit_code) {
  fmt::print(stderr, "nightpost: {}\n", line);
  return exit_code;
}
int say_error(const Error& error) { return say_error(error.detail, exit_code_of(error)); }

void print_json(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

std::size_t width_of(std::string_view utf8) { return prefix(utf8, std::size_t(-1)).second; }

std::string fitted(std::string_view utf8, std::size_t columns) {
  if (const std::size_t width = width_of(utf8); width <= columns)
    return std::string(utf8) + std::string(columns - width, ' ');
  const auto [bytes, taken] = prefix(utf8, columns - 1);
  return std::string(utf8.substr(0, bytes)) + "…" + std::string(columns - 1 - taken, ' ');
}

std::string Table::text(std::string_view none) const {
  if (rows_.empty()) return std::string(none) + '\n';
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < head_.size(); ++column) {
    std::size_t widest = width_of(head_[column]);
    for (const auto& cells : rows_) widest = std::max(widest, width_of(cells[column]));
    widths.push_back(widest);
  }
  std::string text;
  const auto append = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) line += fitted(cells[column], widths[column]) + "  ";
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  append(head_);
  for (const auto& cells : rows_) append(cells);
  return text;
}

std::string printable(std::string_view text) {
  std::string clean = utf8_repaired(text);
  std::erase_if(clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return clean;
}

std::string shown_time(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(seconds));
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace nightpost::app
