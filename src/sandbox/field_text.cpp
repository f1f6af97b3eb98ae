#include "sandbox/field_text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "core/text.h"

namespace nightpost::sandbox {
namespace {

std::string digest_hex(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm, nullptr) != 1)
    throw std::runtime_error("libcrypto refuses a digest");
  return hex({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace

std::size_t utf16_units(std::string_view utf8) noexcept {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

bool is_blank(std::string_view utf8) noexcept {
  constexpr std::string_view kIdeographicSpace = "\u3000";
  while (!utf8.empty()) {
    const auto byte = static_cast<unsigned char>(utf8.front());
    if (byte > ' ' && !utf8.starts_with(kIdeographicSpace)) return false;
    utf8.remove_prefix(byte > ' ' ? kIdeographicSpace.size() : 1);
  }
  return true;
}

std::optional<std::int64_t> whole_number(std::string_view text) noexcept {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

bool is_web_url(std::string_view text) noexcept {
  for (const std::string_view scheme : {"https://", "http://"})
    if (text.starts_with(scheme)) return text.size() > scheme.size() && !text.contains(' ');
  return false;
}

bool is_intent_uri(std::string_view text) noexcept {
  return text.starts_with("intent:") && text.ends_with(";end") && text.contains("#Intent;");
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t end = 0; (end = text.find(separator)) != text.npos; text.remove_prefix(end + separator.size()))
    pieces.push_back(text.substr(0, end));
  pieces.push_back(text);
  return pieces;
}

std::string md5_hex(std::string_view bytes) { return digest_hex(EVP_md5(), bytes); }
std::string sha256_hex(std::string_view bytes) { return digest_hex(EVP_sha256(), bytes); }

}  // namespace nightpost::sandbox
