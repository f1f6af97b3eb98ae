#include "providers/cut_to_fit.h"

#include "providers/text_fit.h"

namespace nightpost {
namespace {

constexpr std::size_t kBodyClustersMin = 20;  // below this a cut body says nothing

}  // namespace

std::optional<Texts> cut_to_fit(std::string_view title, std::string_view body, std::size_t room) {
  const std::size_t title_size = json_escaped_size(title);
  if (title_size <= room)
    if (title_size + json_escaped_size(body) <= room) return Texts{std::string(title), std::string(body)};
  if (title_size <= room)
    if (auto cut = fitted(body, room - title_size, kBodyClustersMin)) return Texts{std::string(title), *std::move(cut)};
  std::string least = shortened(body, kBodyClustersMin);
  const std::size_t least_size = json_escaped_size(least);
  if (least_size > room || title.empty()) return std::nullopt;
  auto cut = fitted(title, room - least_size, 1);
  if (!cut) return std::nullopt;
  return Texts{*std::move(cut), std::move(least)};
}

}  // namespace nightpost
