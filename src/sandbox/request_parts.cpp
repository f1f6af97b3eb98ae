#include "sandbox/request_parts.h"

#include <cctype>
#include <string>

namespace nightpost::sandbox {

std::string_view path_of(const server::ServerRequest& request) noexcept {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

std::string_view query_of(const server::ServerRequest& request) noexcept {
  const std::string_view target = request.target;
  const auto mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

std::optional<std::string_view> header_of(const server::ServerRequest& request, std::string_view name) noexcept {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return std::nullopt;
}

bool has_media_type(const server::ServerRequest& request, std::string_view media_type) {
  std::string text;
  for (const char c : header_of(request, "content-type").value_or(""))
    if (c != ' ' && c != '"') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text.ends_with(';')) text.pop_back();
  if (!text.starts_with(media_type)) return false;
  text.erase(0, media_type.size());
  return text.empty() || text == ";charset=utf-8" || text == ";charset=utf8";
}

}  // namespace nightpost::sandbox
