// What proves to Meizu that a request is the app's (spec §5.2).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nightpost::meizu {

/// MD5, 32 lower-case hex digits, of all parameters but `sign` as "name=value" by ascending name, then the secret.
/// Values as they are before form encoding. Empty: libcrypto offers no MD5.
std::string signature_of(std::vector<std::pair<std::string_view, std::string_view>> parameters,
                         std::string_view app_secret);

}  // namespace nightpost::meizu
