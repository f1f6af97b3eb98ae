#include "im/service/checks.h"

#include <string>

#include "core/text.h"

namespace nightpost::im {

Answer<void> check_text(std::string_view text, std::string_view field, std::size_t most) {
  if (text.size() > most)
    return refuse(Code::TooLarge, std::string(field) + ": longer than " + std::to_string(most) + " bytes");
  if (!is_valid_utf8(text)) return refuse(Code::Malformed, std::string(field) + ": not UTF-8");
  if (text.contains('\0')) return refuse(Code::Malformed, std::string(field) + ": holds U+0000");
  return {};
}

Answer<void> check_profile(const Profile& profile, const ServiceOptions& options) {
  if (auto ok = check_text(profile.nick.value_or(""), "nick", options.nick_bytes_max); !ok) return ok;
  return check_text(profile.face.value_or(""), "face", options.face_bytes_max);
}

}  // namespace nightpost::im
