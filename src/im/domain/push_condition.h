// Who a push to all is for, and how its receivers are taken in chunks: a page of each key at a time, so that neither a
// million users nor a condition that few of them meet is ever held in memory. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "im/domain/codes.h"

namespace nightpost::im {

inline constexpr std::size_t kPushKeysMax = 10;        // tags or attributes of a condition
inline constexpr std::size_t kPushUsersMax = 500;      // users that are named
inline constexpr std::size_t kPushKeyBytesMax = 50;    // of a tag, of an attribute's name and of its value
inline constexpr std::size_t kUserTagsMax = 100;       // of a user
inline constexpr std::size_t kAttributeNamesMax = 10;  // of an app

struct PushCondition {
  enum class Is : std::uint8_t { All, TagsAnd, TagsOr, AttrsAnd, AttrsOr, Users } is = Is::All;
  struct Key {
    std::string name;   // a tag, an attribute, a user
    std::string value;  // of an attribute
    bool operator==(const Key&) const = default;
  };
  std::vector<Key> keys;  // of All: none
  bool operator==(const PushCondition&) const = default;
};

/// 1-50 bytes of UTF-8 without a control character: Malformed, with `field` in `why`.
Answer<void> check_push_key(std::string_view key, std::string_view field);
/// Malformed: too few or too many keys, or one that can be none.
Answer<void> check_condition(const PushCondition& condition);

/// As one column holds it: two lines a key. REQUIRED: the keys were checked.
std::string keys_to_text(const PushCondition& condition);
std::vector<PushCondition::Key> keys_from_text(std::string_view text);

/// Of the users with one key those above a point, by id.
struct PushKeyPage {
  std::vector<std::string> users;
  bool full = false;  // there may be more above the last
};
struct PushChunk {
  std::vector<std::string> users;  // by id
  std::string upto;                // of those up to it nobody is left; where it is the last one, empty
  bool last = false;
};
/// What the pages of a condition's keys say for sure: `every`, who is in all of them, else in any; at most `limit`.
/// REQUIRED: at least one page; a full one has users.
PushChunk chunk_of(const std::vector<PushKeyPage>& pages, bool every, std::size_t limit);

}  // namespace nightpost::im
