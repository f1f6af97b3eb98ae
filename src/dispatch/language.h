// The words a notification is built of, by the receiver's language.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/event.h"

namespace nightpost::dispatch {

/// Stands for an element that is not text: "[图片]", "[Image]".
using ElementWords = std::array<std::string_view, static_cast<std::size_t>(ElementType::Other) + 1>;

struct Language {
  std::string tag;    // primary subtag, lower case: "zh"
  std::string title;  // where the sender gave none
  const ElementWords* words = nullptr;
};

/// Element words exist in zh and en; a language known only by its title borrows the tenant's.
/// Immutable once built.
class Languages {
 public:
  /// `titles` by tag; a language without one takes the tenant's, and that, if there is none, "a new message".
  Languages(std::string_view tenant, const std::map<std::string, std::string>& titles);

  /// Of "zh-Hans-CN", "en_US", "EN": the language of the primary subtag. Unknown or empty: the tenant's.
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

}  // namespace nightpost::dispatch
