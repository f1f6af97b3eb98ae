#include "im/rest/url.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kRoot = "/v4/";

int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// '+' stays: a signature's alphabet has none, and an identifier may.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

void read_parameter(std::string_view parameter, RestUrl& url) {
  const std::size_t equals = parameter.find('=');
  if (equals == parameter.npos) return;
  const std::string name = percent_decoded(parameter.substr(0, equals));
  std::optional<std::string>* const value = name == "sdkappid"     ? &url.app
                                            : name == "identifier" ? &url.identifier
                                            : name == "usersig"    ? &url.signature
                                                                   : nullptr;
  if (value != nullptr && !*value) *value = percent_decoded(parameter.substr(equals + 1));
}

}  // namespace

std::optional<RestUrl> rest_url(std::string_view target) {
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  if (!path.starts_with(kRoot)) return std::nullopt;
  path.remove_prefix(kRoot.size());
  const std::size_t slash = path.find('/');
  if (slash == path.npos || slash == 0 || slash + 1 == path.size()) return std::nullopt;
  RestUrl url{.service = std::string(path.substr(0, slash)),
              .command = std::string(path.substr(slash + 1)),
              .app = {},
              .identifier = {},
              .signature = {}};
  if (url.command.contains('/')) return std::nullopt;
  std::string_view query = question == target.npos ? std::string_view() : target.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    read_parameter(query.substr(0, end), url);
    query.remove_prefix(end == query.npos ? query.size() : end + 1);
  }
  return url;
}

}  // namespace nightpost::im
