// vivo's host and limits, as data (vivo, push server API). Texts are counted in UTF-16
// units.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace nightpost::vivo {

inline constexpr std::string_view kOrigin = "https://api-push.vivo.com.cn";  // no other region is documented

inline constexpr std::size_t kTitleUnits = 40;
inline constexpr std::size_t kContentUnits = 100;
inline constexpr std::size_t kCustomMapUnits = 1024;  // all keys and values
inline constexpr std::size_t kUrlBytes = 1000;        // newer documents say 1024, the newest 2048
inline constexpr std::size_t kIntentBytes = 1024;
inline constexpr std::size_t kCallbackBytes = 128;
inline constexpr std::size_t kCallbackParamBytes = 64;  // the newest documents say 192
inline constexpr std::size_t kListMin = 2;              // one id goes by itself: 10153, 10154
inline constexpr std::size_t kListMax = 1000;
inline constexpr std::size_t kTokenBytes = 1024;  // ours: vivo's own have had 23 digits and "v2-…", more may come
inline constexpr std::size_t kTaskIdBytes = 64;   // ours; vivo's have 12 digits
inline constexpr std::chrono::seconds kStoredMin{60};
inline constexpr std::chrono::seconds kStoredMax{86'400};
// Operation messages, China's time.
inline constexpr std::chrono::hours kOpens{7};
inline constexpr std::chrono::hours kCloses{23};

}  // namespace nightpost::vivo
