#include "im/service/callback_room.h"

#include <algorithm>

namespace nightpost::im {
namespace {

constexpr milliseconds kCountCallbacksAgain{1'000};

}  // namespace

bool CallbackRoom::take(Tables& tables, AppId app, std::size_t most, WallTime now) {
  App& room = apps_[app];
  const bool may_count = now < room.counted_at || now - room.counted_at >= kCountCallbacksAgain;
  if (room.left == 0 && may_count) {
    const std::size_t rows = tables.count_callbacks(app, most);
    if (tables.failure()) return false;  // so has the command
    room = {.left = most - std::min(most, rows), .counted_at = now};
  }
  if (room.left == 0) {
    ++dropped_;
    return false;
  }
  --room.left;
  ++taken_;
  return true;
}

}  // namespace nightpost::im
