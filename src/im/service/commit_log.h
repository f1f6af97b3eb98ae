// Whom a commit concerns: kept in the store for some time, so that a node which was not told of a commit looks up those
// alone. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "im/service/service.h"

namespace nightpost::im {

struct Concerned {
  std::vector<UserKey> users;  // whoever of them is connected was to be told something, or their logins ended
  std::vector<ConvId> groups;  // likewise, of their members
  bool withdrew = false;       // pushes, for a message was recalled
  bool all = false;            // more than can be said, or it is not known: anybody
};

inline constexpr std::size_t kConcernedMax = 1'000;  // users and groups of a commit; beyond, all

Concerned concerned_by(const Committed& commit);
/// One is `all` where they make more than `most` users and groups.
void add_concerned(Concerned& to, Concerned&& from, std::size_t most);
/// Each of them once.
void settle_concerned(Concerned& all);

std::string encode_concerned(const Concerned& concerned);
/// nullopt: another version's.
std::optional<Concerned> decode_concerned(std::string_view text);

}  // namespace nightpost::im
