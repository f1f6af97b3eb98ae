// Where a certificate's pushes go: Apple's host and the app's topic.
#pragma once

#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"

namespace nightpost::apns {

/// "https://api.push.apple.com", the sandbox's for development, or the certificate's host_override.
/// Malformed: the override is not "https://host" or "https://host:port" (no user, path, query; IPv6 in brackets).
Result<std::string> origin_of(const Certificate& certificate);

/// Whether its pushes may go to `topic`: a signing key's to any, a .p12's to those that it lists.
bool serves(const Certificate& certificate, std::string_view topic) noexcept;

/// Letters, digits, '-', '.' and '_'; not empty, at most 155 characters. So it can be a topic and a header.
bool is_bundle_id(std::string_view text) noexcept;

}  // namespace nightpost::apns
