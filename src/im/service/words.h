// An app's words at every door: what a message or a name becomes by them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "im/service/actor.h"
#include "im/service/command.h"

namespace nightpost::im {

struct Reworded {
  std::optional<std::string> elements, push;  // with masked words; absent: as they were
};
/// Of checked content. WordRefused.
Answer<Reworded> reworded(Work& work, AppId app, bool by_app, std::string_view elements, std::string_view push);

/// The draft with its words masked; nullopt: as it is. WordRefused. Of Draft and GroupDraft.
template <class AnyDraft>
Answer<std::optional<AnyDraft>> worded(Work& work, const Actor& who, const AnyDraft& draft) {
  if (draft.worded || draft.signal) return std::nullopt;
  auto words = reworded(work, who.user.app, who.admin(), draft.elements, draft.push);
  if (!words) return std::unexpected(std::move(words.error()));
  if (!words->elements && !words->push) return std::nullopt;
  AnyDraft out = draft;
  if (words->elements) out.elements = *std::move(words->elements);
  if (words->push) out.push = *std::move(words->push);
  return out;
}

/// A text of people's that is no message: likewise, of `field`.
Answer<void> mask_words(Work& work, AppId app, bool by_app, std::string_view field, std::string& text);
/// Likewise of a name, where the app wants its words sought in names.
Answer<void> mask_name(Work& work, const Actor& who, std::string_view field, std::optional<std::string>& text);
Answer<void> mask_name(Work& work, const Actor& who, std::string_view field, std::string& text);

}  // namespace nightpost::im
