// Parts of a request that vendors' rules speak of.
#pragma once

#include <optional>
#include <string_view>

#include "server/http_server.h"

namespace nightpost::sandbox {

std::string_view path_of(const server::ServerRequest& request) noexcept;   // before '?'
std::string_view query_of(const server::ServerRequest& request) noexcept;  // behind it; empty: none
/// The first of that lower-case name; nullopt: none.
std::optional<std::string_view> header_of(const server::ServerRequest& request, std::string_view name) noexcept;
/// Is the content-type `media_type` (lower case), with charset UTF-8 if it names any?
bool has_media_type(const server::ServerRequest& request, std::string_view media_type);

inline constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
inline constexpr std::string_view kJsonType = "application/json";

}  // namespace nightpost::sandbox
