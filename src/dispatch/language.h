// The words a notification is built of, by the receiver's language.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/event.h"

namespace nightpost::dispatch {

/// Stands for an element that is not text: "[图片]", "[Image]".
using ElementWords = std::array<std::string_view, static_cast<std::size_t>(ElementType::Other) + 1>;

struct Language {
  std::string tag;    // lower case: "zh", "zh-hant", "pt-br"
  std::string title;  // where the sender gave none
  const ElementWords* words = nullptr;
  std::string_view recalled;    // stands for a message that was taken back
  std::string_view call;        // stands for a call
  std::string_view call_ended;  // stands for one that rings no more
};

/// Element words exist in zh, zh-Hant, en, ja, ko, es, fr, de, ru, ar and pt. Immutable once built.
class Languages {
 public:
  /// `titles` by tag. What a language lacks it takes from the shorter tag ("pt-BR" from "pt"), then from the tenant's;
  /// that, if there is none, says "a new message", and in English.
  Languages(std::string_view tenant, const std::map<std::string, std::string>& titles);

  /// Of "pt-BR", "en_US.UTF-8", "EN": the language with most of these subtags. Chinese goes by its script: zh-TW, zh-HK
  /// and zh-MO are zh-Hant, all others zh. Unknown or empty: the tenant's.
  std::size_t find(std::string_view tag) const noexcept;
  /// The first of the two that names a known language, else the tenant's.
  std::size_t find(std::string_view device, std::string_view user) const noexcept;
  const Language& operator[](std::size_t index) const noexcept { return all_[index]; }
  std::size_t size() const noexcept { return all_.size(); }

 private:
  std::size_t search(std::string_view tag) const noexcept;  // size() if unknown
  std::vector<Language> all_;
  std::size_t tenant_ = 0;
};

/// Two tags that are one language here ("zh-TW" and "zh-Hant"): only one of their titles could be shown.
std::optional<std::pair<std::string, std::string>> equal_tags(const std::map<std::string, std::string>& titles);

}  // namespace nightpost::dispatch
