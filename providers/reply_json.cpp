#include "providers/reply_json.h"

#include <charconv>

namespace nightpost {

std::string printable(std::string_view word, std::size_t bytes_max) {
  std::string out(word.substr(0, bytes_max));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

std::string vendor_words(std::string_view words) {
  constexpr std::size_t kBytesMax = 160;
  std::string out;
  std::size_t letters = 0;
  for (const char c : words) {
    if (out.size() == kBytesMax) break;
    const bool plain = c >= 0x20 && c <= 0x7e;
    if (plain)
      out += c;
    else if (!out.ends_with('?'))
      out += '?';  // one for a whole run
    letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? 1 : 0;
  }
  if (letters < 2) return {};
  while (out.ends_with(' ') || out.ends_with('.')) out.pop_back();
  return " It said: " + out + '.';
}

nlohmann::json parsed(std::string_view text) {
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

const nlohmann::json* member(const nlohmann::json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() ? nullptr : &*found;
}

std::string text_in(const nlohmann::json& json, const char* name) {
  const nlohmann::json* found = member(json, name);
  if (found == nullptr) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_unsigned()) return std::to_string(found->get<std::uint64_t>());
  if (found->is_number_integer()) return std::to_string(found->get<std::int64_t>());
  return {};
}

std::optional<std::int64_t> integer_in(const nlohmann::json& json, const char* name) {
  const std::string text = text_in(json, name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace nightpost
