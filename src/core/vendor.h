// The vendors, one value each. Adding one: the enum, its word in names.cpp, its room in providers/, its line in app.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nightpost {

enum class Vendor : std::uint8_t { Apns, Fcm, Huawei, Honor, Xiaomi, Oppo, Vivo, Meizu, Count };

/// The word in config, store, metrics and outcomes: "apns".
std::string_view name_of(Vendor vendor) noexcept;
std::optional<Vendor> vendor_from(std::string_view name) noexcept;

}  // namespace nightpost
