#include "admin/target.h"

#include "core/text.h"

namespace nightpost::admin {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (out.contains('\0') || !is_valid_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace

std::expected<Target, Refusal> read_target(std::string_view target) {
  Target out;
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  if (!path.starts_with('/')) return malformed("the path does not begin with /");
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    auto segment = percent_decoded(path.substr(0, slash), false);
    if (!segment) return malformed("the path is not percent-encoded UTF-8");
    out.segments.push_back(*std::move(segment));
    path = slash == path.npos ? std::string_view() : path.substr(slash);
  }
  if (question == target.npos) return out;
  for (std::string_view rest = target.substr(question + 1); !rest.empty();) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return malformed("the query is not percent-encoded UTF-8");
    if (!out.query.emplace(*name, *std::move(value)).second) return malformed("given twice", "query." + *name);
  }
  return out;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern, const std::vector<std::string>& segments) {
  std::vector<std::string> found;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    pattern.remove_prefix(1);
    const std::size_t slash = pattern.find('/');
    const std::string_view wanted = pattern.substr(0, slash);
    pattern = slash == pattern.npos ? std::string_view() : pattern.substr(slash);
    if (wanted.starts_with('{')) {
      if (segment.empty()) return std::nullopt;
      found.push_back(segment);
    } else if (wanted != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return found;
}

}  // namespace nightpost::admin
