#include "dispatch/language.h"

namespace nightpost::dispatch {
namespace {

// In the order of ElementType; text, custom and unknown elements have no word. The first four zh words are the
// reference's, the rest ours.
constexpr ElementWords kZh = {"",           "[语音]",     "[文件]", "[图片]", "[视频]", "[位置]",
                              "[动画表情]", "[聊天记录]", "[名片]", "",       ""};
constexpr ElementWords kEn = {"",          "[Voice]",        "[File]",         "[Image]", "[Video]", "[Location]",
                              "[Sticker]", "[Chat History]", "[Contact Card]", "",        ""};

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view primary(std::string_view tag) noexcept { return tag.substr(0, tag.find_first_of("-_.@")); }

bool same(std::string_view lowered, std::string_view tag) noexcept {
  if (lowered.size() != tag.size()) return false;
  for (std::size_t i = 0; i < tag.size(); ++i)
    if (lowered[i] != lower(tag[i])) return false;
  return true;
}

}  // namespace

Languages::Languages(std::string_view tenant, const std::map<std::string, std::string>& titles) {
  all_ = {{"zh", "", &kZh}, {"en", "", &kEn}};
  const auto index_of = [&](std::string_view tag) {
    if (const std::size_t i = search(tag); i < all_.size()) return i;
    std::string lowered;
    for (const char c : primary(tag)) lowered += lower(c);
    all_.push_back({std::move(lowered), "", nullptr});
    return all_.size() - 1;
  };
  for (const auto& [tag, title] : titles) all_[index_of(tag)].title = title;
  tenant_ = tenant.empty() ? 0 : index_of(tenant);
  if (all_[tenant_].title.empty()) all_[tenant_].title = "a new message";
  if (all_[tenant_].words == nullptr) all_[tenant_].words = &kEn;
  for (Language& language : all_) {
    if (language.title.empty()) language.title = all_[tenant_].title;
    if (language.words == nullptr) language.words = all_[tenant_].words;
  }
}

std::size_t Languages::search(std::string_view tag) const noexcept {
  const std::string_view wanted = primary(tag);
  std::size_t i = 0;
  while (i < all_.size() && !same(all_[i].tag, wanted)) ++i;
  return i;
}

std::size_t Languages::find(std::string_view tag) const noexcept {
  const std::size_t i = search(tag);
  return i < all_.size() ? i : tenant_;
}

std::size_t Languages::find(std::string_view device, std::string_view user) const noexcept {
  const std::size_t i = search(device);
  return i < all_.size() ? i : find(user);
}

}  // namespace nightpost::dispatch
