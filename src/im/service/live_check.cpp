#include "im/service/live_check.h"

#include <utility>

namespace nightpost::im {
namespace {

constexpr std::size_t kBannedPage = 1'000;

}  // namespace

Answer<LiveCheck> check_live(Work& work, ConvId room) {
  const auto group = work.tables.group(room);
  LiveCheck out{.over = !group || group->dismissed};
  if (out.over) return out;
  out.app = group->app;
  for (std::string after;;) {
    std::vector<LiveRule> page = work.tables.live_rules(room, after, work.now, true, kBannedPage);
    for (LiveRule& rule : page) out.banned.push_back(std::move(rule.user));
    if (page.size() < kBannedPage) return out;
    after = out.banned.back();
  }
}

}  // namespace nightpost::im
