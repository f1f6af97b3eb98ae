// What the service looks at before a command is made: on the loop, pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "im/domain/codes.h"
#include "im/service/service.h"
#include "im/service/service_options.h"

namespace nightpost::im {

/// Text that both stores can hold, and no longer than `most` bytes: Malformed, TooLarge, with `field` in `why`.
Answer<void> check_text(std::string_view text, std::string_view field, std::size_t most);
Answer<void> check_profile(const Profile& profile, const ServiceOptions& options);

}  // namespace nightpost::im
