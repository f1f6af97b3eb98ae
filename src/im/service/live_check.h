// What the store says of a live room's members, who have no rows there.
#pragma once

#include <string>
#include <vector>

#include "im/service/command.h"

namespace nightpost::im {

struct LiveCheck {
  AppId app;
  bool over = false;                // the group is no more
  std::vector<std::string> banned;  // until later than now
};
Answer<LiveCheck> check_live(Work& work, ConvId room);

}  // namespace nightpost::im
