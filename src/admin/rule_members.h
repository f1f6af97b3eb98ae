// What the routes of an app's words and settings take. For routes.cpp alone.
#pragma once

#include <cstdint>

#include "admin/members.h"

namespace nightpost::admin {

inline constexpr std::int64_t kWordListTextMax = 1'000'000;  // bytes; `console.body_bytes_max` is the request's
inline constexpr std::string_view kActionWords = "refuse|mask|mark";

inline constexpr Member kWordsQuery[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"holds", Member::Is::Text, "part of the word; case and width make no difference", false, false, 0, 64},
    {"after", Member::Is::Text, "`next` of the page before", false, false, 0, 4'096},
    {"limit", Member::Is::Integer, "items, 100 where left out", false, false, 1, 1'000},
};
inline constexpr Member kWordBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"word", Member::Is::Text, "case, width and what does not show make no difference", true, false, 0, 64},
    {"action", Member::Is::Text, "refuse, as where left out: not sent; mask: becomes *; mark: the app's server is told",
     false, true, 0, 16, kActionWords},
};
inline constexpr Member kWordQuery[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"word", Member::Is::Text, "as it was added, or in another spelling of it", true, false, 0, 64},
};
inline constexpr Member kWordListBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"text", Member::Is::Text, "a word a line, or WORD<tab>ACTION; # begins a remark", true, false, 0,
     kWordListTextMax},
    {"action", Member::Is::Text, "of lines that name none; refuse where left out", false, true, 0, 16, kActionWords},
};
inline constexpr Member kSettingBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"name", Member::Is::Text, "as GET /v1/im/settings has it", true, false, 0, 64},
    {"value", Member::Is::Text, "true, false or a number, as a text", true, false, 0, 64},
};
inline constexpr Member kSettingQuery[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"name", Member::Is::Text, "as GET /v1/im/settings has it", true, false, 0, 64},
};

}  // namespace nightpost::admin
