#include "im/service/words.h"

#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/service/before_questions.h"

namespace nightpost::im {
namespace {

/// The words that hold; null: none do.
const WordFilter* words_for(const Work& work, AppId app, bool by_app) {
  const AppRules& rules = work.rules->of(app);
  return by_app && !rules.settings.words_of_app ? nullptr : rules.words.get();
}

std::unexpected<Refusal> refuse_words(Work& work, std::string_view field) {
  if (WordCounts* const counts = work.rules->counts()) ++counts->refused;
  return refuse(Code::WordRefused, std::string(field) + ": holds a word that is not allowed here");
}

/// A look ahead is followed by the command itself.
WordCounts* counts_of(const Work& work) { return is_look_ahead(work) ? nullptr : work.rules->counts(); }
void count_masked(const Work& work) {
  if (WordCounts* const counts = counts_of(work)) ++counts->masked;
}
void count_marked(const Work& work) {
  if (WordCounts* const counts = counts_of(work)) ++counts->marked;
}

}  // namespace

Answer<Reworded> reworded(Work& work, AppId app, bool by_app, std::string_view elements, std::string_view push) {
  const WordFilter* const words = words_for(work, app, by_app);
  if (words == nullptr) return Reworded{};
  bool refused = false, marked = false;
  const Reword reword = [&](std::string_view text) -> std::optional<std::string> {
    if (refused) return std::nullopt;
    WordVerdict verdict = words->judge(text);
    refused = verdict.refused;
    marked = marked || verdict.marked;
    return std::move(verdict.masked);
  };
  Reworded out{.elements = reworded_elements(elements, reword), .push = std::nullopt};
  if (refused) return refuse_words(work, "elements");
  out.push = reworded_push(push, reword);
  if (refused) return refuse_words(work, "push");
  if (out.elements || out.push) count_masked(work);
  if (marked) count_marked(work);
  work.words_marked = work.words_marked || marked;
  return out;
}

Answer<void> mask_words(Work& work, AppId app, bool by_app, std::string_view field, std::string& text) {
  const WordFilter* const words = words_for(work, app, by_app);
  if (words == nullptr || text.empty()) return {};
  WordVerdict verdict = words->judge(text);
  if (verdict.refused) return refuse_words(work, field);
  if (verdict.marked) count_marked(work);
  if (!verdict.masked) return {};
  text = *std::move(verdict.masked);
  count_masked(work);
  return {};
}

Answer<void> mask_name(Work& work, const Actor& who, std::string_view field, std::string& text) {
  if (!work.rules->of(who.user.app).settings.words_in_names) return {};
  return mask_words(work, who.user.app, who.admin(), field, text);
}

Answer<void> mask_name(Work& work, const Actor& who, std::string_view field, std::optional<std::string>& text) {
  return text ? mask_name(work, who, field, *text) : Answer<void>();
}

}  // namespace nightpost::im
